"""The Learn tab explains with the visitor's own settings and with figures that are read, never typed."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.files import read_json
from mtl.groups import Groups
from mtl.training.presets import BY_NAME, PRESETS
from mtl.ui.learn import view as lessons
from mtl.ui.learn import words
from mtl.ui.learn.tab import Shown, current, show
from mtl.ui.page import UNCHANGED
from mtl.ui.visitors import Visit

# In the order of the page.
LESSONS = ("backbone", "pooling", "learning", "rates", "forgetting", "presets")
TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("strength", "regression"))


@pytest.fixture(scope="module")
def figures():
    return read_json(lessons.FIGURES)


def page(figures, epochs=4):
    """All lessons but the first, for a model of two layers and a head."""
    groups = Groups({"embeddings": 9, "layer 1": 9, "layer 2": 9, "head mood": 3})
    gradual = groups.under(BY_NAME["gradual"].make(groups, TrainConfig(epochs=epochs)))
    return lessons.lessons(gradual, figures)


def part(html, start, end):
    return html.split(start)[1].split(end)[0]


@pytest.fixture(scope="module")
def session(tiny):
    import mtl
    from mtl.checkpoint import derive

    model = derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()
    return SimpleNamespace(models=SimpleNamespace(get=lambda _: model))


def plain(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- the visitor's own settings ---


def test_the_picture_follows_the_settings(session):
    visit = Visit(0.0)
    before = current(session, visit)
    visit.train.config = replace(visit.train.config, freeze=2, freeze_heads=("mood",), rates={"layer 3": 3.3e-5})
    after = current(session, visit)
    assert before.count('class="block frozen"') == 0
    assert after.count('class="block frozen"') == 3  # embeddings, layer 1, head mood
    assert "3.3e-5" in after and "3.3e-5" not in before
    assert "<table" in after


def test_gradual_unfreezing_is_shown_for_this_very_model(session):
    visit = Visit(0.0)
    visit.train.config = TrainConfig(epochs=4)
    table = part(show(session, visit, False).others, '<table class="thaw">', "</table>").split("<tbody>")[1]
    rows = [re.findall(r'<td class="(\w+)"', row) for row in table.split("</tr>") if "<td" in row]
    assert len(rows) == 5 and all(len(row) == 4 for row in rows)
    assert rows[0] == ["thawed"] * 4  # the heads
    assert [row[0] for row in rows[1:]] == ["still"] * 4
    assert [row[-1] for row in rows[1:]] == ["thawed"] * 4
    assert all(row == sorted(row) for row in rows)  # nothing is frozen again


# --- what explains itself ---


def test_steps_down_the_valley_are_computed():
    low, right, high = (lessons.descent(rate) for rate in lessons.VALLEYS.values())
    assert high[1] == pytest.approx(-1 - 1.02 * 2 * -1)
    assert abs(right[-1]) < 0.01 < 0.3 < abs(low[-1]) < 1 < abs(high[-1])
    assert page({}).count("<circle") == 3 * (lessons.STEPS + 1)


def test_every_term_is_explained_once_and_where_it_first_stands():
    texts = [(lessons.LESSONS / f"{name}.md").read_text("utf-8") for name in LESSONS]
    course = " ".join(re.sub("^#.*", "", "\n".join(texts), flags=re.MULTILINE).split())
    terms = re.findall(r"\*\*(.+?)\*\*", course)
    assert len(terms) == len(set(terms))
    for term in ("backbone", "heads", "Pooling", "learning rate", "freezing", "Gradual unfreezing", "anchor"):
        assert term in terms
    for term in terms:
        first = re.search(rf"\b{re.escape(term)}\b", course)
        assert course[first.start() - 2 : first.start()] == "**", f"{term} is used before it is explained"


def test_terms_become_definitions_and_nothing_else_becomes_markup(tmp_path, monkeypatch):
    (tmp_path / "a lesson.md").write_text("To begin with.\n\n### Heads\n\nA **head**\n<b>.\n", "utf-8")
    monkeypatch.setattr(lessons, "LESSONS", tmp_path)
    below = '<div class="prose"><p>A <dfn>head</dfn>\n&lt;b&gt;.</p>\n</div>'
    assert lessons.lesson("a lesson") == ('<div class="prose"><p>To begin with.</p>\n</div>', "Heads", below)


def test_the_whole_tab_is_sent_once(session):
    visit = Visit(0.0)
    first = show(session, visit, False)
    assert UNCHANGED not in vars(first).values() and first.opened
    again = show(session, visit, True)
    assert again == Shown(first.picture)
    lectures = plain(first.intro + first.first + first.others)
    for path in lessons.LESSONS.glob("*.md"):
        intro, _, text = lessons.lesson(path.stem)
        assert plain(intro) in lectures and plain(text) in lectures


# --- figures ---


def test_every_preset_has_a_card_with_what_to_expect_and_what_was_measured(figures):
    html = page(figures)
    cards = html.split("<article")[1:]
    assert len(cards) == len(PRESETS)
    for preset, card in zip(PRESETS, cards, strict=True):
        said = plain(card)
        assert preset.title in said.replace("&lt;", "<")
        assert words.EXPECT[preset.name].split("(")[0].strip() in said
        assert "mean score" in said and '<svg class="stack small' in card
    assert words.NOT_MEASURED not in html
    assert words.EXPECT.keys() == {preset.name for preset in PRESETS}


def test_what_is_shown_is_what_the_file_says(figures):
    changed = copy.deepcopy(figures)
    scenario = next(s for s in changed["scenarios"] if s["name"] == "depth")
    scenario["scores"]["sentiment"], scenario["cosine"], scenario["seconds"] = 0.1234, 0.4321, 77.0
    changed["anchor"]["runs"][0]["cosine"] = 0.1111
    before, after = page(figures), page(changed)
    assert "12.3 %" in after and "12.3 %" not in before
    assert "0.432" in after and "77\u00a0s" in after
    assert "cosine of 0.11 to" in after


def test_no_figure_stands_in_the_words():
    """Scores, seconds and cosines change with every measuring: words that repeat them would be wrong soon."""
    texts = [*words.EXPECT.values(), words.ANCHOR, words.NO_FIGURES, words.NOT_MEASURED]
    said = " ".join([*texts, *(path.read_text("utf-8") for path in lessons.LESSONS.glob("*.md"))])
    assert not re.search(r"\d+(\.\d+)? ?%|\d+(\.\d+)? s\b|\b0\.\d\d\b", said)


def test_it_says_where_the_figures_come_from(figures):
    said = plain(page(figures))
    assert "python -m mtl scenarios" in said
    assert figures["machine"] in said and figures["start"]["sha256"][:16] in said
    assert "not with the built-in model" in said
    assert f"{figures['data']['held_out']} were held out" in said


def test_the_anchor_is_a_picture_and_a_table(figures):
    html = part(page(figures), 'id="learn-anchor"', 'id="learn-scenarios"')
    rows = 2 + len(figures["anchor"]["runs"][0]["probe"])
    assert html.count("<section>") == rows and html.count('class="databar without"') == rows
    assert html.split("<tbody>")[1].count("<tr>") == rows
    assert words.NEW_HEAD in html  # it has no score before


def test_without_figures_the_page_says_how_to_make_them():
    html = page({})
    assert "learn-anchor" not in html and "python -m mtl scenarios" in html
    assert html.count("<article") == html.count(words.NOT_MEASURED) == len(PRESETS)


def test_a_preset_that_was_not_measured_says_so(figures):
    less = copy.deepcopy(figures)
    less["scenarios"] = [s for s in less["scenarios"] if s["name"] != "gradual"]
    assert page(less).count(words.NOT_MEASURED) == 1


def test_figures_are_escaped(figures):
    hostile = json.loads(json.dumps(figures).replace("workshop.csv", "<script>").replace("AMD", "<img src=x>"))
    hostile["machine"] = "<img src=x>"
    html = page(hostile)
    assert "<script" not in html and "<img" not in html
