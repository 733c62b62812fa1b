"""One pass, one row."""

from __future__ import annotations

import re

from mtl.ui.overview import view
from mtl.ui.visitors import Work
from tests.handlers import TEXTS


def test_a_row_holds_every_answer_of_the_pass(work):
    rows = view.rows(work, TEXTS)
    assert list(rows) == list(TEXTS)
    for analysis in work.analyses:
        row = rows[analysis.text]
        assert re.findall(r'data-task="(\w+)"', row) == ["sentiment", "intensity"]
        assert f"{analysis.intensity:+.2f}" in row and row.count("<mark") == len(analysis.entities)
        assert f"positive {100 * analysis.sentiment.probabilities['positive']:.1f} %" in row


def test_what_a_visitor_wrote_is_escaped(model):
    hostile = "<img src=x onerror=alert(1)> & more"
    (row,) = view.rows(Work(model, model.analyze([hostile])), [hostile]).values()
    assert "<img" not in row


def test_the_head_names_the_columns(work):
    legend, head = view.head(work).split('<div class="row-head"')
    assert re.findall(r"<span>(\w+)</span>", head) == ["sentiment", "intensity", "nearest"]
    assert "more sentences" not in legend


def test_rows_beyond_those_that_are_shown_are_counted(model):
    texts = [f"Sentence number {i}." for i in range(203)]
    many = Work(model, model.analyze(texts))
    assert len(view.rows(many, texts)) == 200 and "3 more sentences" in view.head(many)


def test_a_model_without_heads_has_rows_without_answers(headless):
    bare = Work(headless, headless.analyze(TEXTS))
    assert "data-task" not in view.rows(bare, TEXTS)[TEXTS[0]] and "nearest" in view.head(bare)


def test_a_text_that_the_model_does_not_know_is_said_not_to_be_trusted(default_model):
    known, strange = "The food was wonderful and we loved it.", "asdfgh jklasd fghjkl qwer"
    rows = view.rows(Work(default_model, default_model.analyze([known, strange])), [known, strange])
    assert "do not trust" in rows[strange] and "do not trust" not in rows[known]
