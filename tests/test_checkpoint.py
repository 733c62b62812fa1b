"""A checkpoint holds what changed, comes back exactly, shares memory, and refuses what does not fit."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.model import quickest_dtype
from tests.conftest import write_tiny_backbone

TASKS = (
    TaskSpec("mood", "classification", ("good", "bad")),
    TaskSpec("a.dot, type", "regression"),
    TaskSpec("names", "tagging", ("PER",)),
)
TEXTS = ["Some text.", "Another one by Ada Lovelace."]


def _changed(base, seed=0, layers=("layer.2.",), projection=0):
    """A model with new heads and random weights in some layers, as training would leave it."""
    torch.manual_seed(seed)
    model = checkpoint.derive(base, ModelConfig(tasks=TASKS, projection=projection))
    for name, parameter in list(model.named_parameters()):
        if any(part in name for part in layers):
            replace_parameter(model, name, parameter + 0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def base(tiny):
    return mtl.load(tiny, dtype="float32")


@pytest.fixture
def saved(base, tmp_path):
    model = _changed(base)
    checkpoint.save(model, tmp_path / "saved")
    return model, tmp_path / "saved"


@pytest.mark.parametrize("projection", [0, 16])
def test_round_trip_is_exact(base, tmp_path, projection):
    model = _changed(base, projection=projection)
    checkpoint.save(model, tmp_path)
    loaded = mtl.load(tmp_path, dtype="float32")
    assert loaded.config == model.config
    for (name, a), (other, b) in zip(model.named_parameters(), loaded.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(a, b), name
    for a, b in zip(model.analyze(TEXTS), loaded.analyze(TEXTS), strict=True):
        assert a.results == b.results
        assert np.array_equal(a.embedding, b.embedding)


def test_a_model_made_of_another_in_half_precision_gives_the_same_embeddings(tiny_backbones):
    """ModernBERT has numbers that stay in float32 whatever the precision of its weights."""
    base = mtl.load(tiny_backbones["modernbert"], dtype="bfloat16")
    model = checkpoint.derive(base, ModelConfig(tasks=TASKS))
    assert all(p.dtype == torch.bfloat16 for p in model.parameters())
    assert np.array_equal(model.eval().encode(TEXTS), base.encode(TEXTS))


def test_only_changed_tensors_are_stored(saved):
    from safetensors.torch import load_file

    stored = set(load_file(saved[1] / "weights.safetensors"))
    assert all(name.startswith("heads.") or ".layer.2." in name for name in stored)
    assert any(".layer.2." in name for name in stored)


def test_saving_again_leaves_no_old_weights(saved, base):
    _, folder = saved
    (folder / "weights-1-of-2.safetensors").write_bytes(b"old")
    checkpoint.save(_changed(base, layers=()), folder)
    assert [f.name for f in folder.glob("*.safetensors")] == ["weights.safetensors"]


def test_large_weights_are_cut_into_files_below_ten_megabytes(tmp_path):
    tensors = {f"t{i}": torch.zeros(1_000_000) for i in range(7)}
    shards = checkpoint._shards(tensors)
    assert {name for shard in shards for name in shard} == set(tensors)
    assert len(shards) > 1
    assert all(sum(t.nbytes for t in shard.values()) < 10_000_000 for shard in shards)


def test_two_models_share_what_they_did_not_change(base, tmp_path):
    models = []
    for seed in (1, 2):
        checkpoint.save(_changed(base, seed), tmp_path / str(seed))
        models.append(mtl.load(tmp_path / str(seed), dtype="float32"))
    one, two = (dict(m.named_parameters()) for m in models)
    original = dict(base.named_parameters())
    for name in original:
        shared = one[name].data_ptr() == two[name].data_ptr() == original[name].data_ptr()
        assert shared == (".layer.2." not in name), name
    assert all(one[n].data_ptr() != two[n].data_ptr() for n in one if n not in original)


def test_loading_a_fine_tuned_model_changes_nothing_for_others(base, saved):
    before = base.encode(TEXTS)
    assert not np.allclose(mtl.load(saved[1], dtype="float32").encode(TEXTS), before)
    assert np.array_equal(base.encode(TEXTS), before)


def test_half_precision_halves_the_file_and_hardly_changes_answers(base, tmp_path):
    model = _changed(base)
    checkpoint.save(model, tmp_path / "whole")
    checkpoint.save(model, tmp_path / "half", torch.float16)
    sizes = [(tmp_path / n / "weights.safetensors").stat().st_size for n in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    assert np.abs(mtl.load(tmp_path / "half", dtype="float32").encode(TEXTS) - model.encode(TEXTS)).max() < 1e-2


def _edit(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_another_backbone_is_refused_with_both_names(saved, tmp_path, monkeypatch):
    _, folder = saved
    other = write_tiny_backbone(tmp_path / "other", "bert", seed=5)
    wanted = json.loads((folder / "config.json").read_text())["base"]
    _edit(folder, base={**wanted, "name": str(other)})
    with pytest.raises(UserError, match=f"{wanted['sha256'][:12]}.*other"):
        mtl.load(folder, dtype="float32")


def test_a_newer_format_is_refused(saved):
    _edit(saved[1], mtl_format=2)
    with pytest.raises(UserError, match="format 2.*reads format 1.*Update"):
        mtl.load(saved[1], dtype="float32")


def test_an_altered_file_is_refused(saved):
    path = saved[1] / "weights.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(UserError, match="it was changed"):
        mtl.load(saved[1], dtype="float32")


def _rehash(folder):
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    _edit(folder, weights={"weights.safetensors": digest})


def test_a_pickle_under_the_right_name_is_refused_and_not_run(saved, tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (saved[1] / "weights.safetensors").write_bytes(pickle.dumps(Bomb()))
    _rehash(saved[1])
    with pytest.raises(UserError, match="a Python pickle"):
        mtl.load(saved[1], dtype="float32")
    assert not (tmp_path / "ran").exists()


def test_weights_outside_the_folder_are_not_read(saved, tmp_path):
    shutil.copy(saved[1] / "weights.safetensors", tmp_path / "weights.safetensors")
    _edit(saved[1], weights={"../weights.safetensors": "0"})
    with pytest.raises(UserError, match="only .safetensors files beside it"):
        mtl.load(saved[1], dtype="float32")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (lambda t: {**t, "heads.extra": torch.zeros(1)}, "no place for"),
        (lambda t: {n: v[:1] if n.endswith("network.1.weight") else v for n, v in t.items()}, "shape"),
        (lambda t: {n: v for n, v in t.items() if not n.startswith("heads.task mood")}, "lacks the weights"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(saved, tensors, words):
    path = saved[1] / "weights.safetensors"
    save_file(tensors(load_file(path)), path)
    _rehash(saved[1])
    with pytest.raises(UserError, match=words):
        mtl.load(saved[1], dtype="float32")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"mtl_format": 1}', '{"mtl_format": 1, "base": 3, "weights": 1, "model": {}}']
)
def test_a_damaged_config_is_refused(saved, text):
    (saved[1] / "config.json").write_text(text)
    with pytest.raises(UserError):
        mtl.load(saved[1], dtype="float32")


def test_an_interrupted_save_is_no_checkpoint(base, tmp_path, monkeypatch):
    def failing(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_json", failing)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(_changed(base), tmp_path / "saved")
    assert not (tmp_path / "saved" / "config.json").exists()


def test_heads_that_fit_are_kept_and_changed_ones_start_anew(base, saved):
    start = mtl.load(saved[1], dtype="float32")
    tasks = (TASKS[0], TaskSpec("names", "tagging", ("PER", "ORG")), TaskSpec("new", "regression"))
    model = checkpoint.derive(start, ModelConfig(tasks=tasks))
    assert model.head("mood").network[1].weight is start.head("mood").network[1].weight
    assert model.head("names").network[1].weight.shape != start.head("names").network[1].weight.shape
    assert set(model.tasks) == {"mood", "names", "new"}


def test_a_head_that_reads_more_words_around_starts_anew(base):
    start = _changed(base)
    wider = replace(TASKS[2], shape_window=2)
    model = checkpoint.derive(start, ModelConfig(tasks=(TASKS[0], wider)))
    assert model.head("mood").network[-1].weight is start.head("mood").network[-1].weight
    assert model.head("names").network[-1].weight is not start.head("names").network[-1].weight
    assert model.analyze(TEXTS)[1].results["names"] is not None


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("dtype", ["bfloat16", "auto"])
def test_bfloat16_loads_on_every_processor_and_the_log_says_once_where_it_is_slow(
    tiny, monkeypatch, caplog, dtype, quick
):
    monkeypatch.setattr("mtl.model.multiplies_in_bfloat16", lambda: quick)
    monkeypatch.setenv("MTL_DTYPE", "bfloat16")  # what "auto" asks for
    quickest_dtype.cache_clear()
    checkpoint._warn_once.cache_clear()
    for _ in range(2):
        assert mtl.load(tiny, dtype=dtype).encode(TEXTS).shape == (2, 32)
    quickest_dtype.cache_clear()
    assert len(caplog.messages) == (0 if quick else 1)
    assert quick or "float32" in caplog.messages[0]


def test_a_fitted_temperature_is_saved_and_a_checkpoint_without_one_has_none(base, tmp_path):
    model = _changed(base)
    model.head("mood").temperature = torch.nn.Parameter(torch.tensor(2.5), requires_grad=False)
    checkpoint.save(model, tmp_path / "new")
    assert float(mtl.load(tmp_path / "new", dtype="float32").head("mood").temperature) == 2.5
    # As earlier versions wrote them, with the temperature worked into the weights.
    file, config = tmp_path / "new" / "weights.safetensors", tmp_path / "new" / "config.json"
    tensors = {name: tensor for name, tensor in load_file(file).items() if not name.endswith("temperature")}
    file.write_bytes(save(tensors))
    written = json.loads(config.read_text())
    written["weights"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    config.write_text(json.dumps(written))
    assert float(mtl.load(tmp_path / "new", dtype="float32").head("mood").temperature) == 1.0


SHARED = ModelConfig(
    (TaskSpec("mood", "classification", ("good", "bad"), reads="shared", hidden=4, hidden_activation="relu"),),
    projection=32,  # the backbone's own width
    projection_activation="tanh",
    projection_norm=True,
    max_tokens=20,
)


def test_heads_on_a_projection_come_back_as_they_were(base, tmp_path):
    torch.manual_seed(0)
    model = checkpoint.derive(base, SHARED).eval()
    checkpoint.save(model, tmp_path)
    loaded = mtl.load(tmp_path, dtype="float32")
    assert loaded.config == SHARED and loaded.max_tokens == 20
    for a, b in zip(model.analyze(TEXTS), loaded.analyze(TEXTS), strict=True):
        assert a.results == b.results and np.array_equal(a.embedding, b.embedding)


@pytest.mark.parametrize(
    "changes, kept",
    [({"max_tokens": 30}, True), ({"projection": 16}, False), ({"projection_activation": "none"}, False)],
)
def test_a_head_keeps_its_weights_only_while_what_it_reads_is_the_same(base, changes, kept):
    model = checkpoint.derive(base, SHARED)
    other = checkpoint.derive(model, replace(SHARED, **changes))
    weights = [m.head("mood").network[1].weight for m in (model, other)]
    assert (weights[0] is weights[1]) == kept
    apart = replace(SHARED, tasks=tuple(replace(task, reads="backbone") for task in SHARED.tasks))
    assert checkpoint.derive(model, apart).head("mood").network[1].weight is not weights[0]
