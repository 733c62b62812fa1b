"""Several labels: what rows hold, how answers are scored, and the thresholds that decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.rows import Column, Findings, Row
from mtl.kinds.multilabel import LabelSet, best_thresholds, decide, truth_matrix

KIND = KINDS["multilabel"]
LABELS = ("a", "b", "c", "d")
SPEC = TaskSpec("t", "multilabel", LABELS)
SETS = st.builds(
    lambda labels, unknown: LabelSet(tuple(labels), tuple(unknown - labels)),
    st.sets(st.sampled_from(LABELS)),
    st.sets(st.sampled_from(LABELS), max_size=1),
)


def answer(labels):
    return decide(SPEC, [float(label in labels) for label in LABELS], [0.5] * 4)


def test_the_order_of_labels_makes_no_difference():
    assert LabelSet(("a", "b")) == LabelSet(("b", "a")) != LabelSet(("a",))
    assert len({LabelSet(("a", "b")), LabelSet(("b", "a"))}) == 1
    assert LabelSet(("a",), ("b",)) != LabelSet(("a",)) != "a"


def test_numbers_of_labels_their_absence_and_what_is_unknown():
    truth = truth_matrix(SPEC, [LabelSet(("a", "c"), ("d",)), LabelSet()])
    assert np.array_equal(truth, [[1, 0, 1, np.nan], [0, 0, 0, 0]], equal_nan=True)


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=30))
def test_scores_are_those_of_scikit_learn(pairs):
    truths, said = [LabelSet(truth.labels) for truth, _ in pairs], [answer.labels for _, answer in pairs]
    scores = KIND.score(SPEC, truths, [answer(labels) for labels in said], [()] * len(pairs))
    y = truth_matrix(SPEC, truths).astype(int)
    p = truth_matrix(SPEC, [LabelSet(labels) for labels in said]).astype(int)
    present = np.flatnonzero(y.any(0))
    macro = f1_score(y, p, labels=present, average="macro", zero_division=0) if len(present) else 0
    assert scores["macro_f1"] == pytest.approx(macro)
    assert scores["micro_f1"] == pytest.approx(f1_score(y, p, average="micro", zero_division=0))
    assert scores["exact"] == pytest.approx((y == p).all(1).mean())
    each = precision_recall_fscore_support(y, p, average=None, zero_division=0)
    assert list(scores["per_class"]) == [LABELS[i] for i in present]
    for i in present:
        figures = [scores["per_class"][LABELS[i]][name] for name in ("precision", "recall", "f1", "rows")]
        assert figures == pytest.approx([column[i] for column in each])


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=20))
def test_what_is_unknown_does_not_count(pairs):
    truths = [truth for truth, _ in pairs]
    answers = [answer(said.labels) for _, said in pairs]
    hidden = [answer({*said.labels} - {*truth.unknown}) for truth, said in pairs]
    assert KIND.score(SPEC, truths, answers, []) == KIND.score(SPEC, truths, hidden, [])


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.6))
def test_no_other_threshold_has_a_higher_f1(seed, share):
    chance = np.random.default_rng(seed)
    truth = (chance.random((60, 1)) < share).astype(np.float32)
    truth[:12] = 1
    probabilities = np.clip(0.3 * truth + 0.7 * chance.random((60, 1)), 0.02, 0.98)
    at = np.append(np.linspace(0.01, 0.99, 99), best_thresholds(probabilities, truth))
    said = probabilities >= at
    f1 = 2 * (said & (truth == 1)).sum(0) / (said.sum(0) + truth.sum())
    assert f1[-1] >= f1.max() - 1e-9


def test_a_label_of_few_rows_has_the_threshold_that_fits_all_labels():
    probabilities = np.array([[0.3, 0.2]] * 20 + [[0.1, 0.1]] * 20)
    truth = np.array([[1, 0]] * 20 + [[0, 0]] * 20, dtype=np.float32)
    truth[0, 1] = 1
    common, few = best_thresholds(probabilities, truth)
    assert 0.1 < common < 0.3 and few == pytest.approx(0.25)
    assert best_thresholds(probabilities[1:3], truth[1:3]).tolist() == [0.5, 0.5]  # two labels in all say nothing


def test_a_small_table_is_judged_by_thresholds_that_suit_its_probabilities():
    """New heads answer everything with a low probability: against 0.5 nothing would be found."""
    spec = TaskSpec("tags", "multilabel", ("a", "b"))
    truths = [LabelSet(("a",)) if i % 2 else LabelSet(("b",)) for i in range(9)]
    answers = [decide(spec, (0.3, 0.1) if i % 2 else (0.1, 0.3), (0.5, 0.5)) for i in range(9)]
    assert KIND.score(spec, truths, KIND.judged(spec, truths, answers), [])["macro_f1"] == 1.0


def test_without_labels_thresholds_are_even():
    probabilities, truth = np.full((40, 2), 0.2), np.zeros((40, 2), dtype=np.float32)
    assert best_thresholds(probabilities, np.zeros_like(truth)).tolist() == [0.5, 0.5]


def test_unknown_cells_do_not_move_a_threshold():
    probabilities = np.array([[0.3]] * 20 + [[0.1]] * 20 + [[0.9]] * 30)
    truth = np.array([[1]] * 20 + [[0]] * 20 + [[np.nan]] * 30, dtype=np.float32)
    assert best_thresholds(probabilities, truth)[0] == pytest.approx(0.2)


def test_while_a_model_learns_no_row_fits_its_own_threshold():
    """Thresholds fitted to noise find more than chance in the rows that they were fitted to, and not in others."""
    chance = np.random.default_rng(0)
    spec = TaskSpec("t", "multilabel", tuple(map(str, range(20))))
    truths = [LabelSet(tuple(label for label in spec.labels if chance.random() < 0.1)) for _ in range(300)]
    answers = [decide(spec, chance.random(20), [0.5] * 20) for _ in truths]
    probabilities = np.array([[*answer.probabilities.values()] for answer in answers])
    own = best_thresholds(probabilities, truth_matrix(spec, truths))
    fitted = KIND.score(spec, truths, [decide(spec, row, own) for row in probabilities], [])
    judged = KIND.score(spec, truths, KIND.judged(spec, truths, answers), [])
    assert judged["macro_f1"] < fitted["macro_f1"] - 0.02


def test_an_answer_names_the_likeliest_first_and_its_thresholds():
    found = decide(SPEC, [0.6, 0.1, 0.9, 0.3], [0.5, 0.5, 0.5, 0.2])
    assert found.labels == ("c", "a", "d")
    assert KIND.answer_text(found) == (
        "c, a, d (c 90.0% >= 50.0%, a 60.0% >= 50.0%, d 30.0% >= 20.0%, b 10.0% < 50.0%)"
    )
    assert KIND.answer_text(answer(())).startswith("none of the labels (")


def read(*cells):
    """(values, codes of what was reported) of a column."""
    said = []
    reader = KIND.reader(cells, lambda code, line, **facts: said.append(code))
    return [reader(cell, "", 1) for cell in cells], said


@pytest.mark.parametrize(
    "cells",
    [
        ['["a", "b"]', "[]", '["c"]'],
        ["['a', 'b']", "[]", "['c']"],
        ["a;b", "[]", "c"],
        ["a; b", "[]", "c "],
        ["a|b", "[]", "c"],
        ["a, b", "[]", "c"],
        ["#a #b", "[]", "#c"],
    ],
)
def test_each_notation_says_the_same(cells):
    values, said = read(*cells * 4)
    assert values[:3] == [LabelSet(("a", "b")), LabelSet(), LabelSet(("c",))] and not said


def test_a_label_twice_in_a_cell_counts_once_and_spellings_are_one_label():
    values, said = read("joy; fear; joy", *["joy"] * 3, "Joy;fear", "fear; ")
    assert values[0] == values[4] == LabelSet(("joy", "fear")) and values[5] == LabelSet(("fear",))
    assert said == ["label-twice", "label-spelling"]


def test_a_cell_of_a_family_knows_what_is_unknown():
    values, _ = read('{"labels":["a"],"unknown":["b"]}', '["b"]')
    assert values == [LabelSet(("a",), ("b",)), LabelSet(("b",))]
    assert KIND.to_json(values[0]) == ["a"]


def examined(*values):
    rows = [Row("x", {"c": value}, 1) for value in values]
    counts = KIND.counts(values)
    findings = Findings()
    KIND.examine(rows, Column("c", "task", "multilabel", tuple(sorted(counts)), dict(counts), ""), findings)
    return [finding.code for finding in findings.grouped()]


def test_odd_columns_are_said():
    two = LabelSet(("a", "b"))
    assert examined(*[LabelSet()] * 3) == ["no-labels"]
    assert examined(two, LabelSet(("a",)), two, LabelSet(("a",), ("b",))) == ["label-always"]
    assert examined(two, two, LabelSet(), LabelSet()) == ["label-none"]
    assert examined(LabelSet(tuple(map(str, range(501)))), LabelSet()) == ["too-many-labels"]


def test_labels_that_every_row_has_teach_nothing():
    assert not KIND.varies([LabelSet(("a",)), LabelSet(("a",), ())])
    assert not KIND.varies([LabelSet(), LabelSet()])
    assert KIND.varies([LabelSet(("a",)), LabelSet()])
    assert KIND.varies([LabelSet(("a", "b")), LabelSet(("a",))])


def test_labels_are_renamed_merged_and_left_out():
    value = LabelSet(("a", "b", "c"), ("d",))
    assert KIND.translate(value, {"b": "a", "c": None, "d": "a"}) == LabelSet(("a",))
    assert KIND.translate(value, {}) == value


def test_a_value_of_another_kind_or_label_is_refused():
    assert "no label 'x'; it has a, b, c and d" in KIND.misfit(LabelSet(("x",)), SPEC)
    assert "needs a list of labels, not 'a'" in KIND.misfit("a", SPEC)
    assert KIND.misfit(LabelSet(("a",)), SPEC) == ""
    with pytest.raises(UserError, match="at least 1 label"):
        TaskSpec("t", "multilabel")
