"""The rows of the Overview: each sentence with every answer of the one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from markupsafe import Markup

from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.visitors import Work
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from mtl.model import Analysis

_MACROS = templates.macros("overview.html")


def rows(work: Work, texts: Iterable[str]) -> dict[str, Markup]:
    """The row of each of these texts, as far as it is among those that are shown."""
    analyses = {analysis.text: analysis for analysis in work.analyses[: markup.MAX_ROWS]}
    return {text: _row(work, analyses[text]) for text in texts if text in analyses}


def _row(work: Work, analysis: Analysis) -> Markup:
    text, results = analysis.text, analysis.results
    sentence, cells = None, []
    for name, spec in work.model.tasks.items():
        if name not in results:
            continue
        view = shown(spec.kind)
        marked = view.in_text(results[name], text, spec)
        if marked is None:
            cells.append((name, view.row(results[name], spec)))
        elif sentence is None:
            sentence = marked
        else:  # each task that marks words has its own line
            cells.append((name, marked))
    return _MACROS.row(text[: markup.TEXT_SHOWN] if sentence is None else sentence, cells, analysis.unfamiliar)


def head(work: Work) -> Markup:
    """The names of the columns, and a legend of their colours."""
    results = work.analyses[0].results
    names, legends, marked = [], {}, None
    for name, spec in work.model.tasks.items():
        if name not in results:
            continue
        view = shown(spec.kind)
        in_text = view.in_text(results[name], work.texts[0], spec) is not None
        if in_text and marked is None:
            marked = name
        else:
            names.append(name)
        if in_text or view.shares(results[name]) is not None:
            legends[name] = spec.labels
    more = len(work.texts) - markup.MAX_ROWS
    return _MACROS.head(names, {name: labels for name, labels in legends.items() if len(labels) <= 12}, more)
