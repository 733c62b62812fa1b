"""What one run has encoded another reads, exactly; nothing that is damaged is believed, and no full disk ends a run."""

import os
import subprocess
import sys
import time

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.encoder import states
from mtl.encoder.backbone import Backbone
from mtl.encoder.states import States

TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("names", "tagging", ("PER",)))
TEXTS = [f"Ada said {'so ' * (i % 7)}it was fine {i}" for i in range(30)]


@pytest.fixture
def model(tiny):
    torch.manual_seed(0)
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


@pytest.fixture
def encoded(monkeypatch):
    """The numbers of texts that a backbone has run over."""
    counts = []
    run = Backbone.run

    def counting(self, inputs, mask, start=0, stop=None):
        counts.append(len(mask))
        return run(self, inputs, mask, start, stop)

    monkeypatch.setattr(Backbone, "run", counting)
    return counts


def _vectors(model, texts=TEXTS, keep_lower=(1, 2)):
    rows = model.tokenise(texts)
    found = {}

    def keep(indices, batch, out):
        pooled, words, lower = out.pooled("mean"), out.words(batch), out.lower.mean(1) if keep_lower else None
        found[tuple(indices)] = [each.clone() for each in (pooled, words, lower) if each is not None]

    model.each_batch(rows, keep, keep_lower=keep_lower)
    return found


def _same(a, b):
    assert a.keys() == b.keys()
    return all(torch.equal(x, y) for key in a for x, y in zip(a[key], b[key], strict=True))


def test_what_is_kept_is_exactly_what_is_computed_and_the_encoder_does_not_run(model, encoded, tmp_path):
    plain = _vectors(model)
    with states.sharing(tmp_path / "states") as store:
        first = _vectors(model)
        encoded.clear()
        assert _same(plain, first) and _same(plain, _vectors(model)) and encoded == []
        assert store.problem == ""
    _vectors(model)
    assert encoded, "outside nothing is shared"
    assert os.name == "nt" or (tmp_path / "states").stat().st_mode & 0o777 == 0o700


def test_other_weights_texts_levels_or_formats_are_computed_anew(model, encoded, tmp_path):
    other = checkpoint.derive(model, ModelConfig(tasks=TASKS)).eval()
    weight = other.backbone.encoder.encoder.layer[0].output.dense
    with states.sharing(tmp_path):
        first = _vectors(model)
        for change in (
            lambda: _vectors(model, TEXTS[1:]),
            lambda: _vectors(model, keep_lower=(1,)),
            lambda: _vectors(model, [text + " " + "and so on " * 40 for text in TEXTS]),
        ):
            encoded.clear()
            change()
            assert encoded
        with torch.autocast("cpu", torch.bfloat16):
            encoded.clear()
            _vectors(model)
            assert encoded
        weight._parameters["bias"] = torch.nn.Parameter(weight.bias + 1, requires_grad=False)
        changed = _vectors(other)
        with torch.no_grad():
            weight.bias.sub_(1)  # in place: the same tensor has other values
        again = _vectors(other)
    assert not _same(first, changed)
    assert all(torch.allclose(x, y, atol=1e-5) for key in first for x, y in zip(first[key], again[key], strict=True))


def test_an_encoder_that_learns_shares_nothing(model, tmp_path):
    next(model.backbone.parameters()).requires_grad_(True)
    with states.sharing(tmp_path / "states"):
        _vectors(model)
    assert not (tmp_path / "states").exists()


@pytest.mark.parametrize("harm", ["cut", "zeros", "other", "empty"])
def test_a_damaged_file_is_not_believed_and_is_replaced(tmp_path, harm, caplog):
    store, tensors = States(tmp_path, 1e9), {"a": torch.arange(1000.0), "b": torch.arange(6).view(2, 3)}
    store.write("key", tensors)
    path = tmp_path / "key.safetensors"
    whole = path.read_bytes()
    damaged = {"cut": whole[:-100], "zeros": whole[:-100] + bytes(100), "other": b"{}" * 50, "empty": b""}[harm]
    path.write_bytes(damaged)
    assert store.read("key") == {} and "anew" in caplog.text
    store.write("key", tensors)
    found = store.read("key")
    assert found.keys() == tensors.keys() and all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_what_was_not_used_for_longest_goes_where_there_is_too_much(tmp_path):
    store, tensor = States(tmp_path, 50_000), {"a": torch.zeros(1000)}  # of 4 kB
    for i in range(12):
        store.write(str(i), tensor)
        os.utime(tmp_path / f"{i}.safetensors", (1000 + i, 1000 + i))
    assert store.read("0")  # so it is in use
    store.write("12", tensor)
    left = {path.stem for path in tmp_path.iterdir()}
    assert {"0", "12"} <= left and "1" not in left
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 52_000
    assert not store.fits(6_000)
    store.write("large", {"a": torch.zeros(2000)})
    assert not (tmp_path / "large.safetensors").exists() and store.problem == ""


def test_what_a_killed_writer_left_harms_nobody_and_goes(tmp_path):
    code = (
        "import os, sys, torch, safetensors.torch\n"
        "from pathlib import Path\n"
        "from mtl.encoder.states import States\n"
        "def killed(tensors, path, metadata):\n"
        "    Path(path).write_bytes(bytes(100)); os._exit(9)\n"
        "safetensors.torch.save_file = killed\n"
        "States(Path(sys.argv[1]), 1e9).write('key', {'a': torch.zeros(10)})\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    [left] = tmp_path.iterdir()
    store = States(tmp_path, 1e9)
    assert store.read("key") == {}
    store.write("key", {"a": torch.zeros(10)})
    assert store.read("key") and left.exists()  # its writer may be alive
    os.utime(left, (time.time() - 7200,) * 2)
    store.write("other", {"a": torch.zeros(10)})
    assert not left.exists() and store.read("key")


def test_a_disk_that_is_full_or_cannot_be_written_is_said_and_ends_nothing(model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("where a folder should be")
    plain = _vectors(model)
    with states.sharing(tmp_path / "file") as store:
        assert _same(plain, _vectors(model))
        assert "could not be kept for later runs: " in store.problem
    monkeypatch.setattr(states, "_LEAST_FREE", 1e18)
    with states.sharing(tmp_path / "states") as store:
        assert _same(plain, _vectors(model))
        assert "the disk is nearly full" in store.problem
        assert [*(tmp_path / "states").iterdir()] == []


def test_the_environment_says_how_much_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MTL_STATES_GB", "0")
    with states.sharing(tmp_path) as store:
        assert store is None and states.current() is None
    monkeypatch.setenv("MTL_STATES_GB", "much")
    with pytest.raises(UserError, match="MTL_STATES_GB must be a number of gigabytes"), states.sharing(tmp_path):
        pass
