"""Kinds of task that read two texts, with a head of their own and without one, go through the whole flow."""

import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

import mtl
from mtl import checkpoint
from mtl.__main__ import main
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row
from mtl.data.splits import split
from mtl.kinds.kind import metric_named
from mtl.training import jobs
from mtl.training.forgetting import measure
from mtl.training.loop import fit
from mtl.training.metrics import evaluate
from mtl.training.runs import folder, worker
from mtl.training.runs.records import event as record_of_event

MOOD = TaskSpec("mood", "classification", ("good", "bad"))
NAMES = {"names": ()}


@pytest.fixture
def model(tiny):
    torch.manual_seed(0)
    tasks = (
        MOOD,
        TaskSpec("same", "pair_classification", ("yes", "no")),
        TaskSpec("alike", "similarity", pair_loss="cosine"),
        TaskSpec("names", "tagging", ("PER",)),
    )
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks)).eval()


# Rows of one text among rows of two, which are labelled for other tasks.
ROWS = [
    Row(f"Number {i} is{' very' * (i % 5)} good.", {"mood": "good" if i % 2 else "bad", **NAMES}, i)
    if i % 3 == 0
    else Row((f"Number {i}.", f"A figure{' or two' * (i % 4)}."), {"same": "yes" if i % 2 else "no", "alike": 0.9}, i)
    for i in range(36)
]


@pytest.mark.parametrize("freeze", [0, 2, -1])
def test_they_are_trained_scored_and_answer(model, freeze):
    # Rows whose labels move the embedding are not held by the anchor: those of one text are.
    dataset = Dataset((Part("both", ROWS),), {"validation": ROWS[:12]})
    events = [*fit(model, dataset, TrainConfig(epochs=2, batch_size=8, freeze=freeze, anchor=5.0))]
    start, last = events[0], [event for event in events if event["event"] == "epoch"][-1]
    assert {"head mood", "head same"} <= start["trainable"].keys()
    assert "head alike" not in {**start["trainable"], **start["frozen"]}  # no weights, so no group
    assert set(last["validation"]) == {"mood", "same", "alike", "names"}
    assert last["validation"]["alike"]["rows"] == last["validation"]["same"]["rows"] == 8
    # Cached or not, the scores are those of the model.
    assert last["validation"]["same"]["loss"] == pytest.approx(
        evaluate(model.eval(), ROWS[:12])["same"]["loss"], abs=2e-2
    )


def test_a_kind_without_weights_trains_the_backbone(model):
    rows = [Row(("One text.", "Something else entirely."), {"alike": -1.0}, 1)] * 8
    before = model.analyze([rows[0].texts], ["alike"])[0].alike
    for _ in fit(model, Dataset((Part("pairs", rows),), {}), TrainConfig(epochs=5, batch_size=4, lr=1e-3)):
        pass
    assert model.eval().analyze([rows[0].texts], ["alike"])[0].alike < before - 0.1


def test_answers_do_not_depend_on_the_company(model):
    texts = ["One text.", ("Two", "texts of Ada."), "Another text alone, which is longer.", ("And", "two more")]
    together = model.analyze(texts)
    for text, answer in zip(texts, together, strict=True):
        [alone] = model.analyze([text])
        assert alone.results.keys() == answer.results.keys()
        assert np.allclose(alone.embedding, answer.embedding, atol=1e-5)
        assert alone.mood.label == answer.mood.label
        assert [(e.start, e.end) for e in alone.names] == [(e.start, e.end) for e in answer.names]
        assert ("alike" in answer.results) == isinstance(text, tuple)
    one, other = model.encode(texts[1])
    assert together[1].alike == pytest.approx(-1 + 2 * float(one @ other), abs=1e-4)
    assert together[1].to_json()["text_b"] == "texts of Ada." and "text_b" not in together[0].to_json()


def test_pairs_are_compared(model):
    texts = ["One text.", "Another one, of Ada.", "A third"]
    pairs = [(a, b) for a in texts for b in texts]
    vectors = model.encode(texts)
    answers = model.compare(pairs)
    assert [(p.text, p.text_b) for p in answers] == pairs
    assert [p.cosine for p in answers] == pytest.approx((vectors @ vectors.T).flatten().tolist(), abs=1e-4)
    assert {*answers[0].results} == {"same", "alike"} and answers[1].results["same"].label in ("yes", "no")
    assert answers[1].to_json()["same"]["label"] in ("yes", "no")
    assert model.compare([list(pairs[1])], ["alike"])[0].results.keys() == {"alike"}
    assert not {"same", "alike"} & model.analyze(texts)[0].results.keys()


@pytest.mark.parametrize(
    ("pairs", "tasks", "said"),
    [
        (["one text"], None, "Pair 1 is not two texts"),
        ([("a", "b"), ("a", "b", "c")], None, "Pair 2 is not two texts"),
        ([("a", " ")], None, "Pair 1 is empty"),
        ([("a", 2)], None, "Pair 1 is not a text but int"),
        ([("a", "b")], ["mood"], "'mood' reads one text"),
    ],
)
def test_what_is_no_pair_is_refused(model, pairs, tasks, said):
    with pytest.raises(UserError, match=said):
        model.compare(pairs, tasks)


def test_a_text_of_several_pairs_is_encoded_once(model, monkeypatch):
    seen = []
    run = type(model.backbone).run
    monkeypatch.setattr(type(model.backbone), "run", lambda self, x, *more: seen.append(len(x)) or run(self, x, *more))
    model.compare([("One", f"text {i % 2}") for i in range(6)])
    assert seen == [3]


def test_three_texts_are_refused(model):
    with pytest.raises(UserError, match="not a text but tuple"):
        model.analyze([("a", "b", "c")])
    with pytest.raises(UserError, match="not a text but tuple"):
        model.encode([("a", "b")])


def test_they_are_saved_and_loaded(model, tmp_path):
    checkpoint.save(model, tmp_path)
    loaded = mtl.load(tmp_path, dtype="float32")
    pair = ("One text.", "Another.")
    assert loaded.analyze([pair])[0].results == model.analyze([pair])[0].results
    assert measure(model, loaded, ["mood"], ROWS[1:3])["tasks"].keys() == {"same", "alike"}


def test_pairs_are_split_as_pairs():
    rows = [Row(("same", f"other {i}"), {"same": "yes"}, i) for i in range(10)]
    learn, held_out = split(rows, 0.3)
    assert (len(learn), len(held_out)) == (7, 3)


# --- from a table to a checkpoint ---

CALM, WILD = ["a quiet lake", "the still pond", "calm water"], ["a raging storm", "the wild wind", "thunder and hail"]


def likeness(path, triplets=False):
    """A table of pairs that differ in weather: with scores, or as triplets."""
    pairs = [(f"{a} {i}", f"{b} {i}", 5.0 if same else i % 5 / 10) for i in range(12) for a, b, same in WEATHER]
    if triplets:
        rows = [f"{a} {i},{b} {i},{c} {i}" for i in range(12) for a, b, c in zip(CALM, CALM[1:], WILD, strict=False)]
        path.write_text("anchor,positive,negative\n" + "\n".join(rows) + "\n")
    else:
        path.write_text("sentence1,sentence2,score\n" + "".join(f"{a},{b},{score}\n" for a, b, score in pairs))
    return path


WEATHER = [(CALM[0], CALM[1], True), (WILD[0], WILD[2], True), (CALM[1], WILD[1], False), (CALM[2], WILD[0], False)]


@pytest.mark.parametrize(("triplets", "task", "metric"), [(False, "score", "spearman"), (True, "pairs", "found")])
def test_a_table_of_pairs_goes_the_whole_way(tmp_path, tiny, capsys, triplets, task, metric):
    table, out = likeness(tmp_path / "weather.csv", triplets), tmp_path / "run"
    options = ["--model", tiny, "--epochs", 6, "--batch-size", 8, "--lr", 1e-3, "--precision", "float32", "--freeze", 1]
    assert main([*map(str, ("train", table, "--out", out, *options))]) == 0
    assert "trains the embedding itself" in capsys.readouterr().out
    events = folder.events(out)
    last = [event for event in events if event["event"] == "epoch"][-1]["validation"][task]
    before = events[-1]["before"][task]
    assert last[metric] > before[metric] or last[metric] > 0.9
    assert all(record_of_event(event) for event in events)
    card = (out / "checkpoint" / "README.md").read_text(encoding="utf-8")
    assert f" | {task} | {metric_named(metric).title} | " in card
    assert main([*map(str, ("compare", CALM[0], WILD[0], "--model", out / "checkpoint"))]) == 0
    assert "cosine " in (said := capsys.readouterr().out) and f"; {task} " in said
    assert main([*map(str, ("compare", table, "--json", "--model", out / "checkpoint"))]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert (
        len(answers) == len(table.read_text().splitlines()) - 1 and {"cosine", "familiarity", task} < answers[0].keys()
    )
    assert main([*map(str, ("analyze", CALM[0], "--model", out / "checkpoint"))]) == 0
    assert task not in capsys.readouterr().out
    assert main([*map(str, ("export", out / "checkpoint", tmp_path / "export"))]) == 0
    peer = SentenceTransformer(str(tmp_path / "export"), device="cpu")
    own = mtl.load(out / "checkpoint", dtype="float32").encode(CALM)
    assert np.abs(peer.encode(CALM) - own).max() < 1e-4


@pytest.mark.parametrize("freeze", [0, 2])
def test_a_run_on_pairs_goes_on_as_if_it_had_not_been_stopped(tiny, tmp_path, freeze):
    rows = [Row((f"{a} {i}", f"{b} {i}"), {"alike": float(same)}, i) for i in range(6) for a, b, same in WEATHER]
    dataset = Dataset((Part("pairs", rows[:20]),), {"validation": rows[20:]})
    config = TrainConfig(epochs=3, batch_size=5, lr=1e-3, freeze=freeze, precision="float32")

    def start():
        torch.manual_seed(0)
        tasks = (TaskSpec("alike", "similarity", low=0.0, high=1.0),)
        return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))

    whole = [*fit(start(), dataset, config)]
    for event in fit(start(), dataset, config, state=tmp_path):
        if event["event"] == "epoch":
            break
    rest = [*fit(start(), dataset, config, state=tmp_path)]
    assert rest[0]["resumed_after_epoch"] == 1
    steps = [[e["loss"]["alike"] for e in events if e["event"] == "step"] for events in (whole, rest)]
    assert steps[1] == pytest.approx(steps[0][4:], abs=1e-5)
    assert rest[-1]["moved"] == pytest.approx(whole[-1]["moved"], rel=1e-4)


def test_the_cache_changes_no_loss(tiny):
    rows = [
        Row((f"{a} {i}", f"{b} {i}", *[WILD[i % 3]] * (i % 2)), {"pairs": True}, i)
        for i in range(6)
        for a, b, same in WEATHER
        if same
    ]
    losses = []
    for cache in (0, 1024):
        torch.manual_seed(0)
        base = mtl.load(tiny, dtype="float32")
        model = checkpoint.derive(base, ModelConfig(tasks=(TaskSpec("pairs", "contrastive"),)))
        config = TrainConfig(epochs=2, batch_size=4, freeze=2, lr=1e-3, cache_mb=cache, precision="float32")
        events = [*fit(model, Dataset((Part("pairs", rows),), {}), config)]
        losses.append([e["loss"]["pairs"] for e in events if e["event"] == "step"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_nothing_learns_where_the_embedding_is_frozen(tmp_path, tiny):
    table = likeness(tmp_path / "weather.csv")
    with pytest.raises(UserError, match="nothing would learn"):
        [*worker.run(jobs.prepare(table, TrainConfig(freeze=-1, epochs=1), str(tiny)), tmp_path / "run")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("a", "b", "c"), "Give two texts, or one file"), (("alone.txt",), "has no two texts in a row")],
)
def test_what_cannot_be_compared_is_said(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alone.txt").write_text("It was a fine day.\nIt rained.\n")
    assert main(["compare", *arguments]) == 1 and said in capsys.readouterr().err
