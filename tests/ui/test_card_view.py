"""The card of the model in use: measured once, a stranger's names stay text, sentences are buttons."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec
from mtl.training.card import _escaped
from mtl.ui import card, templates
from mtl.ui.page import use_model
from mtl.ui.widgets import markup

HOSTILE = (
    "![x](http://evil/a.png)",
    "<img src=x onerror=alert(1)>",
    "[go](javascript:alert(1))",
    "*press* me",
    "a|b\n# c",
)
TAGS = {"h2", "h3", "div", "p", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture
def session(model, session_of, tmp_path):
    session = session_of(model)
    session.runs = SimpleNamespace(root=tmp_path / "runs", progress_of_all=lambda owner: [])
    session.engine.wait = lambda: None
    return session


def shown(session, measured, visitor="me") -> str:
    return json.loads(card.answer_or_problem(session, measured, visitor, None))["html"]


def test_opening_the_card_twice_asks_the_model_once(session, counted):
    measured = card.Measured()
    # The tiny model is no bundled one, whose figures would be others.
    session.engine.name = str(session.runs.root)
    first = shown(session, measured)
    assert "over these 14 pairs" in first
    assert shown(session, measured, "somebody else") == first and counted == {"analyze": 1, "encode": 0}


def test_sentences_are_buttons_and_a_pair_goes_into_the_box_together(session):
    session.engine.name = str(session.runs.root)
    html = shown(session, card.Measured())
    assert 'data-lines="Wonderful: the train is late again."' in html
    assert html.count('data-lines="She is blind.\nShe is sighted."') == 2
    assert html.count("<button") == html.count("data-lines=") == 16 + 2 * 14


def test_an_uploaded_models_names_and_readme_are_never_markup(session, tiny, tmp_path):
    tasks = tuple(TaskSpec(name, "classification", ("a", *HOSTILE)) for name in HOSTILE)
    folder = tmp_path / "brought" / "<b>my model"
    checkpoint.save(checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks)), folder)
    scores = {"rows": 20, **dict.fromkeys(("macro_f1", "accuracy", "macro_precision", "macro_recall"), 0.5)}
    record = {
        **{"start_from": HOSTILE[0], "train": {}, "trained": [*HOSTILE], "seconds": 1, "status": HOSTILE[1]},
        **{"files": dict.fromkeys(HOSTILE, 7), "rows": 7, "held_out": 20, "metrics": dict.fromkeys(HOSTILE, scores)},
    }
    (folder / "train.json").write_text(json.dumps(record))
    (folder / "README.md").write_text("<script>alert(1)</script> [free](http://evil) this is the best model")
    use_model(session, session.registry.visit("me"), folder)
    html = shown(session, card.Measured())
    assert "the best model" not in html and "&lt;b&gt;my model" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html and "20 rows held out" in html
    assert set(re.findall(r"<(\w+)", html)) <= TAGS | {"h4", "code", "button"}
    assert html.count("<button") == 16 + 2 * 14
    attributes = {name for tag in re.findall(r"<\w+([^>]*)>", html) for name in re.findall(r'([\w-]+)="', tag)}
    assert attributes <= {"id", "dir", "class", "tabindex", "role", "aria-label", "scope", "type", "data-lines"}


@given(st.text("ab.*_`[]()<>!|#&~\\ \n\"'", max_size=30))
def test_whatever_a_name_holds_it_is_text(name):
    html = card.of_markdown(f"# {_escaped(name)}\n\nWords.\n\n## Limits\n\n| a |\n|---|\n| x {_escaped(name)} |\n")
    assert set(re.findall(r"<(\w+)", html)) == TAGS


def test_markup_that_got_past_the_escaping_is_no_link_no_picture_and_no_html():
    html = card.of_markdown(
        "# x\n\n" + "\n\n".join(HOSTILE[:3]) + "\n\n<http://evil>\n\n[a]: http://evil\n[a]\n\n## y\n"
    )
    assert not re.search(r"<(a|img|script)\b", html)


def test_of_a_link_its_words_are_shown():
    html = card.of_markdown("# x\n\nin the folder [checks](checks/README.md), see [that](http://evil)\n\n## y\n")
    assert "in the folder checks, see that" in html and "README" not in html and "evil" not in html


def test_what_is_shown_until_the_card_has_come_stays_in_its_attribute():
    frame = templates.render("card_frame.html", busy=markup.status(card.MEASURING, kind="busy"))
    assert set(re.findall(r"<(\w+)", frame)) == {"dialog", "form", "button", "div"}


def test_a_model_that_is_gone_is_called_so(session, tmp_path):
    use_model(session, session.registry.visit("me"), tmp_path / "gone")
    assert "no longer on this server" in shown(session, card.Measured())
