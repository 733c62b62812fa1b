"""Training learns, is the same for the same seed, stops when asked, and never moves what is frozen."""

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError, setting
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row
from mtl.stopping import Stop, Stopped
from mtl.text.spans import Span
from mtl.training import loop
from mtl.training.loop import fit
from mtl.training.metrics import evaluate
from mtl.training.pace import SLOW_STEPS
from mtl.training.plan import Plan
from mtl.training.state import keys_of

TASKS = (
    TaskSpec("mood", "classification", ("bad", "good"), pooling="mean"),
    TaskSpec("stars", "regression", low=1, high=5),
    TaskSpec("names", "tagging", ("PER",), hidden=16),
    TaskSpec("idle", "classification", ("x", "y")),
)


def _row(i):
    good = i % 2 == 0
    text = f"{'Ada' if i % 3 else 'Bob'} said it was {'wonderful' if good else 'terrible'} number {i}"
    labels = {"mood": "good" if good else "bad", "stars": 5.0 if good else 1.0, "names": (Span(0, 3, "PER"),)}
    if i % 4 == 3:  # rows may miss labels
        del labels["mood"]
    return Row(text, labels, i + 2)


ROWS = [_row(i) for i in range(64)]
QUICK = TrainConfig(epochs=2, batch_size=16, lr=1e-3, head_lr=5e-3, anchor=0.5, precision="float32")


def _quick(**changes):
    return TrainConfig(**{**QUICK.to_json(), **changes})


def _dataset(**part):
    return Dataset((Part("rows", ROWS[:48], **part),), {"validation": ROWS[48:]})


def _model(folder, projection=0):
    torch.manual_seed(0)
    base = mtl.load(folder, dtype="float32")
    return checkpoint.derive(base, ModelConfig(tasks=TASKS, projection=projection))


def _train(folder, config=QUICK, dataset=None, projection=0, **more):
    model = _model(folder, projection)
    return model, list(fit(model, dataset or _dataset(), config, **more))


def _losses(events):
    return [event["loss"] for event in events if event["event"] == "step"]


def test_the_events_tell_the_whole_story(tiny):
    _, events = _train(tiny)
    assert [e["event"] for e in events] == ["start"] + (["step"] * 3 + ["epoch"]) * 2 + ["end"]
    start, end = events[0], events[-1]
    assert start["steps"] == end["steps"] == 6
    assert set(start["trainable"]) == {
        "embeddings",
        "layer 1",
        "layer 2",
        "layer 3",
        "head mood",
        "head stars",
        "head names",
    }
    assert set(start["frozen"]) == {"head idle"}  # no row teaches it
    step = events[2]
    assert (step["step"], step["epoch"]) == (2, 1)
    assert set(step["lr"]) == {*start["trainable"], *start["frozen"]}
    assert set(step["loss"]) == {"mood", "stars", "names", "anchor"}
    epoch = events[4]
    assert epoch["validation"]["mood"]["accuracy"] <= 1
    assert epoch["moved"]["head idle"] == 0.0
    assert end["status"] == "done"


def test_the_time_left_is_told_by_the_pace_after_the_first_steps(tiny, monkeypatch):
    slow, step = 100.0, SLOW_STEPS
    # One look at the clock a step; the first steps take long, and each of the others a second.
    monkeypatch.setattr(
        loop._Training, "seconds", lambda self: slow * min(self.position.step, step) + max(self.position.step - step, 0)
    )
    _, events = _train(tiny, _quick(epochs=3), Dataset(_dataset().parts, {}))
    steps = [event for event in events if event["event"] == "step"]
    assert [event["eta"] for event in steps[:step]] == [None] * step
    assert [event["eta"] for event in steps[step:]] == [len(steps) - event["step"] for event in steps[step:]]


def test_it_learns(tiny):
    config = TrainConfig(epochs=8, batch_size=16, lr=1e-3, head_lr=1e-2, anchor=0.0, precision="float32")
    model, events = _train(tiny, config)
    scores = events[-2]["validation"]
    assert scores["mood"]["accuracy"] == 1.0
    assert scores["stars"]["spearman"] > 0.8
    assert scores["names"]["f1"] > 0.9
    assert model.analyze(["Bob said it was terrible"])[0].mood.label == "bad"


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny):
    first, second = _losses(_train(tiny)[1]), _losses(_train(tiny)[1])
    assert first == second
    other = _losses(_train(tiny, _quick(seed=1))[1])
    assert other != first


@pytest.mark.parametrize("freeze", [0, 2, 4])
def test_what_is_frozen_does_not_move_at_all(tiny, freeze):
    base = mtl.load(tiny, dtype="float32")
    before = {name: p.clone() for name, p in base.named_parameters()}
    model, events = _train(tiny, _quick(freeze=freeze, freeze_heads=["stars"]))
    moved = events[-2]["moved"]
    for i, name in enumerate(model.backbone.groups):
        assert (moved[name] == 0.0) == (i < freeze), name
    assert moved["head stars"] == 0.0 and moved["head mood"] > 0
    for name, parameter in base.named_parameters():  # training a derived model leaves the shared one alone
        assert torch.equal(parameter, before[name])


def test_freezing_does_not_change_what_the_lower_part_computes(tiny):
    """Running the frozen groups apart from the rest gives the same losses as running all of it with rate 0."""
    rates = {"embeddings": 0.0, "layer 1": 0.0}
    apart = _losses(_train(tiny, _quick(freeze=2))[1])
    whole = _losses(_train(tiny, _quick(rates=rates))[1])
    for a, b in zip(apart, whole, strict=True):
        assert all(abs(a[k] - b[k]) < 1e-4 for k in a)


def test_the_anchor_keeps_embeddings_near_where_they_were(tiny):
    texts = [row.text for row in ROWS]
    before = mtl.load(tiny, dtype="float32").encode(texts)
    near = {}
    for anchor in (0.0, 20.0):
        config = _quick(anchor=anchor, epochs=4)
        near[anchor] = float((_train(tiny, config)[0].encode(texts) * before).sum(1).mean())
    assert near[20.0] > 0.98
    assert near[20.0] > near[0.0] + 0.01


# --- stopping ---


class Asked(Stop):
    """Asked to stop, with no time to measure anything, when it is asked for the `number`th time; counts how often it is
    asked afterwards."""

    def __init__(self, number, at_once=False):
        super().__init__(self._arrived, lambda: at_once and self.after > 0, grace=0)
        self.number, self.before, self.after = number, 0, 0

    def _arrived(self):
        self.before += 1
        return self.before >= self.number

    def __call__(self):
        asked = super().__call__()
        self.after += asked
        return asked


def test_the_first_step_says_how_far_the_weights_have_moved(tiny):
    _, events = _train(tiny, _quick(freeze=4))
    moved = events[1]["moved"]
    assert moved["head mood"] > 0 and moved["layer 1"] == 0
    assert moved.keys() == events[-1]["moved"].keys()


def test_no_step_follows_a_stop_and_what_was_learnt_is_scored(tiny):
    events = []
    stop = Stop(lambda: bool(events) and events[-1].get("step") == 2, grace=math.inf)
    for event in fit(_model(tiny), _dataset(), QUICK, stop):
        events.append(event)
    assert [e["event"] for e in events] == ["start", "step", "step", "epoch", "end"]
    *_, epoch, end = events
    assert (end["status"], end["unmeasured"], epoch["whole"]) == ("stopped", [], False)
    assert set(epoch["validation"]) == {"mood", "stars", "names"}


@pytest.mark.parametrize("freeze", [2, 4, 0])
@pytest.mark.parametrize("at_once", [False, True])
def test_wherever_it_is_stopped_it_ends_soon_and_goes_on_as_if_it_had_not_been(tiny, tmp_path, freeze, at_once):
    config = _quick(freeze=freeze, calibrate=True)
    asked = Asked(math.inf)
    expected, events = _train(tiny, config, stop=asked)
    whole = [e for e in events if e["event"] == "epoch"]
    # A third of the places each; together the three depths have all of them.
    for number in range(1 + freeze % 3, asked.before + 1, 3):
        state = tmp_path / str(number)
        stop = Asked(number, at_once)
        model, seen = _model(tiny), []
        try:
            seen += fit(model, _dataset(), config, stop, state)
        except Stopped:  # before there was anything to keep
            assert not any(e["event"] == "epoch" and e["whole"] for e in seen)
            assert at_once or not any(e["event"] == "step" for e in seen)
        else:
            end = seen[-1]
            assert end["status"] == "stopped"
            scored = [e for e in seen if e["event"] == "epoch" and e["validation"]]
            assert end["best"] == max(scored, key=lambda e: e["score"], default={"epoch": None})["epoch"]
            if at_once:
                assert all(e["whole"] for e in seen if e["event"] == "epoch")
        # Once for each part of the work that is left, not for each of its batches.
        assert stop.after <= 8
        model, rest = _train(tiny, config, state=state)
        assert rest[-1]["status"] == "done" and rest[-1]["unmeasured"] == []
        again = {e["epoch"]: e for e in (*seen, *rest) if e["event"] == "epoch" and e["whole"]}
        scores = [[e["score"] for e in each] for each in (whole, again.values())]
        assert scores[1] == pytest.approx(scores[0], abs=1e-4)
        assert rest[-1]["best"] == events[-1]["best"]
        weights = expected.state_dict()
        assert all(torch.allclose(value, weights[name], atol=1e-4) for name, value in model.state_dict().items())


def test_a_projection_learns_to_keep_who_is_near_whom(tiny):
    _, events = _train(tiny, _quick(epochs=6, freeze=4), projection=8)
    losses = [loss["projection"] for loss in _losses(events)]
    assert losses[-1] < losses[0]
    assert events[-2]["moved"]["projection"] > 0


def test_masking_and_case_changes_run_and_keep_spans(tiny):
    _, events = _train(tiny, dataset=_dataset(lower=0.4, upper=0.4, mask=0.2))
    assert all(math.isfinite(v) for loss in _losses(events) for v in loss.values())


def test_weights_averaged_over_the_end_differ_from_the_last_ones(tiny):
    last, mean = (_train(tiny, _quick(epochs=4, average=share, keep_best=False))[0] for share in (0.0, 1.0))
    assert not torch.equal(last.head("mood").network[1].weight, mean.head("mood").network[1].weight)


def test_gradual_unfreezing_moves_each_group_from_its_epoch_on(tiny):
    _, events = _train(tiny, _quick(epochs=3, freeze=-1, unfreeze=[(2, 3), (3, 1)], keep_best=False))
    moved = [e["moved"] for e in events if e["event"] == "epoch"]
    assert [[m[g] > 0 for g in ("embeddings", "layer 1", "layer 2", "layer 3", "head mood")] for m in moved] == [
        [False, False, False, False, True],
        [False, False, False, True, True],
        [False, True, True, True, True],
    ]
    assert [e["frozen_groups"] for e in events if e["event"] in ("start", "freeze")] == [4, 3, 1]
    assert [e["lr"]["layer 3"] > 0 for e in events if e["event"] == "step"] == [False] * 3 + [True] * 6


def test_the_best_epoch_is_kept(tiny):
    model, events = _train(tiny, _quick(epochs=5, lr=3e-2, head_lr=3e-2))
    epochs = [e for e in events if e["event"] == "epoch"]
    best = max(epochs, key=lambda e: e["score"])
    assert events[-1]["best"] == best["epoch"]
    again = evaluate(model.eval(), ROWS[48:], ["mood"])
    assert again["mood"]["accuracy"] == best["validation"]["mood"]["accuracy"]


def test_training_ends_early_when_nothing_gets_better(tiny):
    _, events = _train(tiny, _quick(epochs=50, lr=0.0, head_lr=1e-12, patience=2))
    assert len([e for e in events if e["event"] == "epoch"]) == 3
    assert events[-1]["status"] == "done" and events[-1]["best"] == 1


def _interrupted(folder, config, state, after):
    """Train until `after` epochs are done, then drop everything, as a killed process would."""
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(tasks=TASKS))
    for event in fit(model, _dataset(), config, state=state):
        if event["event"] == "step" and event["epoch"] == after + 1:
            return


_DROPPING = {"freeze": 1, "average": 0.6, "backbone_dropout": True}


@pytest.mark.parametrize(
    "family, changes",
    [("bert", {"freeze": 4}), *((family, _DROPPING) for family in ("bert", "modernbert", "deberta-v2"))],
)
def test_a_run_that_was_cut_off_goes_on_as_if_it_never_was(tiny_backbones, tmp_path, family, changes):
    config, folder = _quick(epochs=4, **changes), tiny_backbones[family]
    whole, whole_events = _train(folder, config)
    _interrupted(folder, config, tmp_path, after=2)
    torch.manual_seed(99)
    model = checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(tasks=TASKS))
    events = list(fit(model, _dataset(), config, state=tmp_path))
    assert events[0]["resumed_after_epoch"] == 2
    expected = [e["loss"] for e in whole_events if e["event"] == "step" and e["epoch"] > 2]
    for a, b in zip(_losses(events), expected, strict=True):
        assert all(abs(a[k] - b[k]) < 1e-4 for k in b)
    for name in ("mood", "stars"):
        assert torch.allclose(model.head(name).network[1].weight, whole.head(name).network[1].weight, atol=1e-5)


@pytest.mark.parametrize("first, then", [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_a_run_that_goes_on_computes_as_it_began(tiny, tmp_path, monkeypatch, first, then):
    """On another machine, say, where the other number format is the quicker one."""
    config = _quick(epochs=3, precision="auto")
    monkeypatch.setattr(loop, "quickest_dtype", lambda: getattr(torch, first))
    _, whole = _train(tiny, config)
    assert whole[0]["precision"] == first
    _interrupted(tiny, config, tmp_path, after=2)
    monkeypatch.setattr(loop, "quickest_dtype", lambda: getattr(torch, then))
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS))
    events = list(fit(model, _dataset(), config, state=tmp_path))
    assert (events[0]["precision"], events[0]["resumed_after_epoch"]) == (first, 2)
    expected = [e["loss"] for e in whole if e["event"] == "step" and e["epoch"] > 2]
    for a, b in zip(_losses(events), expected, strict=True):
        assert all(abs(a[k] - b[k]) < 1e-4 for k in b)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_run_says_once_where_the_number_format_asked_for_is_the_slow_one(tiny, monkeypatch, precision, quick):
    monkeypatch.setattr("mtl.model.multiplies_in_bfloat16", lambda: quick)
    _, events = _train(tiny, _quick(epochs=1, precision=precision))
    assert events[0]["precision"] == precision and events[-1]["status"] == "done"
    slow = [note for note in events[0]["notes"] if "float32" in note]
    assert len(slow) == (precision == "bfloat16" and not quick)


def test_a_state_of_other_settings_or_a_damaged_one_is_not_used(tiny, tmp_path):
    _interrupted(tiny, _quick(epochs=3), tmp_path, after=1)
    path = tmp_path / "state.safetensors"
    for config, size in ((_quick(epochs=3, lr=5e-4), None), (_quick(epochs=3), 100)):
        path.write_bytes(path.read_bytes()[:size])
        model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS))
        assert next(fit(model, _dataset(), config, state=tmp_path))["resumed_after_epoch"] is None


def test_a_run_that_an_earlier_version_was_interrupted_in_goes_on(tiny, tmp_path):
    shutil.copy(Path(__file__).with_name("interrupted.safetensors"), tmp_path / "state.safetensors")
    settings = {"epochs": 3, "freeze": -1, "unfreeze": ((3, 4),), "rates": {"head mood": 2e-3}}
    for weight, resumed in ((0.25, None), (0.5, 2)):
        model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS))
        config = _quick(**settings, task_weights={"mood": weight})
        assert next(fit(model, _dataset(), config, state=tmp_path))["resumed_after_epoch"] == resumed


@dataclass(frozen=True)
class More(TrainConfig):
    spice: float = setting(0.5, "A setting of tomorrow.")


def test_a_new_setting_makes_no_interrupted_run_begin_anew():
    config, keys = TrainConfig(epochs=5, rates={"layer 1": 1}), set()
    for later in (config, More(**config.to_json()), More(**config.to_json(), spice=0.1)):
        keys.update(keys_of(later, "data"))
    # The new form's and the earlier one's, and for the new setting's own value a new one alone.
    assert len(keys) == 3


@pytest.mark.parametrize(
    "settings, key",
    [
        ({}, "fa99686c211c0aa1a19b93ad0dbe04ea598f9d4f5eb0b103adfbd51106a5598e"),
        # As the page wrote numbers: 1, not 1.0.
        (
            {"anchor": 1, "lr": 2e-5, "freeze_heads": ["idle"], "rates": {"layer 1": 1}},
            "488ed8f956bcbbaff07be947c44eb9b47a356fd84af5e959ba13d3a203a6eae5",
        ),
    ],
)
def test_the_key_of_earlier_versions_is_known(settings, key):
    assert keys_of(TrainConfig.from_json(settings), "data")[1:] == [key]


def test_blending_goes_back_part_of_the_way_in_the_backbone_alone(tiny):
    moved = [_train(tiny, _quick(blend=share, keep_best=False))[1][-2]["moved"] for share in (0.0, 0.25)]
    for group in ("embeddings", "layer 1", "layer 3"):
        assert moved[1][group] == pytest.approx(0.75 * moved[0][group], rel=1e-4)
    assert moved[1]["head mood"] == moved[0]["head mood"]


def test_a_diverging_run_says_so(tiny):
    config = TrainConfig(
        epochs=30, lr=1.0, head_lr=1.0, lr_decay=1.0, clip=0.0, warmup=0.0, anchor=0, precision="float32"
    )
    rows = [Row(r.text, {"stars": 1e38}, r.line) for r in ROWS]
    with pytest.raises(UserError, match="diverged.*lower rates"):
        _train(tiny, config, Dataset((Part("rows", rows),), {}))


def test_data_without_labels_for_the_model_is_refused(tiny):
    rows = [Row("text", {"weather": "fine"}, 1)]
    with pytest.raises(UserError, match="No row has a label for any task.*mood, stars"):
        _train(tiny, dataset=Dataset((Part("rows", rows),), {}))


def test_a_plan_sees_each_row_as_often_as_its_weight_says():
    parts = (Part("a", ROWS[:10]), Part("b", ROWS[:10], weight=0.5), Part("c", ROWS[:10], weight=2.0))
    plan = Plan(parts, TrainConfig(epochs=2, batch_size=4))
    batches = [b for epoch in (1, 2) for b in plan.epoch(epoch)]
    assert len(batches) == plan.steps
    for part, times in zip(parts, (2, 1, 4), strict=True):
        seen = sorted(i for p, indices, _ in batches if p is part for i in indices)
        assert seen == sorted(list(range(10)) * times)


def test_a_plan_puts_texts_of_like_length_together():
    rows = [Row("x" * (1 + i * 7 % 100), {}, i) for i in range(100)]
    plan = Plan((Part("a", rows),), TrainConfig(batch_size=10))
    spread = [max(len(rows[i].text) for i in b) - min(len(rows[i].text) for i in b) for _, b, _ in plan.epoch(1)]
    assert sum(spread) / len(spread) < 20


ON_PROJECTION = ModelConfig(
    tuple(replace(task, reads="shared") if task.kind == "regression" else task for task in TASKS), projection=8
)


def _fit(folder, config, shape=ON_PROJECTION, dataset=None, **more):
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(folder, dtype="float32"), shape)
    return model, list(fit(model, dataset or _dataset(), config, **more))


def test_a_head_that_reads_the_projection_trains_it(tiny):
    _, events = _fit(tiny, _quick(freeze=4))
    assert events[-1]["moved"]["projection"] > 0
    assert all("projection" not in loss for loss in _losses(events))  # no loss of its own beside the head's


@pytest.mark.parametrize("config", [_quick(freeze_projection=True), _quick(rates={"projection": 0.0})])
def test_a_projection_can_be_frozen(tiny, config):
    _, events = _fit(tiny, config)
    assert events[-1]["moved"]["projection"] == 0 and "projection" in events[0]["frozen"]
    assert events[-1]["moved"]["head stars"] > 0


def test_a_projection_stays_while_no_row_teaches_the_heads_that_read_it(tiny):
    rows = [replace(row, labels={k: v for k, v in row.labels.items() if k != "stars"}) for row in ROWS]
    _, events = _fit(tiny, QUICK, dataset=Dataset((Part("rows", rows[:48]),), {"validation": rows[48:]}))
    assert events[-1]["moved"]["projection"] == 0 and "projection" in events[0]["frozen"]


def test_a_run_with_a_shared_projection_goes_on_as_if_it_never_was_cut_off(tiny, tmp_path):
    config = _quick(epochs=3)
    _, whole = _fit(tiny, config)
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ON_PROJECTION)
    for event in fit(model, _dataset(), config, state=tmp_path):
        if event["event"] == "step" and event["epoch"] == 2:
            break
    _, events = _fit(tiny, config, state=tmp_path)
    assert events[0]["resumed_after_epoch"] == 1
    expected = [e["loss"] for e in whole if e["event"] == "step" and e["epoch"] > 1]
    for a, b in zip(_losses(events), expected, strict=True):
        assert a == pytest.approx(b, abs=1e-4)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.sampled_from(["even", "labels", "rare"]))
def test_tasks_are_weighed_by_their_labels(counts, balance):
    names = [f"task {i}" for i in range(len(counts))]
    rows = [Row("text", {name: 1.0}, 1) for name, count in zip(names, counts, strict=True) for _ in range(count)]
    weights = loop.balance_of([Part("a", rows[:7]), Part("b", rows[7:])], names, balance)
    shares = {"even": [], "labels": counts, "rare": [1 / n for n in counts]}[balance]
    assert [*weights.values()] == pytest.approx([share * len(shares) / sum(shares) for share in shares])


def test_the_balance_of_tasks_scales_their_weights(tiny):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS))
    training = loop._Training(model, _dataset(), _quick(balance="rare", task_weights={"mood": 3.0}), Stop(), None)
    assert training._weight("mood") == pytest.approx(3 * training.balance["mood"])
    assert training.balance["mood"] > 1 > training.balance["stars"] == training._weight("stars")
