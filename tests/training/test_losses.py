"""Rare labels count for more in the loss by as much as the settings say."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import KINDS, TaskSpec
from mtl.training.losses import class_weights, weigh

MOODS = TaskSpec("mood", "classification", ("calm", "glad", "sad"))
VALUES = ["calm"] * 12 + ["glad"] * 3 + ["sad"]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20).filter(any), st.floats(0, 1))
def test_rows_have_the_mean_weight_one_and_rarer_labels_no_less(rows, strength):
    rows = torch.tensor(rows)
    weights = class_weights(rows, strength)
    assert float((weights * rows).sum() / rows.sum()) == pytest.approx(1, rel=1e-4)
    order = rows.argsort()
    assert bool((weights[order].diff() <= 1e-6).all())


def test_the_weighted_loss_is_torchs():
    head = KINDS["classification"].build(MOODS, 4)
    logits = torch.randn(len(VALUES), 3)
    targets = torch.tensor([head.target(value) for value in VALUES])
    weigh(head, VALUES, 1.0)
    expected = F.cross_entropy(logits, targets, weight=1 / torch.tensor([12.0, 3.0, 1.0]))
    # All rows: torch divides by the sum of their weights, which is their number here.
    assert head.losses(logits, targets).mean().item() == pytest.approx(expected.item(), rel=1e-5)
    probabilities = torch.full((2, 3), 1 / 3)
    expected = F.cross_entropy(logits[:2], probabilities, weight=head.label_weights, reduction="none")
    assert torch.allclose(head.losses(logits[:2], probabilities), expected)


def test_without_a_weight_all_labels_count_alike():
    assert torch.equal(class_weights(torch.tensor([12, 3, 0]), 0.0), torch.ones(3))


def test_heads_without_such_labels_stay_as_they_are():
    head = KINDS["regression"].build(TaskSpec("stars", "regression", low=1, high=5), 4)
    weigh(head, [1.0, 5.0], 1.0)
    assert head.label_weights is None
