"""A run as HTML: what it will take, where it is, its curves, the same as a table. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from markupsafe import Markup

from mtl.config import KINDS
from mtl.groups import Groups
from mtl.kinds.kind import Metric
from mtl.training.estimate import Estimate
from mtl.training.progress import Progress
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.run import words as text
from mtl.ui.widgets import curves, markup
from mtl.ui.widgets.curves import Line

TRAIN, HELD_OUT, SCORE = "var(--curve-train)", "var(--curve-held-out)", "var(--curve-score)"


# --- before it starts ---


def outlook(expected: Estimate) -> Markup:
    """What a run will take, as a line of figures."""
    item = Markup("<li><b>{}</b> <span>{}</span></li>")
    items = Markup().join(item.format(figure, what) for figure, what in text.outlook(expected))
    return Markup('<ul class="outlook">{}</ul>').format(items)


def refusal(message: str) -> Markup:
    return Markup('<p class="note refusal">{}</p>').format(message)


# --- where it is ---


def progress(now: Progress) -> Markup:
    """What the run does now, in a headline and a sentence, with a bar of its steps."""
    head, facts, kind = _state(now)
    notes = [now.message if now.run.unfinished else "", text.damaged(now.damaged) if now.damaged else ""]
    note = " ".join(filter(None, [*notes, text.SAFE * now.run.unfinished]))
    return templates.render("progress.html", head=head, facts=facts, kind=kind, percent=100 * now.share, note=note)


def _state(now: Progress) -> tuple[str, str, str]:
    """(headline, facts, "busy", "ok" or "bad")"""
    state = now.run.state
    if state == "queued":
        return text.WAITING, text.place(now.place, now.wait), "busy"
    if state == "running":
        if now.stopping:
            return text.STOPPING, text.STOPPING_FACTS, "busy"
        if not now.begun:
            return text.PREPARING, text.PREPARING_FACTS, "busy"
        if now.step >= now.steps:
            return text.SAVING, text.SAVING_FACTS, "busy"
        return text.TRAINING, text.progress(now.step, now.steps, now.epoch, now.epochs, now.eta), "busy"
    best = now.kept.number if now.kept and now.config and now.config.keep_best and now.scored else None
    if state == "done":
        return text.DONE, text.done(now.step, now.epoch, now.epochs, now.seconds, best), "ok"
    if state == "stopped":
        if not now.step:
            return text.STOPPED, text.NEVER_BEGAN, "ok"
        return text.STOPPED, text.stopped(now.step, now.steps, now.whole_epochs, best), "ok"
    return (text.KILLED if state == "killed" else text.FAILED), now.message, "bad"


# --- what moved ---


def what_moved(now: Progress) -> tuple[Groups, Mapping[str, float], int]:
    """The groups of the model, how far each has moved so far, and the epoch: what `stack` draws."""
    return now.groups, now.moved, max(now.epoch, 1)


# --- curves ---


def plots(now: Progress, logarithmic: bool = False) -> Markup:
    """For each task its losses and, below, its score on the held-out rows; the same for the anchor, without scores."""
    if not now.steps:
        return markup.note(text.FIRST_POINT)
    names = [*now.kinds, *(name for name in now.losses if name not in now.kinds)]
    until = _horizon(now)
    cards = Markup().join(_card(now, name, until, logarithmic) for name in names)
    curves = Markup('<div class="curves" style="--tasks:{}">{}</div>').format(len(names), cards)
    return curves + markup.note(text.CURVES_NOTE) + markup.note(text.NO_SCORES * bool(now.past and not now.scored))


def _horizon(now: Progress) -> float:
    """How many epochs the curves have room for: a long run's grows with it, so that its beginning can be read."""
    return min(now.epochs, max(10.0, 5.0 * math.ceil(1.2 * now.in_epochs(now.step) / 5)))


def _card(now: Progress, name: str, until: float, logarithmic: bool) -> Markup:
    kind = now.kinds.get(name)
    steps, held_out = now.points("train", name), now.points("held_out", name)
    lines = [
        Line(text.EACH_STEP, steps, TRAIN, faint=True),
        Line(text.TRAINED_ON, curves.smoothed(steps), TRAIN),
        *([Line(text.HELD_OUT, held_out, HELD_OUT, dashed=True, dots=True)] if kind else []),
    ]
    low = None if logarithmic else 0.0
    charts = curves.chart(text.LOSS, lines, until, text.EPOCH, low=low, logarithmic=logarithmic)
    if kind:
        # Where the model stood before it learnt is measured last, and drawn first.
        before = now.scores_before
        first = [(0.0, before[name])] if name in before else []
        line = Line(text.HELD_OUT, first + now.points("scores", name), SCORE, dots=True)
        headline = KINDS[kind].metrics[0]
        charts += curves.chart(headline.heading, [line], until, text.EPOCH, _writer(headline), high=1.0)
    about = shown(kind).about if kind else text.ANCHOR_KIND
    return Markup('<section class="task"><h4>{} <small>{}</small></h4>{}</section>').format(name, about, charts)


def _writer(metric: Metric) -> Callable[[float], str]:
    # Shorter than in tables, as it stands on an axis.
    return lambda value: metric.write(value).replace(".0 %", " %")


def table(now: Progress) -> Markup:
    """Every epoch's losses and scores, which epoch is kept, and what the run remarked on its data."""
    rows = []
    for epoch in now.past:
        for name in epoch.train:
            headline = KINDS[now.kinds[name]].metrics[0] if name in now.kinds else None
            score = epoch.scores.get(name)
            rows.append(
                (
                    epoch.number,
                    name,
                    f"{epoch.train[name]:.4f}",
                    f"{epoch.held_out[name]:.4f}" if name in epoch.held_out else "–",
                    headline.heading if headline else "–",
                    "–" if score is None else _writer(headline)(score),
                )
            )
    listing = markup.table(text.AS_TABLE, text.TABLE_HEADERS, rows) if rows else markup.note(text.NO_EPOCH)
    return listing + higher_elsewhere(now) + (markup.items(now.notes, "remarks") if now.notes else "")


def higher_elsewhere(now: Progress) -> Markup:
    """A note where tasks scored higher after another epoch than after the one that is kept."""
    kept, kinds = now.kept, now.kinds
    write = {task: _writer(KINDS[kind].metrics[0]) for task, kind in kinds.items()}
    higher = [
        (task, epoch.number, write[task](epoch.scores[task]), write[task](kept.scores[task]))
        for task, epoch in now.better_elsewhere.items()
    ]
    return markup.note(text.higher_elsewhere(kept.number, now.config.keep_best, higher) if higher else "")
