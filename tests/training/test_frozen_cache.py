"""What is cached gives the same training as what is computed anew, with less work, within its budget."""

from dataclasses import replace

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row
from mtl.encoder import states
from mtl.encoder.backbone import Backbone
from mtl.text.batches import collate
from mtl.text.spans import Span
from mtl.training.frozen_cache import Prefix
from mtl.training.loop import fit
from tests.conftest import FAMILIES, LAYERS

TASKS = (
    TaskSpec("mood", "classification", ("bad", "good"), pooling="cls", dropout=0.0),
    TaskSpec("stars", "regression", low=1, high=5, pooling="max", dropout=0.0),
    TaskSpec("names", "tagging", ("PER",), hidden=16, dropout=0.0),
)
PLAIN = ModelConfig(tasks=TASKS)
ROWS = [
    Row(
        f"{'Ada' if i % 3 else 'Bob'} said {'so ' * (i % 5)}it was {'fine' if i % 2 else 'bad'} {i}",
        {"mood": "good" if i % 2 else "bad", "stars": 1.0 + i % 5, "names": (Span(0, 3, "PER"),)},
        i,
    )
    for i in range(40)
]


def _train(folder, shape=PLAIN, **changes):
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(folder, dtype="float32"), shape)
    config = TrainConfig(**{"epochs": 2, "batch_size": 8, "lr": 1e-3, "precision": "float32", "anchor": 1.0, **changes})
    dataset = Dataset((Part("rows", ROWS[:32]),), {"validation": ROWS[32:]})
    return list(fit(model, dataset, config))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("freeze", [1, LAYERS, LAYERS + 1])
def test_the_loss_curve_is_the_same_with_and_without_the_cache(tiny_backbones, family, freeze):
    cached = _train(tiny_backbones[family], freeze=freeze)
    anew = _train(tiny_backbones[family], freeze=freeze, cache_mb=0)
    assert cached[0]["cache_mb"] > 0 and anew[0]["cache_mb"] == 0
    for a, b in zip(cached, anew, strict=True):
        if a["event"] == "step":
            assert all(abs(a["loss"][name] - b["loss"][name]) < 1e-4 for name in b["loss"])
        if a["event"] == "epoch":
            assert a["validation"]["mood"]["accuracy"] == b["validation"]["mood"]["accuracy"]
            assert abs(a["validation"]["names"]["loss"] - b["validation"]["names"]["loss"]) < 1e-4


@pytest.mark.parametrize("freeze", [1, LAYERS + 1])
def test_heads_that_share_a_projection_learn_the_same_from_the_cache(tiny, freeze):
    tasks = tuple(task if task.kind == "tagging" else replace(task, reads="shared") for task in TASKS)
    model = ModelConfig(tasks, pooling="cls", projection=8, projection_activation="tanh", projection_norm=True)
    cached, anew = (_train(tiny, model, freeze=freeze, cache_mb=mb) for mb in (100, 0))
    losses = [[event["loss"] for event in events if event["event"] == "step"] for events in (cached, anew)]
    for a, b in zip(*losses, strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_frozen_groups_run_once_for_each_row(tiny, monkeypatch):
    rows_run = []
    run = Backbone.run

    def counting(self, inputs, mask, start=0, stop=None):
        if start == 0:
            rows_run.append(len(mask))
        return run(self, inputs, mask, start, stop)

    monkeypatch.setattr(Backbone, "run", counting)
    _train(tiny, freeze=3, epochs=4)
    assert sum(rows_run) == len(ROWS)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("freeze", [2, LAYERS + 1])
def test_another_run_on_the_same_texts_reads_what_is_frozen_and_learns_the_same(
    tiny, tmp_path, monkeypatch, freeze, precision
):
    alone = _train(tiny, freeze=freeze, precision=precision)
    with states.sharing(tmp_path):
        first = _train(tiny, freeze=freeze, precision=precision)
        computed = []
        compute = Prefix._compute
        monkeypatch.setattr(
            Prefix,
            "_compute",
            lambda self, cached, texts: computed.append(bool(cached.done.all())) or compute(self, cached, texts),
        )
        second = _train(tiny, freeze=freeze, precision=precision)
    assert computed and all(computed)
    assert {path.name.partition("-")[2].partition(".")[0] for path in tmp_path.iterdir()} == (
        {"hidden"} if freeze == 2 else {"words", "pooled-cls", "pooled-max", "pooled-mean"}
    )
    losses = [[event["loss"] for event in events if event["event"] == "step"] for events in (alone, first, second)]
    assert losses[0] == losses[1]
    for a, b in zip(losses[0], losses[2], strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_a_pooling_that_no_run_has_needed_before_is_added_to_what_is_kept(tiny, tmp_path):
    def kept(*poolings):
        tasks = tuple(TaskSpec(f"mood {how}", "classification", ("bad", "good"), pooling=how) for how in poolings)
        model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks)).eval()
        prefix, part = Prefix(model, LAYERS + 1, half=False), Part("rows", ROWS)
        with states.sharing(tmp_path):
            prefix.keep(part)
            *_, encoded = prefix.batch(part, range(len(ROWS)))
        vectors = {how: encoded.pooled(how) for how in (*poolings, "mean")}
        return vectors, {path.name.partition("-")[2]: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    _, before = kept("cls")
    vectors, after = kept("cls", "max")
    assert {*after} - {*before} == {"pooled-max.safetensors"}
    again, _ = kept("max")
    assert torch.equal(again["max"], vectors["max"])


def test_the_first_batch_waits_for_its_own_rows_alone_and_later_ones_look_ahead(tiny, monkeypatch):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()
    part = Part("rows", ROWS)
    prefix = Prefix(model, 2, half=False)
    prefix.keep(part)
    tokens_run = []
    run = Backbone.run
    monkeypatch.setattr(
        Backbone, "run", lambda self, ids, mask, *rest: _note(tokens_run, mask, run(self, ids, mask, *rest))
    )
    whole = model.backbone.fork()

    def hidden(indices):
        tokens, batch, hidden, _ = prefix.batch(part, indices)
        ids = collate(tokens, model.backbone.pad_id).ids
        assert torch.allclose(hidden[batch.mask], run(whole, ids, batch.mask, 0, 2)[batch.mask], atol=1e-5)
        return sum(len(t.ids) for t in tokens)

    own = hidden([5, 0, 9])
    # The batch above the frozen groups is run too, over the same tokens.
    assert tokens_run == [own, own]
    monkeypatch.setattr("mtl.training.frozen_cache._AHEAD", 150)
    tokens_run.clear()
    own = hidden([11, 3, 30])
    ahead = sum(tokens_run) - own
    assert own < ahead <= 150
    tokens_run.clear()
    for i in range(40):
        hidden([i])
    assert sum(tokens_run) < 2 * sum(len(t.ids) for t in prefix.all_batches(part)[0])


def _note(counts, mask, result):
    counts.append(int(mask.sum()))
    return result


def test_a_cache_that_would_be_too_large_is_not_made_and_it_is_said(tiny):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS))
    dataset = Dataset((Part("rows", ROWS * 300),), {})
    events = fit(model, dataset, TrainConfig(freeze=2, cache_mb=1, precision="float32"))
    start = next(events)
    assert start["cache_mb"] == 0
    assert "more than the 1 MB allowed" in start["cache_note"]
    assert next(events)["event"] == "step"


def test_the_estimate_is_of_the_right_size(tiny):
    part = Part("rows", ROWS)
    prefix = Prefix(mtl.load(tiny, dtype="float32"), 2, half=False)
    prefix.keep(part)
    assert 0.5 < prefix.estimate([part]) / prefix.bytes < 2


def test_gradual_unfreezing_makes_the_cache_anew(tiny):
    events = _train(tiny, freeze=4, unfreeze=[(2, 2)])
    assert [e["cache_mb"] > 0 for e in events if e["event"] in ("start", "freeze")] == [True, True]
