"""A checkpoint survives the way into a zip and back; whatever else comes in a zip is refused, and leaves nothing."""

import io
import json
import pickle
import stat
import struct
import zipfile
from pathlib import Path

import pytest
import torch

import mtl
from mtl import archive, checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError

TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("names", "tagging", ("PER",), hidden=8))


@pytest.fixture(scope="module")
def base(tiny):
    return mtl.load(tiny, dtype="float32")


@pytest.fixture(scope="module")
def saved(base, tmp_path_factory):
    """A checkpoint of two heads."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoint"
    torch.manual_seed(0)
    checkpoint.save(checkpoint.derive(base, ModelConfig(tasks=TASKS)), folder)
    (folder / "train.json").write_text("{}")
    (folder / "README.md").write_text("# A model\n")
    return folder


@pytest.fixture
def files(saved):
    """{name: content} of a sound zip, to be spoilt."""
    return {path.name: path.read_bytes() for path in saved.iterdir()}


@pytest.fixture
def bring(base, tmp_path):
    """`bring(content)`: read a zip of these files (or these very bytes) as a stranger's."""

    def read(content) -> Path:
        path = tmp_path / "brought.zip"
        path.write_bytes(content if isinstance(content, bytes) else packed(content))
        return archive.read(path, tmp_path / "models" / "mine", [base.origin])

    return read


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(tmp_path):
    yield
    if not (tmp_path / "models" / "mine").exists():
        assert {p.name for p in tmp_path.rglob("*")} <= {"brought.zip", "models"}


def packed(files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return out.getvalue()


def edited(files, **changes):
    """The files with fields of config.json replaced."""
    return {**files, "config.json": json.dumps({**json.loads(files["config.json"]), **changes}).encode()}


def test_there_and_back_is_the_same_model(base, saved, tmp_path):
    archive.write(saved, tmp_path / "a.zip", "run 3")
    archive.write(saved, tmp_path / "b.zip", "run 3")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as zipped:
        assert {Path(name).parent.name for name in zipped.namelist()} == {"run 3"} and zipped.testzip() is None
    folder = archive.read(tmp_path / "a.zip", tmp_path / "models" / "mine", [base.origin])
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in saved.iterdir()}
    one, other = mtl.load(saved, dtype="float32"), mtl.load(folder, dtype="float32")
    assert one.analyze(["Ada is fine."])[0].to_json() == other.analyze(["Ada is fine."])[0].to_json()


def test_what_is_no_checkpoint_is_not_packed(tmp_path):
    (tmp_path / "models").mkdir()
    with pytest.raises(UserError, match="no checkpoint to pack"):
        archive.write(tmp_path / "models", io.BytesIO())


def test_a_file_managers_litter_and_a_missing_card_do_no_harm(bring, files):
    del files["README.md"]
    litter = {"__MACOSX/c/._config.json": b"x", "c/.DS_Store": b"x", "c/": b""}
    folder = bring({**{f"c/{name}": content for name, content in files.items()}, **litter})
    assert {p.name for p in folder.iterdir()} == set(files)


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "/etc/evil.json", "a/../../evil.json", "..\\evil.json", "C:\\evil.json", "C:evil.json"],
)
def test_no_entry_leads_out_of_the_zip(bring, files, name, tmp_path):
    with pytest.raises(UserError, match="leads to a place outside"):
        bring({**files, name: b"{}"})
    assert not list(tmp_path.rglob("*evil*"))


def test_links_and_devices_are_refused(bring, files):
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        out = io.BytesIO(packed(files))
        with zipfile.ZipFile(out, "a") as zipped:
            entry = zipfile.ZipInfo("README2.md")
            entry.external_attr = (kind | 0o777) << 16
            zipped.writestr(entry, "/etc/passwd")
        with pytest.raises(UserError, match="a link or a device"):
            bring(out.getvalue())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: {**f, "model.bin": b"\x80\x04."}, "pickle.* can run code"),
        (lambda f: {**f, "weights.safetensors": pickle.dumps({"a": 1})}, "is not what its name says but a Python"),
        (lambda f: {**f, "weights.safetensors": packed({"archive/data.pkl": b""})}, "but a Python pickle"),
        (lambda f: {**f, "weights.safetensors": f["weights.safetensors"][:-9]}, "was cut short"),
        (lambda f: edited(f, weights={"weights.safetensors": ""}), "it was changed"),
        (lambda f: {**f, "run.exe": b"MZ"}, "no part of a checkpoint"),
        (lambda f: {**f, "b/config.json": b"{}"}, "more than one checkpoint"),
        (lambda f: {f"a/b/{name}": content for name, content in f.items()}, "folders within it"),
        (lambda f: {n: c for n, c in f.items() if n != "config.json"}, "no config.json"),
        (lambda f: {n: c for n, c in f.items() if n != "weights.safetensors"}, "lacks 'weights.safetensors'"),
        (lambda f: {**f, "weights-2-of-2.safetensors": b"x"}, "does not name"),
        (lambda f: {**f, "config.json": b"not json"}, "config.json .* is not JSON"),
        (lambda f: {**f, "config.json": b"[" * 200_000}, "config.json .* is not JSON"),
        (lambda f: {**f, "config.json": b"[]"}, "must hold a JSON object"),
        (lambda f: {**f, "config.json": b'{"model_type": "bert"}'}, "no mtl_format"),
        (lambda f: {**f, "train.json": b"\xff\xfe"}, "train.json .* is not JSON"),
        (lambda f: {**f, "README.md": bytes(10_000_001)}, "MB of text"),
        (lambda f: edited(f, mtl_format=2), "newer version.* reads format 1. Update"),
        (lambda f: edited(f, mtl_format="x"), "reads format 1. Train the model again"),
        (lambda f: edited(f, base={"name": "default"}), "'sha256' is missing"),
        (lambda f: edited(f, model={"tasks": 3}), "damaged"),
        (lambda f: edited(f, model={"tasks": [{"name": "x", "kind": "magic"}]}), "kind must be one of"),
        (lambda f: edited(f, base={"name": "some/other-model", "sha256": "0" * 64}), "trained on 'some/other-model'"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(bring, files, spoil, words, tmp_path):
    with pytest.raises(UserError, match=words) as told:
        bring(spoil(files))
    assert str(tmp_path) not in str(told.value) and "Traceback" not in str(told.value)


def test_a_foreign_backbone_is_named_and_nothing_is_looked_up(bring, files, base, monkeypatch):
    monkeypatch.setattr("mtl.encoder.backbone.find", lambda name=None: pytest.fail(f"looked for {name}"))
    other = {"name": base.origin.name, "sha256": "f" * 64}
    with pytest.raises(UserError, match="ffffffffffff….*available here") as told:
        bring(edited(files, base=other))
    assert base.origin.sha256[:12] in str(told.value)


def test_heads_beyond_all_measure_are_refused_before_they_are_made(bring, files):
    tasks = [TaskSpec(f"t{i}", "tagging", ("PER",), hidden=4096).to_json() for i in range(40)]
    with pytest.raises(UserError, match="far too large"):
        bring(edited(files, model=ModelConfig(tasks=tuple(TaskSpec.from_json(t) for t in tasks)).to_json()))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(bring, files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("config.json", files["config.json"])
        with zipped.open("weights.safetensors", "w") as entry:
            for _ in range(300):
                entry.write(bytes(1_000_000))
    assert len(out.getvalue()) < 1_000_000
    with pytest.raises(UserError, match="would take 300 MB unpacked"):
        bring(out.getvalue())


def test_a_bomb_that_lies_about_its_size_is_cut_off(bring, files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("config.json", files["config.json"])
        zipped.writestr("weights.safetensors", bytes(5_000_000))
    honest, lie = struct.pack("<I", 5_000_000), struct.pack("<I", 100)
    with pytest.raises(UserError, match="damaged|cut short"):
        bring(out.getvalue().replace(honest, lie))


def test_far_too_many_files_are_refused(bring, files):
    many = {f"weights-{i}.safetensors": b"" for i in range(150)}
    with pytest.raises(UserError, match="at most 100"):
        bring({**files, **many})
    with pytest.raises(UserError, match="far more than a checkpoint holds"):
        bring({**files, **{f"x{i}": b"" for i in range(5000)}})


def test_a_password_is_not_asked_for(bring, files):
    spoilt = bytearray(packed(files))
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        spoilt[spoilt.index(sign) + flags] |= 1
    with pytest.raises(UserError, match="encrypted"):
        bring(bytes(spoilt))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x1f\x8b" + bytes(50), "gzip"),
        (b"\x80\x04\x95" + bytes(50), "not a zip file"),
        (b"PK\x05\x06" + bytes(18), "This zip file holds nothing"),
        (b"PK\x03\x04" + bytes(50), "cut short"),
    ],
)
def test_what_is_no_zip_is_refused(bring, content, words):
    with pytest.raises(UserError, match=words):
        bring(content)


def test_a_zip_that_was_cut_or_changed_anywhere_is_refused(bring, files):
    whole = packed(files)
    for end in range(10, len(whole), len(whole) // 20):
        with pytest.raises(UserError):
            bring(whole[:end])
    for at in range(40, len(whole), len(whole) // 40):
        spoilt = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        try:
            folder = bring(spoilt)
        except UserError:
            continue
        # A changed date does no harm; the content is what was saved.
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == files
        for path in (*folder.iterdir(), folder):
            path.unlink() if path.is_file() else path.rmdir()


def test_a_model_of_that_name_is_not_overwritten(bring, files):
    folder = bring(files)
    with pytest.raises(UserError, match="exists already"):
        bring(files)
    assert mtl.load(folder, dtype="float32").tasks.keys() == {"mood", "names"}
