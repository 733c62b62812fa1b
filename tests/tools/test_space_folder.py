"""`mtl space OUT` writes a folder that Hugging Face Spaces takes as it is, and nothing that it has no use for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from mtl.__main__ import main
from mtl.tools import space
from tests.test_requirements import pinned

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "Spacefile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder of a Space for processors."""
    out = tmp_path_factory.mktemp("spaces") / "new" / "space"
    assert main(["space", str(out)]) == 0
    return out


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def block_of(folder: Path) -> dict:
    fence, block, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert fence == ""
    return yaml.safe_load(block)


def required(folder: Path) -> tuple[list[str], dict[str, Requirement]]:
    """The options of the requirement file, and its requirements by name."""
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = map(Requirement, (line for line in lines if not line.startswith("-")))
    return [line for line in lines if line.startswith("-")], {r.name: r for r in requirements}


def test_it_holds_what_is_needed_and_nothing_else(made):
    code = {p.relative_to(ROOT).as_posix() for p in (ROOT / "mtl").rglob("*") if p.suffix in (".py", ".html")}
    listed = subprocess.run(["git", "ls-files", "assets"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assets = {name for name in listed.stdout.splitlines() if not name.endswith(".png")}
    of_its_own = {"README.md", "LICENSE", "app.py", "requirements.txt", ".gitattributes"}
    assert names(made) == code | assets | of_its_own
    for name in code | assets | {"app.py", "LICENSE"}:
        assert (made / name).read_bytes() == (ROOT / name).read_bytes()


def test_its_readme_has_the_settings_on_top_and_says_what_it_is(made):
    assert block_of(made) == SETTINGS | {"suggested_hardware": "cpu-basic"}
    text = (made / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]
    assert text.startswith("\n# MTL Playground\n\nOne small sentence encoder")
    assert "](" not in text, "a link or a picture that leads to nothing there"


def test_torch_comes_without_cuda_and_all_else_is_pinned_as_here(made):
    options, requirements = required(made)
    here = {name: pin for name, (pin, _) in pinned("requirements.txt").items()}
    assert options == ["--extra-index-url https://download.pytorch.org/whl/cpu"]
    assert str(requirements.pop("torch")) == f"{here.pop('torch')}+cpu"
    assert {name: str(pin) for name, pin in requirements.items()} == {name: str(pin) for name, pin in here.items()}


def test_git_would_store_binary_files_where_the_hub_wants_them(made):
    lines = (made / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert lines == ["*.safetensors filter=lfs diff=lfs merge=lfs -text"]
    for name in names(made):
        if not name.endswith(".safetensors"):
            (made / name).read_bytes().decode("utf-8")
            assert (made / name).stat().st_size < 10_000_000


def test_a_space_for_zerogpu_has_what_zerogpu_has(tmp_path):
    assert main(["space", str(tmp_path / "out"), "--zerogpu"]) == 0
    settings = block_of(tmp_path / "out")
    assert settings == SETTINGS | {"suggested_hardware": "zero-a10g", "python_version": "3.12.12"}
    options, requirements = required(tmp_path / "out")
    assert options == [] and "spaces" in requirements
    here = pinned("requirements.txt")
    assert here.keys() - requirements.keys() == {name for name, (_, asked) in here.items() if asked == {"torch"}}
    [release] = requirements["torch"].specifier
    assert release.operator == "==" and (2, 8) <= tuple(map(int, release.version.split(".")[:2])) <= (2, 11)


def test_a_space_for_an_organisation_signs_in_its_members(tmp_path):
    assert main(["space", str(tmp_path / "out"), "--org", "acme-labs"]) == 0
    settings = block_of(tmp_path / "out")
    assert (settings["hf_oauth"], settings["hf_oauth_authorized_org"]) == (True, "acme-labs")


def test_a_space_with_a_bucket_knows_where_it_is(tmp_path):
    assert main(["space", str(tmp_path / "out"), "--bucket", "/data"]) == 0
    code = "import os, app; print(os.environ['MTL_BUCKET'])"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True)
    assert out.stdout == "/data\n", out.stderr


def test_a_space_can_be_written_beside_the_assets_it_is_made_of(tmp_path, made, monkeypatch):
    for name, where in (("ASSETS", made / "assets"), ("HOME", made)):
        monkeypatch.setattr(space, name, where)
    assert main(["space", str(made / "assets" / "again")]) == 0
    again = names(made / "assets" / "again")
    space.shutil.rmtree(made / "assets" / "again")
    assert again == names(made)


# --- what it refuses ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{tmp}/full"], r"full is there already\. Name a folder that is new or empty\."),
        (["{tmp}/file"], r"file is there already\. Name a folder that is new or empty\."),
        (["{tmp}/file/below"], r"file/below: Not a directory\."),
        (["{tmp}/out", "--org", "two words"], r"--org is the name of an organisation on the Hub; 'two words' cannot"),
        (["{tmp}/out", "--bucket", "data"], r"the folder that the bucket is mounted at, such as /data; not 'data'"),
        (["{tmp}/out", "--bucket", '/da"ta'], r"the folder that the bucket is mounted at"),
        (["--zerogpu"], r"--zerogpu, --bucket and --org are of a Space's folder\. Name it: mtl space OUT"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, capsys, arguments, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    before = names(tmp_path)
    assert main(["space", *(argument.format(tmp=tmp_path) for argument in arguments)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("mtl: ") and re.search(words, line)
    assert names(tmp_path) == before and not (tmp_path / "out").exists()


def test_nothing_is_left_of_a_folder_that_could_not_be_written(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(space.shutil, "copyfile", full)
    (tmp_path / "empty").mkdir()
    for out in ("new", "empty"):
        assert main(["space", str(tmp_path / out)]) == 1
        assert "the disk is full" in capsys.readouterr().err
    assert [*tmp_path.rglob("*")] == [tmp_path / "empty"]


def test_where_its_parts_are_missing_it_says_which(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(space, "SPACE", tmp_path)
    assert main(["space", str(tmp_path / "out")]) == 1
    assert re.fullmatch(r"mtl: A Space is made of \S+, which is not in .+\n", capsys.readouterr().err)


def test_what_is_written_runs_by_itself(made):
    """It finds its own package and assets, whatever is installed."""
    code = "import mtl.places as p; print(p.HOME, p.ASSETS, sep='\\n')"
    found = subprocess.run([sys.executable, "-c", code], cwd=made, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [str(made), str(made / "assets")]
