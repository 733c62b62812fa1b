"""A project, and what a head has learned of it, as JSON that `assets/label.js` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.labelling import learning, naming
from mtl.labelling.learning import Answers
from mtl.labelling.measuring import Point
from mtl.labelling.project import Item, Project, agreement, repeats
from mtl.labelling.queue import ORDERS, queue
from mtl.labelling.saved import item_json, to_json
from mtl.labelling.scheme import Scheme, can_be_labelled
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.label import words
from mtl.ui.widgets import curves
from mtl.ui.widgets.colours import colours, ink

if TYPE_CHECKING:
    from mtl.ui.train.label.state import Vectors

_SHOWN = 20  # so many repeated sentences are named


@dataclass(frozen=True)
class Learned:
    """Answers to all texts: those of the head, or `why_not` there is none; and those by the names of the labels."""

    head: Answers | None = None
    named: Answers | None = None
    why_not: str = ""


def learn(project: Project, vectors: Vectors) -> Learned:
    """What can be answered by now, with vectors of all texts and of what the labels mean."""
    scheme, texts = project.scheme, [item.text for item in project.items]
    why_not, head, named = learning.why_not(scheme, project.values), None, None
    if texts and not why_not:
        head = learning.fit(scheme, vectors.stacked(texts), project.values)(vectors.stacked(texts))
    if texts and not naming.why_not(scheme):
        named = naming.by_name(scheme, vectors.stacked(texts), vectors.stacked(meanings(scheme)))
    return Learned(head, named, why_not)


def meanings(scheme: Scheme) -> list[str]:
    """What the labels mean, in words; nothing where texts are not answered by that."""
    return [] if naming.why_not(scheme) else [scheme.words_for(label) for label in scheme.labels]


# --- JSON ---


def project_json(project: Project, before: Sequence[Item], learned: Learned, order: str) -> dict[str, Any]:
    """What is new since the items were those of `before`, and what comes next."""
    scheme, items = project.scheme, project.items
    certainty = learned.head.certainty if learned.head else _of_offers(items)
    changed = [
        [place, item_json(item, scheme)]
        for place, item in enumerate(items)
        if place >= len(before) or item is not before[place]
    ]
    return {
        "scheme": scheme_json(project),
        "items": changed,
        "count": len(items),
        "queue": queue(project, order if order in ORDERS else ORDERS[0], certainty),
        "head": learned.head is not None,
        "guesses": _answers_json(scheme, learned.head),
        "named": _answers_json(scheme, learned.named),
        "why": learned.why_not,
        "undo": project.past[-1].said if project.past else "",
        "redo": project.future[-1].said if project.future else "",
        "repeats": _repeats_json(project),
        "agreement": [[each.by, each.labelled, each.same] for each in agreement(project)],
    }


def scheme_json(project: Project) -> dict[str, Any]:
    """The scheme with its defaults, how its values are given, and for each label its colour, the ink on it, and how
    many have it."""
    scheme, counts = project.scheme, project.counts
    of_labels = [[colour, ink(colour), counts[label]] for label, colour in colours(scheme.labels).items()]
    return {**blank(scheme), "editor": shown(scheme.kind).editor, "about": of_labels, "noun": scheme.of.value_noun}


def blank(scheme: Scheme) -> dict[str, Any]:
    """A scheme with all of its fields."""
    return {
        "name": scheme.name,
        "kind": scheme.kind,
        "labels": list(scheme.labels),
        "descriptions": dict(scheme.descriptions),
        "low": scheme.low,
        "high": scheme.high,
    }


def _answers_json(scheme: Scheme, answers: Answers | None) -> list[list[Any]] | None:
    """For each text the value that is answered, and how certain that is."""
    if answers is None:
        return None
    kind = scheme.of
    values = (kind.to_json(kind.value_of(answer)) for answer in answers.answers)
    certainty = answers.certainty.round(2).tolist()
    return [
        [round(value, 3) if isinstance(value, float) else value, sure]
        for value, sure in zip(values, certainty, strict=True)
    ]


def _of_offers(items: Sequence[Item]) -> list[float] | None:
    if not any(item.offered for item in items):
        return None
    return [item.offered.certainty if item.offered else 0.0 for item in items]


def _repeats_json(project: Project) -> dict[str, Any]:
    found = repeats(project)
    return {
        "said": words.repeated(len(found)),
        "places": [place for repeat in found for place in repeat.places],
        "contradictions": [list(repeat.places) for repeat in found if repeat.contradicts][:_SHOWN],
    }


def figure_json(scheme: Scheme, points: Sequence[Point], named: Point | None, left: int) -> dict[str, Any]:
    """How good the head is by now, in words, with the curve that leads there; `left`: so many points are still to be
    measured."""
    if not points:
        return {"headline": "", "how": "", "curve": "", "left": left}
    last = points[-1]
    return {
        "headline": words.headline(scheme, last, named),
        "how": words.how_measured(last),
        "curve": curve(scheme, points, named),
        "left": left,
    }


def curve(scheme: Scheme, points: Sequence[Point], named: Point | None) -> Markup:
    """The curve of what was right, or how far off it was, by how many labels were given."""
    until = max(points[-1].labels, 10)
    is_share = scheme.of.right_or_wrong
    lines = [
        curves.Line("the head", [(p.labels, p.figure.value) for p in points], "var(--curve-score)", dots=True),
        curves.Line("the commonest answer", [(p.labels, p.guess.value) for p in points], "var(--quiet)", dashed=True),
    ]
    if named:
        level = [(1, named.figure.value), (until, named.figure.value)]
        lines.append(curves.Line("names alone", level, "var(--curve-train)", dashed=True))
    bounds = {"low": 0.0, "high": 1.0} if is_share else {"low": 0.0}
    show = words.percent if is_share else "{:.2f}".format
    title = "Right on sentences that it has not learned" if is_share else "Mean error on others"
    return curves.chart(title, lines, until, "labels", show, **bounds)


# --- the place itself ---


def place() -> Markup:
    """What stands there before the browser fills it."""
    kinds = {name: shown(name).editor for name, kind in KINDS.items() if can_be_labelled(kind) and shown(name).editor}
    begin = to_json(Project(Scheme(words.NAME, next(iter(kinds)))))
    keys = {**words.KEYS, "more": words.MORE_KEYS}
    return templates.render("label.html", words=words, kinds=kinds, keys=keys, begin=begin)
