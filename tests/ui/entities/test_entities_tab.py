"""The Entities tab: names where they stand."""

from __future__ import annotations

from mtl.ui.entities import tab as entities
from tests.handlers import TEXTS


def test_entities_show_and_give_away_the_models_spans(work, rows_of):
    found = [(i, e) for i, a in enumerate(work.analyses, 1) for e in a.entities]
    assert found, "the random model should find something"
    html = entities.show_entities(work)
    assert html.count("<mark") == len(found) and 'data-asks="span_head"' not in html
    _, *rows = rows_of(entities.entities_csv(work))
    for row, (number, e) in zip(rows, found, strict=True):
        sentence = TEXTS[int(row[0]) - 1]
        assert int(row[0]) == number and sentence[int(row[4]) : int(row[5])] == e.text
