"""The lessons, pictures and figures of the Learn tab as HTML. Pure functions; everything that is given is escaped.

Figures come from a file that `python -m mtl scenarios` writes (see `mtl.tools.scenarios`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mtl.config import ASSETS, TrainConfig, UserError
from mtl.files import json_or_nothing
from mtl.groups import Groups
from mtl.kinds.kind import metric_named
from mtl.training import presets
from mtl.ui.learn import words
from mtl.ui.train.result import words as result
from mtl.ui.train.settings import words as controls
from mtl.ui.widgets import markup, stack

FIGURES, LESSONS = ASSETS / "scenarios.json", ASSETS / "lessons"
# The learning rates of the picture of a valley, too low, right and too high for it, and how many steps it shows.
_RATES, _STEPS = (0.04, 0.35, 1.02), 8

Figures = Mapping[str, Any]


def read(path: Path = FIGURES) -> Figures | None:
    """The measured figures; None where there are none that can be read."""
    return json_or_nothing(path) or None


@cache
def lesson(name: str) -> str:
    """The text `name` of assets/lessons as HTML. A term stands bold where it is explained."""
    from markdown_it import MarkdownIt  # not before somebody looks: the page starts without it

    markdown = MarkdownIt("commonmark", {"html": False})
    for side, tag in (("open", "<dfn>"), ("close", "</dfn>")):
        markdown.add_render_rule(f"strong_{side}", lambda *_, tag=tag: tag)
    text = (LESSONS / f"{name}.md").read_text(encoding="utf-8")
    return f'<div class="prose">{markdown.render(text)}</div>'


def prose(text: str) -> str:
    """One paragraph of plain text, set like a lesson."""
    return f'<div class="prose"><p>{escape(text)}</p></div>'


def beside(text: str, picture: str) -> str:
    """A lesson with a picture at its side."""
    return f'<div class="beside">{text}<div class="aside">{picture}</div></div>'


# --- pictures that explain ---


def pooling_picture() -> str:
    """Tokens, their vectors, the pooled one, and which head reads what. 340 units wide, so that it fits a phone."""
    parts = words.POOLING_PARTS
    shapes, width, left, step = [], 56, 6, 67
    centres = [left + step * i + width / 2 for i in range(len(words.POOLING_TOKENS))]
    pooled = (112, 118)
    for i, centre in enumerate(centres):
        shapes.append(f'<path class="wire" d="M{centre} 168 L{pooled[0]} {pooled[1] + 14}"/>')
        shapes.append(f'<path class="wire thin" d="M{centre} 168 L292 44"/>')
        shapes.append(_vector(centre - 24, 168, [(7 * i + 3 * j) % 10 / 10 for j in range(4)]))
        shapes.append(f'<path class="wire" d="M{centre} 252 V240 M{centre} 202 V182"/>')
        shapes.append(_box(centre - width / 2, 252, width, words.POOLING_TOKENS[i], "token"))
    shapes.append(_box(left, 202, step * 4 + width, parts["layers"], "layers", 38))
    means = [sum((7 * i + 3 * j) % 10 / 10 for i in range(len(centres))) / len(centres) for j in range(4)]
    shapes.append(_vector(pooled[0] - 24, pooled[1], means))
    shapes.append(f'<text class="side" x="{pooled[0] + 32}" y="{pooled[1] + 2}">{escape(parts["sentence"])}</text>')
    shapes.append(f'<text class="side" x="{pooled[0] + 32}" y="{pooled[1] + 17}">({escape(parts["pooled"])})</text>')
    for i, head in enumerate(parts["sentence heads"]):
        centre = 40 + 72 * i
        shapes.append(f'<path class="wire" d="M{pooled[0]} {pooled[1]} L{centre} 44"/>')
        shapes.append(_box(centre - 34, 18, 68, head, "head"))
    shapes.append(_box(258, 18, 68, parts["token head"], "head"))
    return (
        f'<svg class="diagram" viewBox="0 0 340 284" role="img" aria-label="{escape(words.POOLING_LABEL)}">'
        f"{''.join(shapes)}</svg>"
    )


def _vector(x: float, y: float, values: Sequence[float]) -> str:
    """A list of numbers, as cells of different strength."""
    cells = (
        f'<rect x="{x + 12 * i:g}" y="{y}" width="12" height="14" fill-opacity="{0.15 + 0.8 * value:.2f}"/>'
        for i, value in enumerate(values)
    )
    return f'<g class="vector">{"".join(cells)}</g>'


def _box(x: float, y: float, width: float, name: str, kind: str, tall: int = 26) -> str:
    return (
        f'<g class="{kind}"><rect x="{x:g}" y="{y}" width="{width:g}" height="{tall}" rx="6"/>'
        f'<text x="{x + width / 2:g}" y="{y + tall / 2 + 4:g}" text-anchor="middle">{escape(name)}</text></g>'
    )


def descent_picture() -> str:
    """Steps down the same valley with three learning rates, computed, not drawn by hand."""
    figures = []
    for name, rate in zip(words.DESCENT_NAMES, _RATES, strict=True):
        places = descent(rate)
        curve = " ".join(f"{_at(x / 20)}" for x in range(-29, 30))
        path = " ".join(_at(x) for x in places)
        dots = "".join(
            f'<circle cx="{_at(x).split(",")[0]}" cy="{_at(x).split(",")[1]}" r="{4 if i == _STEPS else 2.5}"/>'
            for i, x in enumerate(places)
        )
        figures.append(
            f'<figure><svg class="valley" viewBox="0 0 120 92" role="img" aria-label="{escape(name)}">'
            f'<polyline class="curve-line" points="{curve}"/><polyline class="path" points="{path}"/>{dots}</svg>'
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )
    caption = markup.note(words.DESCENT_CAPTION.format(steps=_STEPS))
    return f'<div class="valleys">{"".join(figures)}</div>{caption}'


def descent(rate: float, steps: int = _STEPS) -> list[float]:
    """Where gradient descent on x² is, from -1, after each step."""
    places = [-1.0]
    for _ in range(steps):
        places.append(places[-1] - rate * 2 * places[-1])
    return places


def _at(x: float) -> str:
    return f"{60 + 40 * x:.1f},{84 - 38 * x * x:.1f}"


def thaw_picture(groups: Groups) -> str:
    """Which part learns in which epoch, as a table whose cells are the picture."""
    epochs = range(1, groups.config.epochs + 1)
    rows = [(words.THAW_HEADS, [True] * len(epochs))]
    rows += [(layer.name, [layer.learns(epoch) for epoch in epochs]) for layer in reversed(groups.layers)]
    head = "".join(f'<th scope="col">{epoch}</th>' for epoch in epochs)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f'<td class="{"thawed" if on else "still"}">{_thaw_word(on)}</td>' for on in learns)
        + "</tr>"
        for name, learns in rows
    )
    caption = escape(words.THAW_CAPTION.format(epochs=len(epochs)))
    return (
        f'<div class="scroll thaw-box" tabindex="0" role="region" aria-label="{caption}"><table class="thaw">'
        f"<caption>{caption}</caption><thead><tr><td>epoch</td>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def _thaw_word(on: bool) -> str:
    return escape(words.THAW_LEARNS if on else words.THAW_FROZEN)


# --- figures ---


def mean_score(scenario: Figures) -> float:
    scores = scenario["scores"].values()
    return sum(scores) / len(scores)


def backbone_moved(scenario: Figures) -> float:
    """The mean relative change of the layer groups' weights."""
    layers = Groups(scenario["sizes"]).layers
    return sum(scenario["moved"][layer.name] for layer in layers) / len(layers)


def overview(figures: Figures) -> str:
    """Every preset in one table whose numbers stand on bars."""
    tasks = figures["tasks"]
    scenarios = _by_name(figures)
    shown = [preset for preset in presets.PRESETS if preset.name in scenarios]
    slowest = max(scenarios[preset.name]["seconds"] for preset in shown) or 1.0
    farthest = max(backbone_moved(scenarios[preset.name]) for preset in shown) or 1.0
    heads = (words.PRESET, *tasks, words.MEAN, words.SECONDS, words.MOVED, words.EMBEDDINGS)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    rows = []
    for preset in shown:
        scenario = scenarios[preset.name]
        moved, mean = backbone_moved(scenario), mean_score(scenario)
        cells = [
            *(_cell(s, result.score(tasks[name]["metric"], s), "score") for name, s in scenario["scores"].items()),
            _cell(mean, result.percent(mean), "mean"),
            _cell(scenario["seconds"] / slowest, f"{scenario['seconds']:.0f}", "cost"),
            _cell(moved / farthest, controls.change(moved), "far"),
            _cell(scenario["cosine"], f"{scenario['cosine']:.3f}", "kept"),
        ]
        rows.append(f'<tr><th scope="row">{escape(preset.title)}</th>{"".join(cells)}</tr>')
    sheet = (
        f'<table class="sheet runs-sheet"><caption class="sr">{escape(words.OVERVIEW)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    note = markup.note(words.OVERVIEW_NOTE.format(probe=figures["probe"]))
    return f"{markup.heading(words.OVERVIEW)}{markup.scroll(words.OVERVIEW, Markup(sheet), 'all')}{note}"


def _cell(share: float, shown: str, kind: str) -> str:
    width = 100 * min(1.0, max(0.0, share))
    return f'<td class="num">{escape(shown)}<i class="databar {kind}"><b style="width:{width:.1f}%"></b></i></td>'


def cards(figures: Figures | None) -> str:
    """For every preset: when to use it, what to expect, what was measured, and the stack with what moved."""
    scenarios = _by_name(figures) if figures else {}
    groups = []
    for title, names in zip(words.SCENARIO_GROUPS, presets.GROUPS, strict=True):
        listing = "".join(_card(presets.BY_NAME[name], scenarios.get(name), figures) for name in names)
        groups.append(f'{markup.heading(title)}<div class="lesson-cards">{listing}</div>')
    return "".join(groups)


def _card(preset: presets.Preset, scenario: Figures | None, figures: Figures | None) -> str:
    measured, body = words.NOT_MEASURED, ""
    if scenario is not None and figures is not None:
        measured = words.measured(
            scenario["seconds"], mean_score(scenario), backbone_moved(scenario), scenario["cosine"]
        )
        lines = []
        for name, score in scenario["scores"].items():
            metric = figures["tasks"][name]["metric"]
            lines.append(_line(name, score, result.score(metric, score), "score", metric_named(metric).title))
        groups, moved = Groups(scenario["sizes"], TrainConfig.from_json(scenario["config"])), scenario["moved"]
        body = (
            f'<div class="lines-of-scores">{"".join(lines)}</div>{stack.svg(groups, moved, small=True)}'
            f"{markup.details(words.CARD_TABLE, stack.table(groups, moved))}"
        )
    facts = (
        (words.WHEN_LABEL, preset.sentence),
        (words.EXPECT_LABEL, words.EXPECT[preset.name]),
        (words.MEASURED_LABEL, measured),
    )
    listing = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in facts)
    return f'<article class="lesson-card"><h4>{escape(preset.title)}</h4><dl>{listing}</dl>{body}</article>'


def _line(name: str, share: float, shown: str, kind: str, about: str = "") -> str:
    width = 100 * min(1.0, max(0.0, share))
    return (
        f'<div class="score-line {kind}" title="{escape(about)}"><span dir="auto">{escape(name)}</span>'
        f'<i class="databar {kind}"><b style="width:{width:.1f}%"></b></i><b>{escape(shown)}</b></div>'
    )


# --- the anchor ---


def anchor(figures: Figures) -> str:
    """One task trained alone, without the anchor and with it: bars, a table of the same, and a sentence."""
    experiment = figures["anchor"]
    without, held = experiment["runs"][0], experiment["runs"][-1]
    task, metric = experiment["task"], figures["tasks"][experiment["task"]]["metric"]
    scores = without["scores"][task], held["scores"][task]
    # Name, remark, metric, and the scores before, without and with the anchor.
    rows: list[tuple[str, str, str, float | None, float, float]] = [
        (task, words.ANCHOR_TRAINED, metric, None, *scores),
        (words.COSINE_ROW, "", "cosine", 1.0, without["cosine"], held["cosine"]),
    ]
    for name, probe in without["probe"].items():
        after = probe["after"], held["probe"][name]["after"]
        rows.append((name, words.ANCHOR_UNTRAINED, probe["metric"], probe["before"], *after))
    bars = "".join(_contrast(*row) for row in rows)
    table = [
        (f"{name}, {about}" if about else name, _metric(metric), *(Markup(_shown(metric, v)) for v in values))
        for name, about, metric, *values in rows
    ]
    sentence = words.anchor_sentence(task, without["cosine"], held["cosine"], scores, metric)
    how = words.anchor_how(task, list(without["probe"]), figures["data"]["held_out"], figures["probe"])
    return (
        f'{markup.heading(words.ANCHOR_MEASURED)}{_key()}<div class="contrasts">{bars}</div>'
        f'<p class="said">{escape(sentence)}</p>{markup.note(how)}'
        f"{markup.details(words.ANCHOR_TABLE, markup.table(words.ANCHOR_MEASURED, words.ANCHOR_HEADERS, table))}"
    )


def _key() -> str:
    items = zip(("was", "without", "with"), (words.BEFORE, words.WITHOUT, words.WITH), strict=True)
    return f'<ul class="key contrast-key">{"".join(f"<li><i class={k}></i>{escape(w)}</li>" for k, w in items)}</ul>'


def _contrast(name: str, about: str, metric: str, *values: float | None) -> str:
    kinds = zip(("was", "without", "with"), (words.BEFORE, words.WITHOUT, words.WITH), values, strict=True)
    bars = "".join(_line(title, value or 0.0, _shown(metric, value), kind) for kind, title, value in kinds)
    small = " · ".join(part for part in (about, _metric(metric)) if part)
    return f"<section><h5>{escape(name)} <small>{escape(small)}</small></h5>{bars}</section>"


def _metric(metric: str) -> str:
    return words.COSINE_METRIC if metric == "cosine" else metric_named(metric).title


def _shown(metric: str, value: float | None) -> str:
    if value is None:
        return words.ANCHOR_UNKNOWN
    return f"{value:.3f}" if metric == "cosine" else result.score(metric, value)


# --- where it comes from ---


def provenance(figures: Figures) -> str:
    start, data = figures["start"], figures["data"]
    lines = words.provenance(
        figures["command"], figures["machine"], start["name"], start["sha256"], data["file"], data["sha256"]
    )
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'{markup.heading(words.PROVENANCE)}<ul class="provenance">{items}</ul>'


def _start(figures: Figures) -> str:
    """What every run began with, and how to read the scores."""
    data = figures["data"]
    return prose(words.start_note(figures["start"]["name"], data["rows"], data["held_out"], figures["base"]["epochs"]))


def _by_name(figures: Figures) -> dict[str, Figures]:
    return {scenario["name"]: scenario for scenario in figures["scenarios"]}


def measured(figures: Figures | None) -> tuple[str, str]:
    """(what the anchor does, the scenarios) as HTML; a note where there are no figures, or damaged ones."""
    if figures is not None:
        try:
            return anchor(figures), _start(figures) + overview(figures) + cards(figures) + provenance(figures)
        except (KeyError, TypeError, IndexError, AttributeError, UserError):
            pass
    missing = markup.status(words.NO_FIGURES, kind="bad")
    return "", missing + Markup(cards(None))
