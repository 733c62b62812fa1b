"""Several labels on the page: bars with their thresholds, chips, what differs, and the table of each label."""

import re
from dataclasses import replace

import pytest

from mtl.config import ModelConfig, TaskSpec
from mtl.kinds.multilabel import LabelSet, decide
from mtl.ui.kinds import shown
from mtl.ui.overview import view as overview
from mtl.ui.sentiment import tab as sentiment
from mtl.ui.visitors import Work

EVIL = "<b>joy</b>"
SPEC = TaskSpec("moods", "multilabel", (EVIL, "fear", "anger"))
VIEW = shown("multilabel")


def answer(*probabilities, spec=SPEC, thresholds=None):
    return decide(spec, probabilities, thresholds or [0.5] * len(probabilities))


def test_an_answer_in_a_cell_names_what_reached_its_threshold():
    assert VIEW.cell(answer(0.6, 0.2, 0.91)) == f"anger (91.0 %), {EVIL} (60.0 %)"
    assert VIEW.cell(answer(0.1, 0.2, 0.3)) == "none of the labels"


def test_each_label_has_a_bar_with_its_threshold():
    html = VIEW.drawn(answer(0.6, 0.2, 0.9, thresholds=[0.5, 0.1, 0.95]), [SPEC])
    assert re.findall(r"width:([\d.]+)%", html) == ["60.0", "20.0", "90.0"]
    assert re.findall(r"left:([\d.]+)%", html) == ["50.0", "10.0", "95.0"]
    assert html.count('class="holds"') == 2 and "&lt;b&gt;joy" in html and "<b>joy" not in html


def test_of_many_labels_those_that_are_answered_come_first_and_the_rest_is_counted():
    spec = TaskSpec("many", "multilabel", tuple(f"label {i}" for i in range(30)))
    thresholds = [0.5] * 29 + [0.01]
    html = VIEW.drawn(answer(*[0.4] * 29, 0.02, spec=spec, thresholds=thresholds), [spec])
    assert html.count("<li") == 8 and html.index("label 29") < html.index("label 0")
    assert "22 more labels less likely" in html


def test_a_row_in_the_preview_has_a_chip_for_each_label():
    html = VIEW.preview_cell(LabelSet((EVIL, "fear"), ("anger",)), "", SPEC.labels)
    assert html.count('class="chip"') == 2 and "anger?" in html and "<b>joy" not in html
    assert "none of the labels" in VIEW.preview_cell(LabelSet(), "", SPEC.labels)


def test_answers_differ_where_other_labels_are_answered():
    before, after = [answer(0.9, 0.1, 0.1), answer(0.9, 0.1, 0.1)], [answer(0.8, 0.1, 0.1), answer(0.8, 0.7, 0.1)]
    contrast = VIEW.before_after(["one", "two"], [SPEC, SPEC], before, after)
    assert [differs for *_, differs in contrast.cells] == [False, True] and contrast.said == "another answer for 1 of 2"
    new_head = VIEW.before_after(["one"], [SPEC], None, after[:1])
    assert new_head.cells[0][1] is None and "label-bars" in new_head.cells[0][2]


def test_a_score_card_has_a_row_for_each_label():
    scores = VIEW.record.score(
        SPEC, [LabelSet(("fear",)), LabelSet()], [answer(0.1, 0.9, 0.2), answer(0.9, 0.1, 0.1)], []
    )
    html = VIEW.score_details(None, scores)
    assert "fear" in html and "100.0 %" in html and "&lt;b&gt;joy" not in html


@pytest.fixture(scope="module")
def work(tiny):
    import mtl
    from mtl.checkpoint import derive

    model = derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=(SPEC,))).eval()
    return Work(model, model.analyze(["One text.", "Another text."]))


def test_the_tab_of_sentences_shows_bars_and_gives_away_words(work):
    html = sentiment.show_sentiment(work)
    assert html.count("label-bars") == 2 and "The stroke is its threshold" in html and "&lt;b&gt;joy" in html
    assert sentiment.sentiment_csv(work).decode("utf-8-sig").splitlines()[0] == "text,moods"


def test_a_text_that_the_model_does_not_know_is_said_to_be_unlike_those(work):
    one, other = work.analyses
    html = sentiment.show_sentiment(Work(work.model, [replace(one, familiarity=0.1), replace(other, familiarity=0.9)]))
    assert [row.count("do not trust these answers") for row in html.split("<tr")[2:]] == [1, 0]


def test_a_row_of_all_answers_names_the_labels(work):
    rows = overview.rows(work, work.texts)
    assert list(rows) == work.texts
    for text, analysis in zip(work.texts, work.analyses, strict=True):
        shown = rows[text].count('class="chip') + rows[text].count('class="none"')
        assert shown == max(len(analysis.moods.labels), 1) and "label-bars" not in rows[text]
