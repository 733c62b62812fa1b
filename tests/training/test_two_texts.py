"""Kinds of task that read two texts, with a head of their own and without one, go through the whole flow."""

import numpy as np
import pytest
import torch
from torch import nn

import mtl
from mtl import checkpoint
from mtl.config import KINDS, ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part, split
from mtl.data.rows import Row
from mtl.heads import ClassificationHead, Head
from mtl.kinds.classification import Classification
from mtl.kinds.regression import Regression
from mtl.training.forgetting import measure
from mtl.training.loop import fit
from mtl.training.metrics import evaluate


class PairHead(ClassificationHead):
    def __init__(self, spec, dim):
        super().__init__(spec, 2 * dim)

    def read(self, model, encoded, batch):
        vectors = encoded.pooled(self.spec.pooling)
        return self(torch.cat((vectors[list(batch.paired)], vectors[batch.rows :]), -1))


class Cosine(Head):
    """No weights: the cosine of the two embeddings."""

    def __init__(self, spec, dim):
        super().__init__()
        self.spec = spec

    def read(self, model, encoded, batch):
        vectors = model.embeddings(encoded)
        return (vectors[list(batch.paired)] * vectors[batch.rows :]).sum(-1, keepdim=True)

    def target(self, value, words=(), unlabelled=()):
        return value

    def losses(self, logits, targets):
        return nn.functional.mse_loss(logits[:, 0], torch.tensor(targets), reduction="none")

    def decode(self, logits, texts=(), words=()):
        return logits[:, 0].tolist()


class Relation(Classification):
    name, head, texts, reads, teachable = "relation", f"{__name__}:PairHead", 2, "pair", False


class Similarity(Regression):
    name, head, texts, reads, teachable = "similarity", f"{__name__}:Cosine", 2, "embedding", False
    moves_embedding = True


MOOD = TaskSpec("mood", "classification", ("good", "bad"))
NAMES = {"names": ()}


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    for kind in (Relation(), Similarity()):
        monkeypatch.setitem(KINDS, kind.name, kind)


@pytest.fixture
def model(tiny):
    torch.manual_seed(0)
    tasks = (
        MOOD,
        TaskSpec("same", "relation", ("yes", "no")),
        TaskSpec("alike", "similarity"),
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
    assert together[1].alike == pytest.approx(float(one @ other), abs=1e-4)
    assert together[1].to_json()["text_b"] == "texts of Ada." and "text_b" not in together[0].to_json()


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
