"""A fitted temperature makes confidence mean accuracy, and changes no answer."""

import pytest
import torch
import torch.nn.functional as F

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec
from mtl.data.rows import Row
from mtl.heads import best_temperature
from mtl.training.calibration import calibrate


@pytest.mark.parametrize("true", [0.25, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(true):
    torch.manual_seed(0)
    logits = torch.randn(20_000, 3) * 2
    targets = torch.multinomial(torch.softmax(logits / true, -1), 1).squeeze(-1)
    assert best_temperature(logits, targets) == pytest.approx(true, rel=0.06)


def test_it_is_the_best_there_is():
    torch.manual_seed(1)
    targets = torch.randint(0, 4, (200,))
    logits = torch.randn(200, 4) * 5 + 3 * F.one_hot(targets, 4)
    best = best_temperature(logits, targets)
    losses = [float(F.cross_entropy(logits / (best * factor), targets)) for factor in (0.9, 1.0, 1.1)]
    assert losses[1] == min(losses)


def test_labels_that_are_always_right_or_wrong_stay_within_bounds():
    logits = torch.tensor([[5.0, 0.0], [0.0, 5.0]]).repeat(30, 1)
    assert 0.04 < best_temperature(logits, torch.tensor([0, 1]).repeat(30)) < 1
    assert 1 < best_temperature(logits, torch.tensor([1, 0]).repeat(30)) < 21


@pytest.fixture
def model(tiny):
    torch.manual_seed(0)
    tasks = (TaskSpec("mood", "classification", ("good", "bad")), TaskSpec("size", "regression"))
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))


def test_answers_stay_and_probabilities_change(model):
    rows = [Row(f"Text number {i}.", {"mood": "good" if i % 3 else "bad", "size": 0.5}, i) for i in range(60)]
    texts = [row.text for row in rows]
    before = model.eval().analyze(texts)
    found = calibrate(model, rows, ["mood", "size"])
    after = model.analyze(texts)
    assert set(found) == {"mood"}
    assert [a.mood.label for a in after] == [b.mood.label for b in before]
    assert [a.size for a in after] == [b.size for b in before]
    for a, b in zip(after, before, strict=True):
        odds = [torch.tensor(x.mood.probabilities["good"]).logit() for x in (b, a)]
        assert float(odds[0] / odds[1]) == pytest.approx(found["mood"], rel=1e-3)


def test_the_model_that_it_grew_out_of_keeps_its_own(model):
    model = model.eval()
    rows = [Row(f"Text number {i}.", {"mood": "good" if i % 3 else "bad"}, i) for i in range(60)]
    grown = checkpoint.derive(model, model.config)
    calibrate(grown, rows, ["mood"])
    assert float(model.head("mood").temperature) == 1.0 != float(grown.head("mood").temperature)


def test_few_rows_are_not_followed(model):
    rows = [Row(f"Text {i}.", {"mood": "good"}, i) for i in range(49)]
    assert calibrate(model.eval(), rows, ["mood"]) == {}
