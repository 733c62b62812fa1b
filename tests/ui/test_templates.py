"""Whatever a visitor wrote is text in every view that shows it, never markup; and templates say what they lack."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.groups import Groups
from mtl.kinds.classification import Classes
from mtl.kinds.tagging import Entity
from mtl.model import Analysis
from mtl.training.progress import Progress, fold
from mtl.ui import header, templates
from mtl.ui.compare import view as compare
from mtl.ui.train.result import before_after, scores
from mtl.ui.train.run import view as run
from mtl.ui.train.settings import form
from mtl.ui.train.settings.shape import Shape

EVIL = "<script>alert(\"x\")</script> & 'y' {{ 7 * 7 }}"
HEAD = f"head {EVIL}"


class Page(HTMLParser):
    """The tags and attributes of some HTML, and what a reader sees or hears."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown, self.tags, self.attributes = "", set(), set()
        self.feed(str(html))

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.shown += "".join(value or "" for _, value in attributes)

    def handle_data(self, data):
        self.shown += data


def finished() -> Progress:
    """A run of a task, on a file, with labels and remarks that are all called the same."""
    config = {"model": ModelConfig(tasks=(TaskSpec(EVIL, "classification", ("a", EVIL)),)).to_json()}
    score = {"rows": 9, "accuracy": 0.5, "macro_f1": 0.5, "macro_precision": 0.5, "macro_recall": 0.5}
    score |= {"labels": ["a", EVIL], "confusion": [[3, 1], [2, 3]]}
    score["per_class"] = {EVIL: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "rows": 5}}
    start = {"event": "start", "config": {**config, "train": TrainConfig(epochs=1).to_json()}, "tasks": [EVIL]}
    start |= {"trainable": {HEAD: 3}, "frozen": {"embeddings": 9}, "rates": {HEAD: 1e-3}, "steps": 1, "notes": [EVIL]}
    epoch = {"event": "epoch", "epoch": 1, "seconds": 1.0, "train": {EVIL: {"loss": 0.5}}, "moved": {HEAD: 0.1}}
    events = (
        start,
        {"event": "step", "step": 1, "epoch": 1, "seconds": 1.0, "eta": 0.0, "loss": {EVIL: 0.5}},
        {**epoch, "validation": {EVIL: {**score, "loss": 0.5}}},
        {"event": "end", "status": "done", "seconds": 1.0, "steps": 1, "best": 1, "moved": {HEAD: 0.1}, "before": {}},
    )
    lost = {"tasks": {EVIL: {"metric": "f1", "before": 0.5, "after": 0.4, "trained": False}}, "cosine": 0.9}
    progress = fold(Progress(), events)
    about = SimpleNamespace(id=EVIL, state="failed", unfinished=False, begun=True)
    return replace(progress, run=about, number=1, file=EVIL, message=EVIL, forgetting=lost)


def answered() -> before_after.Comparison:
    """Two sentences, answered by three heads."""
    specs = (
        TaskSpec("mood", "classification", ("a", EVIL)),
        TaskSpec("names", "tagging", (EVIL,)),
        TaskSpec(EVIL, "regression"),
    )
    answers = {"mood": Classes(EVIL, {"a": 0.25, EVIL: 0.75}), "names": (Entity(0, 8, EVIL, EVIL[:8], 1.0),), EVIL: 0.5}
    analyses = [Analysis(EVIL, row, answers, 5, False) for row in np.eye(2)]
    model = SimpleNamespace(analyze=lambda texts: analyses, tasks={spec.name: spec for spec in specs})
    return before_after.compare(model, model, [EVIL, EVIL], ("mood",))


def evil_form() -> Markup:
    shape = Shape(Groups({"embeddings": 9, "layer 1": 9, HEAD: 3}, learns=(EVIL,)), {EVIL: 1.0})
    return form.form(shape, TrainConfig(freeze_heads=(EVIL,), rates={HEAD: 1e-3}), "own", ["own"], EVIL)


VIEWS = {
    "header": lambda: header.header(EVIL, EVIL, EVIL),
    "form": evil_form,
    "progress": lambda: run.progress(finished()),
    "plots": lambda: run.plots(finished()),
    "losses as a table": lambda: run.table(finished()),
    "scores": lambda: scores.summary(finished(), EVIL) + scores.figures(finished()),
    "before and after": lambda: before_after.page(answered()),
    "runs": lambda: compare.table([finished()], {EVIL: EVIL}, None),
    "curves of runs": lambda: compare.plot([finished()], {EVIL: EVIL}, EVIL, "scores", {finished().run.id: EVIL}),
    "stacks of runs": lambda: compare.stacks([finished()], {EVIL: EVIL}),
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_a_visitor_wrote_is_text_in_every_view(name):
    html = VIEWS[name]()
    assert isinstance(html, Markup)
    page = Page(html)
    assert EVIL in page.shown and "script" not in page.tags
    assert not {name for name in page.attributes if name.startswith("on") or not name.replace("-", "").isalnum()}


def test_markup_is_not_escaped_twice():
    for name, view in VIEWS.items():
        assert "&amp;lt;" not in view() and "&amp;#" not in view(), name


def test_line_breaks_of_a_template_are_not_in_the_page():
    lines = ["<p", '  id="a"', '  {%- if on %} class="b"{% endif %}>', "  {% if on %}", "    <b>{{ text }}</b>"]
    template = templates._ENVIRONMENT.from_string("\n".join([*lines, "  {% endif %}", "</p>", ""]))
    assert template.render(on=True, text="a\n  b") == '<p id="a" class="b"><b>a\n  b</b></p>'


def test_what_a_template_is_not_given_is_an_error():
    with pytest.raises(UndefinedError):
        templates.render("header.html", chip="x", limits={})
