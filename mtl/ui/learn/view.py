"""The lessons of the Learn tab, with their pictures and the figures that `python -m mtl scenarios` measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl.config import TrainConfig
from mtl.groups import Groups
from mtl.kinds.kind import metric_named
from mtl.places import ASSETS
from mtl.training import presets
from mtl.ui import templates
from mtl.ui.learn import words
from mtl.ui.train.result import words as result
from mtl.ui.train.settings import words as controls
from mtl.ui.widgets import stack

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

# In the order of the tab; all but the first stand in learn.html.
CHAPTERS = ("backbone", "pooling", "learning", "rates", "forgetting", "presets")
FIGURES, LESSONS = ASSETS / "scenarios.json", ASSETS / "lessons"
# The learning rates of the picture of a valley, and how many steps it shows.
VALLEYS, STEPS = {"too low": 0.04, "about right": 0.35, "too high": 1.02}, 8

Figures = Mapping[str, Any]


def parts(name: str) -> list[str]:
    """The text `name` of assets/lessons as Markdown: what stands before its title, the title, what stands below."""
    text = (LESSONS / f"{name}.md").read_text(encoding="utf-8")
    return re.split("^### (.+)$", text, maxsplit=1, flags=re.MULTILINE)


@cache
def lesson(name: str) -> tuple[Markup, str, Markup]:
    """The `parts` of a text as HTML, but for its title. A term stands bold where it is explained."""
    from markdown_it import MarkdownIt  # not before somebody looks: the page starts without it

    markdown = MarkdownIt("commonmark", {"html": False})
    for side in ("open", "close"):
        markdown.add_render_rule(f"strong_{side}", _as_term)
    intro, title, text = parts(name)
    above, below = (templates.render("lesson.html", text=Markup(markdown.render(each))) for each in (intro, text))
    return above, title, below


def _as_term(renderer: RendererHTML, tokens: Sequence[Token], index: int, *options: Any) -> str:
    tokens[index].tag = "dfn"
    return renderer.renderToken(tokens, index, *options)


def contents() -> Markup:
    """A button for each chapter, which leads there."""
    return templates.render("contents.html", chapters={name: parts(name)[1] for name in CHAPTERS})


def lessons(gradual: Groups, figures: Figures) -> Markup:
    """All lessons but the first. `gradual`: the visitor's model under gradual unfreezing. Without `figures` it says how
    to measure them."""
    return templates.render(
        "learn.html",
        words=words,
        result=result,
        controls=controls,
        stack=stack,
        metric_named=metric_named,
        lesson=lesson,
        valleys={name: descent(rate) for name, rate in VALLEYS.items()},
        steps=STEPS,
        gradual=gradual,
        figures=figures,
        contrasts=list(contrasts(figures)) if figures else [],
        scenarios=scenarios(figures) if figures else {},
        presets=presets.BY_NAME,
        groups=presets.GROUPS,
    )


def descent(rate: float) -> list[float]:
    """Where gradient descent on x² is, from -1, after each step, which multiplies by 1 - 2 * rate."""
    return [-((1 - 2 * rate) ** step) for step in range(STEPS + 1)]


def scenarios(figures: Figures) -> dict[str, dict[str, Any]]:
    """What was measured of each preset, with the mean score, the groups under its settings, and the mean relative
    change of the layers' weights (`drift`)."""
    measured = {}
    for scenario in figures["scenarios"]:
        groups = Groups(scenario["sizes"], TrainConfig.from_json(scenario["config"]))
        scores, changes = scenario["scores"].values(), [scenario["moved"][layer.name] for layer in groups.layers]
        means = {"mean": sum(scores) / len(scores), "drift": sum(changes) / len(changes)}
        measured[scenario["name"]] = {**scenario, **means, "groups": groups}
    return measured


def contrasts(figures: Figures) -> Iterator[tuple[str, str, str, list[tuple[float, str]]]]:
    """What training one task alone did to that task, to the embeddings and to all other tasks: its name, a remark, the
    metric, and its scores before, without and with the anchor, as numbers and as written."""
    experiment = figures["anchor"]
    runs, task = (experiment["runs"][0], experiment["runs"][-1]), experiment["task"]
    scores = [
        (run["scores"][task], result.score(figures["tasks"][task]["metric"], run["scores"][task])) for run in runs
    ]
    metric = metric_named(figures["tasks"][task]["metric"]).title
    yield task, words.JUST_TRAINED, metric, [(0.0, words.NEW_HEAD), *scores]
    cosines = [1.0, *(run["cosine"] for run in runs)]
    yield words.EMBEDDINGS, "", words.COSINE, [(cosine, f"{cosine:.3f}") for cosine in cosines]
    for name, probe in runs[0]["probe"].items():
        scores = [probe["before"], *(run["probe"][name]["after"] for run in runs)]
        written = [(score, result.score(probe["metric"], score)) for score in scores]
        yield name, words.NOT_TRAINED, metric_named(probe["metric"]).title, written
