"""What a run that is over came to: its scores before and after, and what it forgot, as HTML.

Pure functions from a run's progress; everything that is shown is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from mtl.config import KINDS
from mtl.kinds.kind import Metric, metric_named
from mtl.training.progress import Progress
from mtl.ui.kinds import shown
from mtl.ui.kinds.view import Scores, change
from mtl.ui.names import trained
from mtl.ui.train.result import words
from mtl.ui.train.run.view import higher_elsewhere
from mtl.ui.widgets import markup


def summary(progress: Progress, name: str) -> str:
    """One line about the run, as HTML."""
    line = words.summary(name, trained(progress.moved), progress)
    return f'<p class="result-line" dir="auto">{escape(line)}</p>'


def page(progress: Progress, name: str) -> str:
    """All of it, as HTML: the line about the run, its scores and what it forgot."""
    try:
        scores = f'<div class="result-scores">{cards(progress)}{forgetting(progress)}</div>'
        return summary(progress, name) + higher_elsewhere(progress) + scores
    except (KeyError, TypeError, ValueError, ArithmeticError):  # fields that are missing, or that cannot be true
        return markup.note(words.DAMAGED)


# --- score cards ---


def cards(progress: Progress) -> str:
    """A card for each trained task: scores before, after and their difference; per label; the confusion matrix."""
    head = markup.heading(words.SCORES)
    if not progress.validation:
        return f'<div style="--cards:1">{head}{markup.note(words.NO_SCORES)}</div>'
    listed = "".join(
        _card(name, progress.kinds[name], progress.before.get(name), scores)
        for name, scores in progress.validation.items()
        if name in progress.kinds
    )
    wanted = f"--cards:{min(len(progress.validation), 4)}"
    return f'<div style="{wanted}">{head}{markup.note(words.SCORES_NOTE)}<div class="score-cards">{listed}</div></div>'


def _card(name: str, kind: str, before: Scores | None, after: Scores) -> str:
    labels, view = after.get("labels") or list(after.get("per_class", {})), shown(kind)
    rows = "".join(_score_row(metric, before, after, first=i == 0) for i, metric in enumerate(KINDS[kind].metrics))
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in (words.METRIC, words.BEFORE, words.AFTER, words.CHANGE))
    return (
        f'<article class="score-card"><h4 dir="auto">{escape(name)}</h4>'
        f"{markup.note(words.held_out(view.outputs(len(labels)), after['rows']))}"
        f'<table class="scores"><caption class="sr">{escape(name)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{view.score_details(before, after)}</article>"
    )


def _score_row(metric: Metric, before: Scores | None, after: Scores, first: bool) -> str:
    name = metric.name
    was = words.score(name, before[name]) if before else words.NEW_HEAD
    title = f'<th scope="row" title="{escape(metric.help)}">{escape(metric.title)}</th>'
    return (
        f'<tr{" class=first" if first else ""}>{title}<td class="was">{was}</td>'
        f"<td><b>{words.score(name, after[name])}</b></td>"
        f"<td>{change(name, after[name] - before[name]) if before else ''}</td></tr>"
    )


# --- forgetting ---


def forgetting(progress: Progress) -> str:
    """The forgetting meter: each task on the bundled sentences, before and after; and how far embeddings moved."""
    if not progress.forgetting:
        return ""
    tasks = progress.forgetting.get("tasks") or {}
    order = sorted(tasks, key=lambda name: tasks[name]["trained"])  # first those that it left alone
    note = words.NOTHING_TO_FORGET if not tasks else words.FORGETTING_NOTE
    rows = "".join(_meter_row(name, tasks[name]) for name in order)
    titles = (words.TASK, "", words.BEFORE, words.AFTER, words.CHANGE)
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    meter = (
        f'<table class="meter"><caption class="sr">{escape(words.FORGETTING)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    cosine = progress.cosine
    moved = "" if cosine is None else f'<p class="moved-line">{escape(words.embeddings_moved(cosine))}</p>'
    return f"<div>{markup.heading(words.FORGETTING)}{markup.note(note)}{meter}{moved}</div>"


def _meter_row(name: str, task: Mapping[str, Any]) -> str:
    metric, before, after = task["metric"], task["before"], task["after"]
    low, high = sorted((_place(before), _place(after)))
    kind = "worse" if float(words.difference(metric, after - before)) < 0 else "better"
    picture = (
        f'<span class="meter-track {kind}" aria-hidden="true"><i class="span" style="left:{low:.1f}%;'
        f'width:{high - low:.1f}%"></i><i class="was" style="left:{_place(before):.1f}%"></i>'
        f'<i class="now" style="left:{_place(after):.1f}%"></i></span>'
    )
    about = f"{metric_named(metric).title}{f', {words.TRAINED_TOO}' if task['trained'] else ''}"
    return (
        f'<tr><th scope="row" dir="auto">{escape(name)} '
        f'<small title="{escape(metric_named(metric).help)}">{escape(about)}</small></th>'
        f'<td class="meter-cell">{picture}</td><td class="was">{words.score(metric, before)}</td>'
        f"<td><b>{words.score(metric, after)}</b></td><td>{change(metric, after - before)}</td></tr>"
    )


def _place(value: float) -> float:
    """Where a score from 0 to 1 lies on its track, in percent."""
    return 100 * min(1.0, max(0.0, value))
