"""A run as HTML: what it will take, where it is, its curves, the same as a table.

Pure functions; everything that is given is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

from mtl.config import KINDS
from mtl.groups import Groups
from mtl.kinds.kind import Metric
from mtl.training.estimate import Estimate
from mtl.training.runs.service import Following
from mtl.ui.kinds import shown
from mtl.ui.train.run import words as text
from mtl.ui.train.run.story import Story
from mtl.ui.widgets import curves, markup
from mtl.ui.widgets.curves import Line

TRAIN, HELD_OUT, SCORE = "var(--curve-train)", "var(--curve-held-out)", "var(--curve-score)"


# --- before it starts ---


def outlook(expected: Estimate) -> str:
    """What a run will take, as a line of figures."""
    items = "".join(
        f"<li><b>{escape(figure)}</b> <span>{escape(what)}</span></li>" for figure, what in text.outlook(expected)
    )
    return f'<ul class="outlook">{items}</ul>'


def refusal(message: str) -> str:
    return f'<p class="note refusal">{escape(message)}</p>'


# --- where it is ---


def progress(following: Following, story: Story) -> str:
    """What the run does now, in a headline and a sentence, with a bar of its steps."""
    run = following.run
    head, facts, kind = _state(following, story)
    notes = [note for note in (following.message if run.unfinished else "", *_remarks(story)) if note]
    if run.unfinished:
        notes.append(text.SAFE)
    share = story.step / story.steps if story.config and not story.waits else 0.0
    bar = (
        f'<div class="progress" role="progressbar" aria-label="{escape(head)}" aria-valuenow="{100 * share:.0f}" '
        f'aria-valuemin="0" aria-valuemax="100"><span style="width:{100 * share:.1f}%"></span></div>'
    )
    return (
        f'<div class="run {kind}"><p class="run-head" role="status">{escape(head)}</p>'
        f'<p class="run-facts" dir="auto">{escape(facts)}</p>{bar}'
        f'<p class="note">{escape(" ".join(notes))}</p></div>'
    )


def _state(following: Following, story: Story) -> tuple[str, str, str]:
    """(headline, facts, "busy", "ok" or "bad")"""
    run = following.run
    if run.state == "queued":
        return text.WAITING, text.place(following.place, following.wait), "busy"
    if run.state == "running":
        if following.stopping:
            return text.STOPPING, text.STOPPING_FACTS, "busy"
        if not story.config or story.waits:
            return text.PREPARING, text.PREPARING_FACTS, "busy"
        if story.step >= story.steps:
            return text.SAVING, text.SAVING_FACTS, "busy"
        return text.TRAINING, text.progress(story.step, story.steps, story.epoch, story.epochs, story.eta), "busy"
    kept = story.best if story.config and story.config.keep_best and any(e.scores for e in story.past) else None
    if run.state == "done":
        facts = text.done(story.step, story.epoch, story.epochs, story.seconds, kept)
        return text.DONE, facts, "ok"
    if run.state == "stopped":
        if not story.step:
            return text.STOPPED, text.NEVER_BEGAN, "ok"
        return text.STOPPED, text.stopped(story.step, story.steps, story.whole_epochs, kept), "ok"
    return (text.KILLED if run.state == "killed" else text.FAILED), following.message, "bad"


def _remarks(story: Story) -> list[str]:
    return [text.damaged(story.damaged)] if story.damaged else []


# --- what moved ---


def what_moved(story: Story) -> tuple[Groups, dict[str, float], int]:
    """The groups of the model, how far each has moved so far, and the epoch: what `stack` draws."""
    groups = Groups(story.sizes)
    return groups.under(groups.fitted(story.config), story.kinds), story.moved, max(story.epoch, 1)


# --- curves ---


def plots(story: Story, logarithmic: bool = False) -> str:
    """For each task its losses and, below, its score on the held-out rows; the same for the anchor, without scores."""
    if not story.config:
        return markup.note(text.FIRST_POINT)
    names = [*story.kinds, *(name for name in story.losses if name not in story.kinds)]
    until = _horizon(story)
    cards = "".join(_card(story, name, until, logarithmic) for name in names)
    unscored = any(story.past) and not any(epoch.scores for epoch in story.past)
    notes = markup.note(text.CURVES_NOTE) + (markup.note(text.NO_SCORES) if unscored else "")
    return f'<div class="curves" style="--tasks:{len(names)}">{cards}</div>{notes}'


def _horizon(story: Story) -> float:
    """How many epochs the curves have room for: a long run's grows with it, so that its beginning can be read."""
    now = story.in_epochs(story.step)
    return min(story.epochs, max(10.0, 5.0 * math.ceil(1.2 * now / 5)))


def _card(story: Story, name: str, until: float, logarithmic: bool) -> str:
    kind = story.kinds.get(name)
    steps, trend = (
        [(story.in_epochs(step), loss) for step, loss in lines.get(name, ())] for lines in (story.losses, story.trends)
    )
    held_out = [(story.in_epochs(e.step), e.held_out[name]) for e in story.past if name in e.held_out]
    lines = [
        Line(text.EACH_STEP, steps, TRAIN, faint=True),
        Line(text.TRAINED_ON, trend, TRAIN),
        *([Line(text.HELD_OUT, held_out, HELD_OUT, dashed=True, dots=True)] if kind else []),
    ]
    low = None if logarithmic else 0.0
    charts = curves.chart(text.LOSS, lines, until, text.EPOCH, low=low, logarithmic=logarithmic)
    if kind:
        # Where the model stood before it learnt is measured last, and drawn first.
        scores = [(0.0, story.before[name])] if name in story.before else []
        scores += [(story.in_epochs(e.step), e.scores[name]) for e in story.past if name in e.scores]
        line = Line(text.HELD_OUT, scores, SCORE, dots=True)
        headline = KINDS[kind].metrics[0]
        charts += curves.chart(headline.heading, [line], until, text.EPOCH, _writer(headline), high=1.0)
    title = f"<h4>{escape(name)} <small>{escape(shown(kind).about if kind else text.ANCHOR_KIND)}</small></h4>"
    return f'<section class="task">{title}{charts}</section>'


def _writer(metric: Metric) -> Callable[[float], str]:
    return text.percent if metric.show == "percent" else text.correlation


def table(story: Story) -> str:
    """Every epoch's losses and scores, and what the run remarked on its data."""
    rows = []
    for epoch in story.past:
        for name in epoch.train:
            headline = KINDS[story.kinds[name]].metrics[0] if name in story.kinds else None
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
    remarks = "".join(f'<li dir="auto">{escape(note)}</li>' for note in story.notes)
    return listing + (f'<ul class="remarks">{remarks}</ul>' if remarks else "")
