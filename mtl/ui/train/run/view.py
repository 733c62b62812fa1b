"""A run as HTML: what it will take, where it is, its curves, the same as a table. Pure functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from mtl.config import KINDS
from mtl.groups import Groups
from mtl.kinds.kind import Metric
from mtl.training.estimate import Estimate
from mtl.training.held_out import sentence
from mtl.training.progress import Progress
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.names import moving_parts
from mtl.ui.train.run import words as text
from mtl.ui.train.settings.words import count
from mtl.ui.widgets import curves, markup
from mtl.ui.widgets.curves import Line

if TYPE_CHECKING:
    from mtl.ui.train.state import Source

TRAIN, HELD_OUT, SCORE = "var(--curve-train)", "var(--curve-held-out)", "var(--curve-score)"


# --- before it starts ---


def outlook(expected: Estimate) -> Markup:
    """What a run will take, as a line of figures."""
    return templates.render("outlook.html", expected=expected, count=count, megabytes=text.megabytes)


def plan(source: Source, expected: Estimate, before: int, wait: float | None) -> Markup:
    """The same on a line, for the bar, and how many runs would come before it, for how many seconds."""
    matches = [match for match in source.matched.columns.values() if match.spec and match.spec.name in source.learns]
    new = sum(match.has_head and not match.reuses_head for match in matches)
    parts = moving_parts(expected.learns)
    said = text.plan(len(source.learns), new, parts, expected.rows, expected.seconds, expected.memory_mb)
    return markup.note(" · ".join(filter(None, (said, text.before_it(before, wait)))), "plan")


# --- where it is ---


def progress(now: Progress) -> Markup:
    """What the run does now, in a headline and a sentence, with a bar of its steps."""
    head, facts, kind = _state(now)
    brief = f"{100 * now.share:.0f} %" if now.run.state == "running" else text.STATES[now.run.state]
    return templates.render("progress.html", now=now, head=head, facts=facts, kind=kind, brief=brief)


def _state(now: Progress) -> tuple[str, str, str]:
    """(headline, facts, "busy", "ok" or "bad")"""
    state = now.run.state
    if state == "queued" and now.stopping:
        return "Stopping", text.stopping(now.whole_epochs, now.at_once), "busy"
    if state == "queued":
        if now.message:
            return "Waiting for its turn", now.message, "busy"
        place = text.place(now.place, now.wait)
        if now.begun:
            said = [text.gave_way(now.whole_epochs, now.epochs), place]
        else:
            said = [place, text.SHORT_FIRST] if now.place and now.place > 1 else [place]
        return "Waiting for its turn", " ".join(said), "busy"
    if state == "running":
        if now.stopping:
            facts = text.stopping(now.whole_epochs, now.at_once) if now.step else text.STOPPING_BEFORE
            return "Stopping", facts, "busy"
        if not now.begun:
            facts = "Reads the data, loads the model, and computes once what frozen layers give, if any are."
            return "Getting ready", facts, "busy"
        if now.step >= now.steps:
            return "Nearly done", text.measuring(now.eta), "busy"
        head = "Scoring the held-out rows" if now.scoring and now.held_out else "Training"
        return head, text.progress(now.step, now.steps, now.epoch, now.epochs, now.eta), "busy"
    if state == "done":
        new_first = sorted(now.verdicts.items(), key=lambda item: item[1].before is not None)
        learnt = (sentence(task, now.kinds[task], verdict, with_test=False) for task, verdict in new_first)
        facts = text.done(now.step, now.epoch, now.epochs, now.seconds)
        return "Done", " ".join([*itertools.islice(learnt, 1), facts]), "ok"
    if state == "stopped":
        best = now.kept.number if now.kept and now.config and now.config.keep_best and now.scored else None
        return "Stopped", _resumable(now, _stopped(now, best)), "ok"
    head = "The training process ended unexpectedly" if state == "killed" else "The run could not go on"
    return head, _resumable(now, now.message), "bad"


def _stopped(now: Progress, best: int | None) -> str:
    """`best`: the epoch whose weights are kept because they scored best."""
    if not now.step:
        return text.NOT_BEGUN
    if not now.checkpoint:
        return text.nothing_kept(now.step, now.steps)
    back = now.kept is not None and now.kept.step < now.step
    said = text.stopped(now.step, now.steps, now.whole_epochs, best, back)
    return " ".join(filter(None, (said, text.unmeasured(now.unmeasured))))


def _resumable(now: Progress, facts: str) -> str:
    # A run that has not learnt anything has no epochs yet, even if it says how many are planned.
    return f"{facts} {text.resume(now.whole_epochs, now.epochs if now.step else 0)}"


# --- what moved ---


def what_moved(now: Progress) -> tuple[Groups, Mapping[str, float], int]:
    """The groups of the model, how far each has moved so far, and the epoch: what `stack` draws."""
    return now.groups, now.moved, max(now.epoch, 1)


# --- curves ---


def plots(now: Progress, logarithmic: bool = False) -> Markup:
    """For each task its losses and, below, its score on the held-out rows; the same for the anchor, without scores."""
    if not now.steps:
        return markup.note("The first points appear with the first steps.")
    names = [*now.kinds, *(name for name in now.losses if name not in now.kinds)]
    until = _horizon(now)
    cards = [_card(now, name, until, logarithmic) for name in names]
    return templates.render("plots.html", cards=cards, unscored=now.past and not now.scored and not now.held_out)


def _horizon(now: Progress) -> float:
    """How many epochs the curves have room for: a long run's grows with it, so that its beginning can be read."""
    return min(now.epochs, max(10.0, 5.0 * math.ceil(1.2 * now.in_epochs(now.step) / 5)))


def _card(now: Progress, name: str, until: float, logarithmic: bool) -> tuple[str, str, Markup]:
    """A task's name, what its head gives, and its curves."""
    kind = now.kinds.get(name)
    steps, held_out = now.points("train", name), now.points("held_out", name)
    lines = [
        Line("each step", steps, TRAIN, faint=True),
        Line("training", curves.smoothed(steps), TRAIN),
        *([Line("held out", held_out, HELD_OUT, dashed=True, dots=True)] if kind else []),
    ]
    low = None if logarithmic else 0.0
    charts = curves.chart("Loss", lines, until, "epoch", low=low, logarithmic=logarithmic)
    if kind:
        # Where the model stood before it learnt is measured last, and drawn first.
        before = now.scores_before
        first = [(0.0, before[name])] if name in before else []
        line = Line("held out", first + now.points("scores", name), SCORE, dots=True)
        headline = KINDS[kind].headline
        charts += curves.chart(headline.heading, [line], until, "epoch", _writer(headline), high=1.0)
    return name, shown(kind).about if kind else "drift of embeddings", charts


def _writer(metric: Metric) -> Callable[[float], str]:
    # Shorter than in tables, as it stands on an axis.
    return lambda value: metric.write(value).replace(".0 %", " %")


def table(now: Progress) -> Markup:
    """Every epoch's losses and scores, which epoch is kept, and what the run remarked on its data."""
    rows = []
    for epoch in now.past:
        for name in epoch.train:
            headline = KINDS[now.kinds[name]].headline if name in now.kinds else None
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
    headers = ("epoch", "task", "loss, training rows", "loss, held-out rows", "score", "held-out score")
    listing = markup.note("The first rows appear after the first epoch.")
    if rows:
        listing = markup.table(text.AS_TABLE, headers, rows)
    return listing + higher_elsewhere(now) + (markup.items(now.notes, "remarks") if now.notes else "")


def higher_elsewhere(now: Progress) -> Markup:
    """A note where tasks scored higher after another epoch than after the one that is kept."""
    kept, kinds = now.kept, now.kinds
    write = {task: _writer(KINDS[kind].headline) for task, kind in kinds.items()}
    higher = [
        (task, epoch.number, write[task](epoch.scores[task]), write[task](kept.scores[task]))
        for task, epoch in now.better_elsewhere.items()
    ]
    return markup.note(text.higher_elsewhere(kept.number, now.config.keep_best, higher) if higher else "")
