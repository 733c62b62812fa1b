"""Where another column tells which rows alone have a label, that is said, kept with the model, and said again."""

from __future__ import annotations

import random

import pytest

from mtl.data.matching import match_tasks
from mtl.data.only_where import find
from mtl.data.rows import Row
from mtl.data.table import read_table

MOODS = ["bad", "good", "so so", "bad"] * 10


def rows(reasons, moods=MOODS, **facets):
    labels = zip(reasons, moods, strict=True)
    return [
        Row("a text", {k: v for k, v in {"reason": reason, "mood": mood}.items() if v}, i, facets=facets)
        for i, (reason, mood) in enumerate(labels)
    ]


def test_the_labels_of_another_column_tell_which_rows_have_one():
    reasons = ["late" if mood == "bad" else "" for mood in MOODS]
    assert find(rows(reasons), ["mood", "reason"]) == {"reason": 'mood is "bad"'}
    reasons = ["late" if mood != "good" else "" for mood in MOODS]
    assert find(rows(reasons), ["mood", "reason"]) == {"reason": 'mood is "bad" or "so so"'}
    # A few of these rows may lack one, and a few others have one.
    assert find(rows(["", *reasons[1:]]), ["mood", "reason"]) == {"reason": 'mood is "bad" or "so so"'}
    assert find(rows([*reasons[:1], "late", *reasons[2:]]), ["mood", "reason"]) == {
        "reason": 'mood is "bad" or "so so"'
    }
    many = ["late" if reason or i < 20 else "" for i, reason in enumerate(reasons)]
    assert find(rows(many), ["mood", "reason"]) == {}


def test_a_column_that_is_not_learned_from_may_tell_it_but_not_the_one_that_says_what_trains():
    given = [Row("a text", {"reason": "late"} if mood == "bad" else {}, 1, facets={"mood": mood}) for mood in MOODS]
    assert find(given, ["reason"]) == {"reason": 'mood is "bad"'}
    assert find(given, ["reason"], besides=["mood"]) == {}


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_not_taken_for_a_rule(seed):
    draw = random.Random(seed)
    reasons = [draw.choice(["late", "", ""]) for _ in MOODS]
    assert find(rows(reasons), ["mood", "reason"]) == {}
    assert find(rows(["late"] * 2 + [""] * 10, ["bad"] * 2 + ["good"] * 10), ["mood", "reason"]) == {}


def test_it_is_said_of_the_table_and_kept_with_the_task(tmp_path):
    path = tmp_path / "data.csv"
    lines = [f"The day number {i} it was {mood},{mood},{'late' * (mood == 'bad')}" for i, mood in enumerate(MOODS)]
    lines = [line.replace("late", ("late", "rude")[i % 3 == 0]) for i, line in enumerate(lines)]
    path.write_text("\n".join(["text,mood,reason", *lines]))
    table = read_table(path)
    [finding] = [f for f in table.findings if f.code == "only-where"]
    assert (finding.column, finding.level) == ("reason", "warning")
    assert '20 of 40 rows have something in reason: those whose mood is "bad", and hardly any other.' in finding.problem
    specs = match_tasks(table, {}).specs
    said = (
        'reason was learnt from rows whose mood is "bad", hardly from others; its answers for other rows are guesses.'
    )
    assert (specs["reason"].caution, specs["mood"].caution) == (said, "")
    # What a head is does not depend on it, so that it goes on learning; from all kinds of rows, it is no more true.
    again = match_tasks(table, specs).columns["reason"]
    assert again.reuses_head and again.spec == specs["reason"] and again.spec.caution == said
    path.write_text("\n".join(["text,reason", *(f"The day number {i},{('late', 'rude')[i % 2]}" for i in range(20))]))
    freed = match_tasks(read_table(path), specs).columns["reason"]
    assert freed.reuses_head and freed.spec == specs["reason"] and freed.spec.caution == ""
