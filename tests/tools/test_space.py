"""The block on top of README.md is Spacefile, and what it says is true of this project."""

import re
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mtl.__main__ import main
from mtl.config import UserError
from mtl.tools import space
from tests.test_requirements import pinned

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "Spacefile").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_block_equals_the_spacefile():
    fence, block, _ = README.split("---\n", 2)
    assert fence == "", "README.md must start with its block: Hugging Face looks nowhere else"
    assert yaml.safe_load(block) == SETTINGS


def test_rewriting_the_readme_changes_nothing():
    settings = (ROOT / "Spacefile").read_text(encoding="utf-8")
    assert space.with_block(README, space.block(settings)) == README


def test_the_versions_are_the_pinned_ones():
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert SETTINGS["sdk"] == "gradio"
    assert re.findall(r"^gradio==(\S+)$", pins, re.MULTILINE) == [str(SETTINGS["sdk_version"])]
    assert isinstance(SETTINGS["python_version"], str), "without quotes YAML reads 3.10 as the number 3.1"
    assert tuple(map(int, SETTINGS["python_version"].split("."))) >= (3, 11)


def test_what_a_space_adds_agrees_with_the_pins():
    """It installs `gradio[oauth,mcp]` in one go with requirements.txt."""
    pins = {name: pin for name, (pin, _) in pinned("requirements.txt").items()}
    extras = [line for line in map(Requirement, metadata.requires("gradio")) if line.marker]
    added = [line for line in extras if any(line.marker.evaluate({"extra": extra}) for extra in ("oauth", "mcp"))]
    assert added
    for line in added:
        if pin := pins.get(canonicalize_name(line.name)):
            [release] = pin.specifier
            assert line.specifier.contains(release.version), f"{pin} is pinned, and a Space needs {line}"


def test_the_settings_are_what_the_hub_accepts():
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {SETTINGS["colorFrom"], SETTINGS["colorTo"]} <= colours
    assert len(SETTINGS["short_description"]) <= 60
    assert 1 <= len(SETTINGS["emoji"]) <= 2 and not SETTINGS["emoji"].isascii()
    assert (ROOT / SETTINGS["app_file"]).is_file()
    assert SETTINGS["title"].strip()


def test_the_license_is_the_one_in_the_repository():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert SETTINGS["license"] == "apache-2.0"
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text, "the whole text, not its notice alone"


def test_rewrite_replaces_the_block_and_keeps_the_rest(tmp_path):
    (tmp_path / "Spacefile").write_text("# why\ntitle: New\n\nsdk: gradio\n", encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text("---\ntitle: Old\n---\n\n# Name\n\n---\n\nA rule above.\n", encoding="utf-8")
    assert space.rewrite(tmp_path) is True
    expected = "---\ntitle: New\nsdk: gradio\n---\n\n# Name\n\n---\n\nA rule above.\n"
    assert readme.read_text(encoding="utf-8") == expected
    assert space.rewrite(tmp_path) is False
    assert readme.read_text(encoding="utf-8") == expected


lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(body=st.lists(lines).map("\n".join), old=st.lists(lines, max_size=3))
def test_the_rest_of_the_readme_is_never_touched(body, old):
    block = space.block("title: A\n")
    plain = "# Name\n" + body
    once = space.with_block(plain, block)
    assert once == f"{block}\n{plain}"
    assert space.with_block(once, block) == once
    former = space.block("\n".join(["x: 1", *(f"k: {line}" for line in old)]))
    assert space.with_block(former + plain, block) == block + plain


@pytest.mark.parametrize(
    ("spacefile", "readme", "words"),
    [
        (None, "# Name\n", "Spacefile is not in"),
        ("title: A\n", None, "README.md is not in"),
        ("# nothing\n", "# Name\n", "no settings"),
        ("title: A\n---\nsdk: gradio\n", "# Name\n", "line of dashes"),
        ("title: A\n", "---\ntitle: Old\n# Name\n", "no second line"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(tmp_path, spacefile, readme, words):
    for name, text in (("Spacefile", spacefile), ("README.md", readme)):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        space.rewrite(tmp_path)
    if readme is not None:
        assert (tmp_path / "README.md").read_text(encoding="utf-8") == readme


def test_the_command_says_what_it_did(capsys):
    assert main(["space"]) == 0
    assert "already equals Spacefile" in capsys.readouterr().out
