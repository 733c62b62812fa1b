"""Heads lose on logits, decode only legal tags, and give spans of the user's own characters."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import KINDS, TaskSpec, UserError
from mtl.kinds.multilabel import LabelSet
from mtl.kinds.tagging import tags_of
from mtl.text.spans import Span
from mtl.text.words import best_legal_path
from mtl.training.distillation import mixed
from mtl.training.losses import weigh
from tests.text.written import is_legal_bio

TAGGING = TaskSpec("entities", "tagging", ("PER", "ORG"))


def build(spec):
    return KINDS[spec.kind].build(spec, 8)


@pytest.mark.parametrize("hidden", [0, 16])
def test_outputs_have_the_shape_of_the_task(hidden):
    vectors = torch.randn(3, 8)
    assert build(TaskSpec("a", "classification", ("x", "y", "z"), hidden=hidden))(vectors).shape == (3, 3)
    assert build(TaskSpec("a", "regression", hidden=hidden))(vectors).shape == (3, 1)
    tagging = build(TaskSpec("a", "tagging", ("PER",), hidden=hidden))
    assert tagging(vectors, torch.tensor([0, 2, 5])).shape == (3, 3)
    assert sum(isinstance(m, torch.nn.Linear) for m in tagging.modules()) == (2 if hidden else 1)


def test_classification_loss_takes_logits_not_probabilities():
    head = build(TaskSpec("a", "classification", ("x", "y")))
    logits = torch.tensor([[20.0, -20.0], [-20.0, 20.0]])
    assert head.losses(logits, [0, 1]).max() < 1e-6  # of probabilities it could never fall below 0.31
    assert head.losses(logits, [1, 0]).min() > 30


def test_classification_probabilities_sum_to_one_and_lead_to_the_label():
    head = build(TaskSpec("a", "classification", ("x", "y", "z")))
    [answer] = head.decode(torch.tensor([[0.0, 3.0, 1.0]]))
    assert answer.label == "y"
    assert abs(sum(answer.probabilities.values()) - 1) < 1e-6


def test_a_label_the_head_lacks_is_named():
    head = build(TaskSpec("a", "classification", ("x", "y")))
    with pytest.raises(UserError, match="no label 'w'; it has x and y"):
        head.target("w")


@given(st.floats(-50, 50))
def test_regression_answers_stay_in_range_and_targets_come_back(value):
    head = build(TaskSpec("stars", "regression", low=1, high=5))
    [answer] = head.decode(torch.tensor([[value]]))
    assert 1 <= answer <= 5
    inside = min(max(value, 1), 5)
    [back] = head.decode(torch.tensor([[head.target(inside)]]))
    assert abs(back - inside) < 1e-4


def test_tagging_loss_is_cross_entropy_where_everything_is_labelled():
    head = build(TAGGING)
    logits = torch.randn(4, 5)
    expected = F.cross_entropy(logits, torch.tensor([0, 1, 2, 3]))
    spans = (Span(3, 7, "PER"), Span(8, 9, "ORG"))
    words = [(0, 2, 1), (3, 5, 2), (6, 7, 3), (8, 9, 4)]
    assert torch.allclose(head.losses(logits, [head.target(spans, words)]).mean(), expected)


def test_tagging_loss_does_not_punish_types_that_the_data_does_not_mark():
    head = build(TAGGING)
    sure_of_org = torch.tensor([[0.0, 0.0, 0.0, 20.0, 0.0]])
    assert head.losses(sure_of_org, [head.target((), [(0, 2, 1)], ("ORG",))]).item() < 1e-3
    assert head.losses(sure_of_org, [head.target((), [(0, 2, 1)])]).item() > 10


@given(st.integers(1, 5), st.integers(0, 10_000))
def test_the_decoded_path_is_the_likeliest_of_all_legal_ones(length, seed):
    tags = tags_of(TAGGING)
    scores = np.random.default_rng(seed).normal(size=(length, len(tags)))
    path = best_legal_path(scores)
    assert is_legal_bio([tags[i] for i in path])
    legal = [p for p in itertools.product(range(len(tags)), repeat=length) if is_legal_bio([tags[i] for i in p])]
    best = max(sum(scores[i, t] for i, t in enumerate(p)) for p in legal)
    assert abs(sum(scores[i, t] for i, t in enumerate(path)) - best) < 1e-9


@given(
    st.lists(st.sampled_from(["Ada", "Lovelace", "at", "Acme", "naïve", "👩‍🚀", "日本"]), min_size=1, max_size=9),
    st.integers(0, 999),
)
def test_entities_are_sorted_spans_of_the_text_that_do_not_overlap(words, seed):
    text, offsets, at = "  ".join(words), [], 0
    for i, word in enumerate(words):
        offsets.append((at, at + len(word), i + 1))
        at += len(word) + 2
    head = build(TAGGING)
    logits = torch.randn(len(words), 5, generator=torch.Generator().manual_seed(seed)) * 3
    [entities] = head.decode(logits, [text], [offsets])
    last = 0
    for entity in entities:
        assert last <= entity.start < entity.end
        assert entity.text == text[entity.start : entity.end]
        assert 0 <= entity.score <= 1
        last = entity.end


def test_a_name_of_two_words_is_one_span_with_its_space():
    head = build(TAGGING)
    logits = torch.full((3, 5), -9.0)
    for i, tag in enumerate((1, 2, 0)):
        logits[i, tag] = 9.0
    [[entity]] = head.decode(logits, ["John  Smith slept"], [[(0, 4, 1), (6, 11, 2), (12, 17, 3)]])
    assert (entity.text, entity.label, entity.start, entity.end) == ("John  Smith", "PER", 0, 11)


def test_a_span_takes_the_accent_that_stands_apart():
    head = build(TAGGING)
    logits = torch.full((1, 5), -9.0)
    logits[0, 1] = 9.0
    [[entity]] = head.decode(logits, ["Zoe\u0308 left"], [[(0, 3, 1)]])
    assert entity.text == "Zoe\u0308"


def test_a_hidden_layer_has_the_activation_of_its_task():
    for name, function in (("gelu", F.gelu), ("relu", F.relu)):
        network = build(TaskSpec("a", "regression", hidden=4, hidden_activation=name)).network.eval()
        vectors = torch.randn(3, 8)
        assert torch.allclose(network(vectors), network[4](function(network[1](vectors))))
    assert TaskSpec("a", "regression", hidden=4).hidden_activation == "gelu"  # as in all earlier checkpoints


SEVERAL = TaskSpec("moods", "multilabel", ("joy", "fear", "anger"))


def test_each_label_is_told_by_itself_and_what_is_unknown_has_no_loss():
    head = build(SEVERAL)
    logits = torch.randn(4, 3, requires_grad=True)
    values = [LabelSet(("joy",)), LabelSet(("joy", "fear"), ("anger",)), LabelSet(), LabelSet((), SEVERAL.labels)]
    losses = head.losses(logits, [head.target(value) for value in values])
    p = torch.sigmoid(logits.detach().double())
    assert losses[0].item() == pytest.approx(float(-(p[0, 0].log() + (1 - p[0, 1:]).log().sum()) / 3), abs=1e-6)
    assert losses[1].item() == pytest.approx(float(-p[1, :2].log().sum() / 2), abs=1e-6)
    assert losses[2].item() == pytest.approx(
        float(F.binary_cross_entropy_with_logits(logits[2].detach(), torch.zeros(3))), abs=1e-6
    )
    assert losses[3].item() == 0
    losses.sum().backward()
    assert logits.grad[1, 2] == 0 and (logits.grad[3] == 0).all() and (logits.grad[0] != 0).all()


def test_rare_labels_weigh_as_much_more_as_they_are_rarer():
    head, logits = build(SEVERAL), torch.zeros(1, 3)
    values = [LabelSet(("joy",))] * 10 + [LabelSet(("fear",), ("joy",))] * 30
    target = [head.target(LabelSet(("joy", "fear")))]
    weigh(head, values, 1.0)
    weights = torch.tensor([0.1, 10 / 30, 40.0])  # of nobody who is angry, or known not to be, as of one
    expected = F.binary_cross_entropy_with_logits(logits, torch.stack(target), pos_weight=weights)
    assert head.losses(logits, target).item() == pytest.approx(expected.item())
    weigh(head, values, 0.0)
    assert head.losses(logits, target).item() == pytest.approx(0.6931, abs=1e-4)
    assert "moods" not in dict(head.named_parameters()) and len(head.state_dict()) == 3


def test_thresholds_decide_and_are_fitted():
    head = build(SEVERAL)
    head.thresholds.data = torch.tensor([0.6, 0.4, 0.5])
    [answer] = head.decode(torch.zeros(1, 3))
    assert answer.labels == ("fear", "anger") and answer.probabilities["joy"] == 0.5
    logits = torch.tensor([[-1.0, 0, 0]] * 20 + [[-3.0, 0, 0]] * 20)
    targets = [head.target(LabelSet(("joy",)))] * 20 + [head.target(LabelSet())] * 20
    fitted = head.fit_values(logits, targets)["thresholds"]
    assert 0.05 < fitted[0] < 0.27


def test_a_teacher_answers_what_a_label_leaves_open():
    head = build(SEVERAL)
    answers = torch.full((2, 3), 0.8)
    targets = mixed(head, [LabelSet(("joy",), ("fear",)), None], answers, trust=0.5)
    assert targets.flatten().tolist() == pytest.approx([0.9, 0.8, 0.4, 0.8, 0.8, 0.8])
    assert head.losses(torch.zeros(2, 3), targets).shape == (2,)
