"""What a run that is over came to: its scores before and after, and what it forgot, as HTML.

Pure functions from a run's progress; everything that is shown is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mtl.training.progress import Progress
from mtl.ui.train.result import words
from mtl.ui.train.run.view import higher_elsewhere
from mtl.ui.widgets import markup

# The scores on a card, the most telling first.
SHOWN = {
    "classification": ("accuracy", "macro_f1", "macro_precision", "macro_recall"),
    "regression": ("spearman", "mae"),
    "tagging": ("f1", "precision", "recall"),
}
_LOWER_IS_BETTER = ("mae",)
# A matrix of more labels than this is a list of its mistakes instead.
_MAX_MATRIX = 12
_MAX_MISTAKES = 20

Scores = Mapping[str, Any]


def summary(progress: Progress, name: str) -> str:
    """One line about the run, as HTML."""
    line = words.summary(name, words.learnt(progress.moved), progress)
    return f'<p class="result-line" dir="auto">{escape(line)}</p>'


def page(progress: Progress, name: str) -> str:
    """All of it, as HTML: the line about the run, its scores and what it forgot."""
    try:
        shown = f'<div class="result-scores">{cards(progress)}{forgetting(progress)}</div>'
        return summary(progress, name) + higher_elsewhere(progress) + shown
    except (KeyError, TypeError, ValueError, ArithmeticError):  # fields that are missing, or that cannot be true
        return markup.note(words.DAMAGED)


# --- score cards ---


def cards(progress: Progress) -> str:
    """A card for each trained task: scores before, after and their difference; per label; the confusion matrix."""
    head = markup.heading(words.SCORES)
    if not progress.validation:
        return f'<div style="--cards:1">{head}{markup.note(words.NO_SCORES)}</div>'
    shown = "".join(
        _card(name, progress.kinds[name], progress.before.get(name), scores)
        for name, scores in progress.validation.items()
        if name in progress.kinds
    )
    wanted = f"--cards:{min(len(progress.validation), 4)}"
    return f'<div style="{wanted}">{head}{markup.note(words.SCORES_NOTE)}<div class="score-cards">{shown}</div></div>'


def _card(name: str, kind: str, before: Scores | None, after: Scores) -> str:
    labels = after.get("labels") or list(after.get("per_class", {}))
    rows = "".join(_score_row(metric, before, after, first=i == 0) for i, metric in enumerate(SHOWN[kind]))
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in (words.METRIC, words.BEFORE, words.AFTER, words.CHANGE))
    more = ""
    if kind == "classification":
        frequent = max(sum(row) for row in after["confusion"]) / after["rows"]
        more = markup.note(words.guessing(frequent))
        more += markup.details(words.PER_LABEL, _per_class(words.PER_LABEL, before, after))
        more += markup.details(words.CONFUSION, _confusions(before, after))
    elif kind == "tagging":
        more = markup.details(words.PER_TYPE, _per_class(words.PER_TYPE, before, after))
    return (
        f'<article class="score-card"><h4 dir="auto">{escape(name)}</h4>'
        f"{markup.note(words.kind(kind, len(labels), after['rows']))}"
        f'<table class="scores"><caption class="sr">{escape(name)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</article>"
    )


def _score_row(metric: str, before: Scores | None, after: Scores, first: bool) -> str:
    was = words.score(metric, before[metric]) if before else words.NEW_HEAD
    title = f'<th scope="row" title="{escape(words.METRIC_HELP[metric])}">{escape(words.METRICS[metric])}</th>'
    return (
        f'<tr{" class=first" if first else ""}>{title}<td class="was">{was}</td>'
        f"<td><b>{words.score(metric, after[metric])}</b></td>"
        f"<td>{change(metric, after[metric] - before[metric]) if before else ''}</td></tr>"
    )


def change(metric: str, by: float) -> str:
    """A difference with its sign, an arrow, and the colour of better or worse."""
    shown = words.difference(metric, by)
    if not float(shown):
        return f'<span class="delta same">= {shown}</span>'
    better = (by < 0) == (metric in _LOWER_IS_BETTER)
    return f'<span class="delta {"better" if better else "worse"}">{"▲" if by > 0 else "▼"} {shown}</span>'


def _per_class(caption: str, before: Scores | None, after: Scores) -> str:
    former = before["per_class"] if before else {}
    rows = [
        (
            label,
            found["rows"],
            *(markup.Markup(words.percent(found[metric])) for metric in ("precision", "recall", "f1")),
            markup.Markup(change("f1", found["f1"] - former[label]["f1"]) if label in former else ""),
        )
        for label, found in after["per_class"].items()
    ]
    headers = ("label", "rows", "precision", "recall", "F1", words.CHANGE)
    return markup.table(caption, headers, rows, "labels")


# --- confusion ---


def _confusions(before: Scores | None, after: Scores) -> str:
    if len(after["labels"]) > _MAX_MATRIX:
        return _mistakes(after)
    matrices = [(words.BEFORE, before), (words.AFTER, after)] if before else [(words.AFTER, after)]
    shown = "".join(confusion(s["labels"], s["confusion"], when) for when, s in matrices)
    return f'{markup.note(words.CONFUSION_NOTE)}<div class="matrices">{shown}</div>'


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], caption: str) -> str:
    """A confusion matrix: a table whose cells are the darker, the larger their share of their row."""
    head = "".join(f'<th scope="col"><div>{escape(label)}</div></th>' for label in labels)
    body = ""
    for i, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = max(sum(row), 1)
        cells = "".join(
            f'<td class="{"hit" if i == j else "miss"}" style="--share:{60 * count / total:.0f}%">{count}</td>'
            for j, count in enumerate(row)
        )
        body += f'<tr><th scope="row"><div dir="auto">{escape(label)}</div></th>{cells}</tr>'
    sheet = (
        f'<table class="confusion"><caption>{escape(caption)}</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return markup.scroll(caption, sheet, "matrix")


def _mistakes(scores: Scores) -> str:
    labels = scores["labels"]
    found = [
        (labels[i], labels[j], count)
        for i, row in enumerate(scores["confusion"])
        for j, count in enumerate(row)
        if count and i != j
    ]
    if not found:
        return markup.note(words.NO_MISTAKES)
    found.sort(key=lambda mistake: -mistake[2])
    return markup.table(words.CONFUSIONS, (words.RIGHT, words.SAID, words.TIMES), found[:_MAX_MISTAKES], "mistakes")


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
    about = f"{words.METRICS[metric]}{f', {words.TRAINED_TOO}' if task['trained'] else ''}"
    return (
        f'<tr><th scope="row" dir="auto">{escape(name)} '
        f'<small title="{escape(words.METRIC_HELP[metric])}">{escape(about)}</small></th>'
        f'<td class="meter-cell">{picture}</td><td class="was">{words.score(metric, before)}</td>'
        f"<td><b>{words.score(metric, after)}</b></td><td>{change(metric, after - before)}</td></tr>"
    )


def _place(value: float) -> float:
    """Where a score from 0 to 1 lies on its track, in percent."""
    return 100 * min(1.0, max(0.0, value))
