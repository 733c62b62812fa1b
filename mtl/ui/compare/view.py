"""Runs side by side as HTML and CSV: the table, the curves, the stacks. Pure functions."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping, Sequence
from itertools import chain, starmap
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mtl.config import KINDS, TrainConfig, settings
from mtl.sheets import csv_bytes
from mtl.training.progress import Progress
from mtl.ui import templates
from mtl.ui.compare import words
from mtl.ui.names import own_name, run_name
from mtl.ui.train.result import words as result
from mtl.ui.train.run import view as run_views
from mtl.ui.train.settings import words as controls
from mtl.ui.widgets import curves, markup, stack
from mtl.ui.widgets.curves import Line

# So many lines can be told apart in one picture: half of the colours once as a line, once dashed.
MOST_LINES = 8
COLOURS = 8
_RATES = ("lr", "head_lr", "rates")
# Settings that say how a run is computed, not what it learns.
_NOT_TOLD = ("cache_mb", "precision")

Names = Mapping[str, str]


def colour(progress: Progress) -> str:
    """A run keeps its colour wherever it is shown."""
    return f"var(--run-{(progress.number - 1) % COLOURS + 1})"


def dashed(progress: Progress) -> bool:
    """The second cue, for those who see no colours: neighbours differ in it."""
    return bool((progress.number - 1) % 2)


def kinds(runs: Sequence[Progress]) -> dict[str, str]:
    """Every task that one of the runs trains: its kind."""
    return {task: kind for progress in runs for task, kind in progress.kinds.items()}


def row_sets(runs: Sequence[Progress], task: str) -> dict[str, str]:
    """Run -> which held-out rows its scores of a task are on, in words; none where all runs that have begun share
    theirs."""
    begun = [progress for progress in runs if task in progress.kinds]
    # Of a run of an earlier version it is known only where all of its data is that of another.
    by_data = {progress.data: progress.scored_on[task] for progress in begun if task in progress.scored_on}
    rows_of = {p.run.id: p.scored_on.get(task) or by_data.get(p.data, p.data) for p in begun}
    sets = list(dict.fromkeys(rows_of.values()))
    return {run: words.row_set(sets.index(rows)) for run, rows in rows_of.items()} if len(sets) > 1 else {}


# --- what differs ---


def differences(runs: Sequence[Progress]) -> dict[str, list[str]]:
    """Run -> the settings in which not all of them are alike, in words."""
    known = [progress for progress in runs if progress.config is not None]
    told = {progress.run.id: _told(progress) for progress in known}
    fields = dict.fromkeys(name for values in told.values() for name in values)
    differing = [name for name in fields if len({values.get(name) for values in told.values()}) > 1]
    return {
        run: [f"{name} {values[name]}" for name in differing if values[name] not in ("", words.NONE)]
        or ["default settings"] * bool(differing)
        for run, values in told.items()
    }


def _told(progress: Progress) -> dict[str, str]:
    """Every setting of a run by what the page calls it, as the page writes it."""
    start = progress.start_from or "default"
    told = {"file": progress.file, "from": own_name(None) if start == "default" else _short(start)}
    for name, about in settings(TrainConfig).items():
        if name not in _NOT_TOLD:
            said = _setting(name, getattr(progress.config, name))
            later = " at first" if name == "freeze" and progress.config.unfreeze else ""
            told[about.title[0].lower() + about.title[1:]] = said + later
    return told


def _setting(name: str, value: Any) -> str:
    write = controls.rate if name in _RATES else "{:g}".format
    if name == "freeze":
        said = "all" if value < 0 else f"{value}" if value else ""
    elif isinstance(value, Mapping):
        said = ", ".join(f"{key} {write(number)}" for key, number in value.items())
    elif isinstance(value, tuple):
        said = ", ".join(map(_joined, value))
    elif isinstance(value, bool):
        said = "yes" if value else "no"
    else:
        said = value if isinstance(value, str) else write(value)
    return said or words.NONE


def _joined(value: Any) -> str:
    """A value of a list; a pair as "2:4"."""
    return ":".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _short(start: str) -> str:
    """What to call the model that a run began with: a run's checkpoint goes by the run's folder."""
    path = Path(start)
    return path.parent.name if path.name == "checkpoint" else path.name


# --- the table ---


def table(runs: Sequence[Progress], names: Names, shown: str | None) -> Markup:
    """A row for each run. `names`: run -> what its settings are called; `shown`: the run that the Train tab shows."""
    return templates.render(
        "runs.html",
        words=words,
        difference=result.difference,
        run_name=run_name,
        colour=colour,
        dashed=dashed,
        runs=runs,
        tasks={task: KINDS[kind].headline for task, kind in kinds(runs).items()},
        row_sets={task: row_sets(runs, task) for task in kinds(runs)},
        slowest=max((progress.seconds for progress in runs), default=0.0),
        forgetful=any(progress.lost for progress in runs),
        differing=differences(runs),
        names=names,
        shown=shown,
    )


# --- the curves ---


def plot(runs: Sequence[Progress], names: Names, task: str, measure: str, sets: Mapping[str, str]) -> Markup:
    """The chosen runs' curves of one task, and the same as a table. `measure`: see `words.MEASURES`. Runs of different
    `sets` of held-out rows (see `row_sets`) are in different pictures."""
    if not runs:
        return markup.note(words.CHOOSE_RUNS)
    if measure == "train":
        sets = {}
    metric = KINDS[kinds(runs)[task]].headline if task in kinds(runs) else None
    show = metric.write if metric and measure == "scores" else "{:.3g}".format
    pictures = Markup()
    for rows in sorted({sets.get(progress.run.id, "") for progress in runs if task in progress.kinds}):
        own = [progress for progress in runs if sets.get(progress.run.id, "") == rows and task in progress.kinds]
        smooth = curves.smoothed if measure == "train" else list
        lines = [
            Line(run_name(progress.number), points, colour(progress), dashed(progress), dots=measure != "train")
            for progress in own
            if (points := smooth(progress.points(measure, task)))
        ]
        if not lines:
            continue
        title = " · ".join(filter(None, (task, words.MEASURES[measure], rows)))
        until = max(_last_epoch(progress) for progress in own)
        # The axis of scores has room for a fifth at least, so that one sentence more does not look like a leap.
        bounds = {"high": 1.0, "room": 0.2} if measure == "scores" else {"low": 0.0}
        pictures += curves.chart(title, lines, until, "epoch", show, **bounds)
    if not pictures:
        return markup.note(words.NO_CURVES)
    apart = markup.note(words.APART if sets else "")
    return apart + pictures + markup.details(words.CURVES_TABLE, _curves_table(runs, names, task, measure, show))


def _last_epoch(progress: Progress) -> int:
    """The epoch that a run will end with, or, where it is over, did end with."""
    return progress.epochs if progress.run.unfinished else math.ceil(progress.in_epochs(progress.step))


def _curves_table(runs: Sequence[Progress], names: Names, task: str, measure: str, show: Any) -> Markup:
    """One row for each run, one column for each epoch."""
    epochs = sorted({epoch.number for progress in runs for epoch in progress.past})
    rows = []
    for progress in runs:
        values = {epoch.number: getattr(epoch, measure).get(task) for epoch in progress.past}
        cells = [Markup("" if values.get(n) is None else show(values[n])) for n in epochs]
        rows.append((words.name(progress.number, names[progress.run.id]), *cells))
    return markup.table(words.CURVES_TABLE, ("Runs", *(f"epoch {n}" for n in epochs)), rows)


# --- the stacks ---


def stacks(runs: Sequence[Progress], names: Names) -> Markup:
    """The small picture of each run that has begun, side by side, and tables of the same."""
    drawn = []
    for progress in runs:
        if progress.sizes:
            moved = run_views.what_moved(progress)
            name = words.name(progress.number, names[progress.run.id])
            drawn.append((progress, name, stack.svg(*moved, small=True), stack.table(*moved)))
    return templates.render("stacks.html", drawn=drawn, colour=colour, dashed=dashed)


# --- to take away ---


def csv(runs: Sequence[Progress], names: Names) -> bytes:
    """Everything about every run, one line each."""
    rows = [_facts(progress, names[progress.run.id]) for progress in runs]
    headers = [name for facts in zip(*rows, strict=True) for name in dict.fromkeys(chain(*facts))]
    return csv_bytes(headers, [[facts.get(name, "") for name in headers] for facts in starmap(ChainMap, rows)])


def _facts(progress: Progress, name: str) -> list[dict[str, Any]]:
    """What there is to say of a run, header -> cell, in groups that stand together in the table of all runs."""
    config, best = progress.config.to_json(defaults=True) if progress.config else {}, progress.best_of_task
    return [
        {
            "run": progress.number,
            "name": name,
            "file": progress.file,
            "start_from": _short(progress.start_from or "default"),
            "state": progress.run.state,
            "seconds": progress.seconds,
            "epochs_done": len(progress.past),
            "epoch_kept": progress.kept.number if progress.kept else "",
        },
        {
            f"{task} {KINDS[kind].headline.name}": _number(progress.scores.get(task))
            for task, kind in progress.kinds.items()
        },
        {f"best epoch of {task}": best[task].number if task in best else "" for task in progress.kinds},
        {"embeddings cosine": _number(progress.cosine)},
        {f"change of {task} {metric}": _number(change) for task, (metric, change) in progress.lost.items()},
        {name: _cell(config.get(name)) for name in settings(TrainConfig)},
        {f"moved {group}": _number(progress.moved.get(group)) for group in progress.sizes},
    ]


def _number(value: float | None) -> float | str:
    return "" if value is None else float(f"{value:.6g}")


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_joined, value))
    return "" if value is None else value
