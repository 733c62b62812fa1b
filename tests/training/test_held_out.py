"""What two models answer to held-out rows is kept row by row, and a sentence says what a run did for a task."""

from __future__ import annotations

import json

import pytest

from mtl.config import TaskSpec, TrainConfig
from mtl.kinds.classification import Classes
from mtl.kinds.multilabel import Labels, LabelSet
from mtl.kinds.tagging import Entity
from mtl.text.spans import Span
from mtl.training import held_out
from mtl.training.held_out import Verdict, sentence
from mtl.training.jobs import prepare
from mtl.training.metrics import Outcome
from mtl.training.progress import Progress, fold
from mtl.training.runs import worker
from mtl.training.significance import Difference

MOOD = TaskSpec("mood", "classification", ("good", "bad"))
STARS = TaskSpec("stars", "regression", low=1, high=5)
NAMES = TaskSpec("names", "tagging", ("PER", "ORG"))
TAGS = TaskSpec("tags", "multilabel", ("a", "b", "c"))


def says(label, sure=0.9):
    other = "bad" if label == "good" else "good"
    return Classes(label, {label: sure, other: 1 - sure})


def outcome(spec, truths, answers, places=None):
    return Outcome(spec, list(places or range(len(truths))), list(truths), list(answers))


def entity(start, end, label):
    return Entity(start, end, label, "", 0.9)


def test_a_verdict_counts_both_models_and_the_commonest_answer():
    truths = ["good", "good", "bad", "bad", "bad", "bad", "bad", "bad"]
    after = outcome(MOOD, truths, map(says, truths))
    before = outcome(MOOD, truths, [says("good")] * 8)
    found = held_out.verdicts([before], [after], {"mood": ["good", "good", "bad"]})["mood"]
    assert (found.rows, found.after, found.before, found.guess) == (8, 0, 0.75, 0.75)
    assert found.guessed == "good" and found.difference.test == "McNemar" and found.difference.is_clear


def test_answers_are_compared_row_by_row_whatever_the_order_of_batches():
    before = outcome(MOOD, ["good", "bad"], [says("good"), says("good")], places=[0, 1])
    after = outcome(MOOD, ["bad", "good"], [says("bad"), says("good")], places=[1, 0])
    found = held_out.verdicts([before], [after], {"mood": ["good"]})["mood"]
    assert (found.before, found.after) == (0.5, 0) and found.difference.p == 1


def test_numbers_are_judged_by_how_far_off_they_are():
    after = outcome(STARS, [1.0, 3.0], [1.5, 3.0])
    found = held_out.verdicts([], [after], {"stars": [1.0, 5.0]})["stars"]
    assert (found.after, found.before, found.guess) == (0.25, None, 1.0) and found.difference.test == "Wilcoxon"


@pytest.mark.parametrize(
    ("answer", "mistakes"),
    [
        ([(0, 5, "PER")], []),
        ([], ["PER missed"]),
        ([(0, 5, "PER"), (8, 9, "ORG")], ["ORG invented"]),
        ([(0, 5, "ORG")], ["PER → ORG"]),
        ([(0, 3, "PER")], ["PER with a wrong edge"]),
        ([(2, 7, "ORG")], ["PER → ORG", "PER with a wrong edge"]),
    ],
)
def test_entities_are_missed_invented_of_a_wrong_type_or_with_a_wrong_edge(rows, answer, mistakes):
    entities = tuple(entity(*span) for span in answer)
    [found] = held_out.answers("validation", rows, [], [outcome(NAMES, [(Span(0, 5, "PER"),)], [entities])])
    assert list(found.after.mistakes) == mistakes and found.after.error == bool(mistakes)


@pytest.fixture
def rows():
    from mtl.data.rows import Row

    return [Row("Maria works.", {}, 7)]


def test_what_nobody_said_of_a_row_is_no_mistake(rows):
    answer = Labels(("b", "c"), {"a": 0.1, "b": 0.8, "c": 0.9}, {"a": 0.5, "b": 0.5, "c": 0.5})
    truth = LabelSet(("a",), unknown=("b",))
    [found] = held_out.answers("validation", rows, [], [outcome(TAGS, [truth], [answer])])
    assert found.after.mistakes == ("a missed", "c invented") and found.truth == ["a"]


def test_answers_that_cannot_be_compared_row_by_row_have_no_verdict(rows):
    score = outcome(TaskSpec("score", "similarity", low=0, high=5), [1.0], [2.0])
    assert held_out.verdicts([], [score], {"score": [1.0]}) == {}
    assert list(held_out.answers("validation", rows, [], [score])) == []


def test_what_is_written_is_read_again_without_damaged_lines(tmp_path, rows):
    before = outcome(MOOD, ["good"], [says("bad", 0.6)])
    found = [*held_out.answers("validation", rows, [before], [outcome(MOOD, ["good"], [says("good")])])]
    assert found[0].before.confidence == 0.6 and found[0].line == 7
    path = tmp_path / held_out.NAME
    held_out.write(path, found)
    path.write_text(path.read_text() + '{"set": 1}\n[]\nnot JSON\n')
    assert held_out.read(path) == found
    assert held_out.read(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("verdict", "parts"),
    [
        (
            Verdict(31, 5 / 31, None, 17 / 31, "low", Difference("McNemar", 0.001)),
            ["It learnt mood", "26 of 31", "low: 14"],
        ),
        (Verdict(10, 0.5, None, 0.6, "low", Difference("McNemar", 0.9)), ["5 of 10", "may be chance", "p = 0.9"]),
        (Verdict(10, 0.9, None, 0.1, "low", Difference("McNemar", 0.01)), ["did not learn", "1 of 10"]),
        (Verdict(10, 0.1, 0.9, 0.5, "low", Difference("McNemar", 0.01)), ["got better at mood", "before the run: 1"]),
        (Verdict(10, 0.9, 0.1, 0.5, "low", Difference("McNemar", 0.01)), ["got worse at mood"]),
        (Verdict(10, 0.1, 0.1, 0.5, "low", Difference("McNemar", 1.0)), ["No difference"]),
        (Verdict(1, 0.0), ["right on 1 of 1 text it"]),
    ],
)
def test_the_sentence_says_what_a_run_did_and_whether_that_may_be_chance(verdict, parts):
    said = sentence("mood", "classification", verdict)
    assert all(part in said for part in parts), said


def test_the_sentence_about_numbers_says_how_far_off_they_are():
    said = sentence("stars", "regression", Verdict(31, 0.5, 0.75, 1.2, "3.1", Difference("Wilcoxon", 0.004)))
    assert said == (
        "It got better at stars: off by 0.50 on average over 31 texts it has never seen (before the run: 0.75; always "
        "answering 3.1: 1.20). More than chance (Wilcoxon's test, p = 0.004)."
    )


def test_cells_of_columns_that_are_not_learned_from_stay_with_the_answers(tiny, tmp_path):
    table = tmp_path / "moods.csv"
    lines = [f"{i} is fine,{'good' if i % 2 else 'bad'},{'web' if i % 3 else ' mail'},{i} words" for i in range(40)]
    table.write_text("\n".join(["text,mood,source,note", *lines]))
    job = prepare(table, TrainConfig(validation=0.25), str(tiny), roles={"source": "ignored", "note": "ignored"})
    rows = job.dataset.validation["validation"]
    # No two notes are the same, so they part nothing.
    assert {tuple(row.facets.items()) for row in rows} == {(("source", "web"),), (("source", "mail"),)}
    after = outcome(MOOD, [row.labels["mood"] for row in rows], [says("good")] * len(rows))
    path = tmp_path / held_out.NAME
    held_out.write(path, held_out.answers("validation", rows, [], [after]))
    assert [answer.facets for answer in held_out.read(path)] == [row.facets for row in rows]
    path.write_text(path.read_text().replace(',"facets"', ',"other"').splitlines()[0])
    assert held_out.read(path) == []  # a field that nobody knows
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "other"}))
    assert [answer.facets for answer in held_out.read(path)] == [{}]  # of an earlier version


def test_a_run_leaves_its_answers_and_verdicts(tiny, tmp_path):
    table = tmp_path / "moods.csv"
    lines = [f"{i} is {'fine and good' if i % 2 else 'broken and bad'},{'good' if i % 2 else 'bad'}" for i in range(40)]
    table.write_text("\n".join(["text,mood", *lines]))
    job = prepare(table, TrainConfig(epochs=1, validation=0.25), str(tiny))
    events = list(worker.run(job, tmp_path / "run"))
    progress = fold(Progress(), json.loads(json.dumps(events)))
    found = held_out.read(tmp_path / "run" / held_out.NAME)
    assert {answer.texts for answer in found} == {row.texts for row in job.dataset.validation["validation"]}
    verdict = progress.verdicts["mood"]
    assert verdict.rows == len(found) and verdict.before is None
    assert verdict.after == pytest.approx(sum(answer.after.error for answer in found) / len(found))
    assert 1 - verdict.after == pytest.approx(progress.validation["mood"]["accuracy"])
