"""Runs side by side as HTML and CSV: the table, the curves, the stacks. Pure functions; what is shown is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mtl.config import KINDS, TrainConfig, settings
from mtl.sheets import csv_bytes
from mtl.training.progress import Progress
from mtl.ui.compare import words
from mtl.ui.train.result import words as result
from mtl.ui.train.run import view as run_views
from mtl.ui.train.run import words as live
from mtl.ui.train.settings import words as controls
from mtl.ui.widgets import curves, markup, stack
from mtl.ui.widgets.curves import Line
from mtl.ui.widgets.markup import Markup

# So many lines can be told apart in one picture: half of the colours once as a line, once dashed.
MOST_LINES = 8
COLOURS = 8
_RATES = ("lr", "head_lr")
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


# --- what differs ---


def differences(runs: Sequence[Progress]) -> dict[str, list[str]]:
    """Run -> the settings in which not all of them are alike, in words."""
    known = [progress for progress in runs if progress.config is not None]
    told = {progress.run.id: _told(progress) for progress in known}
    fields = dict.fromkeys(name for values in told.values() for name in values)
    differing = [name for name in fields if len({values.get(name) for values in told.values()}) > 1]
    return {
        run: [f"{name} {values[name]}" for name in differing if values[name] not in ("", words.NONE)]
        or [words.NONE_OF_THESE] * bool(differing)
        for run, values in told.items()
    }


def _told(progress: Progress) -> dict[str, str]:
    """Every setting of a run by what the page calls it, as the page writes it."""
    start = progress.start_from or "default"
    told = {words.FILE: progress.file, words.START_FROM: words.DEFAULT_START if start == "default" else _short(start)}
    for name, about in settings(TrainConfig).items():
        if name not in _NOT_TOLD:
            told[about.title[0].lower() + about.title[1:]] = _setting(name, getattr(progress.config, name))
    return told


def _setting(name: str, value: Any) -> str:
    if name == "freeze":
        return words.ALL if value < 0 else f"{value}" if value else words.NONE
    if name in _RATES:
        return controls.rate(value)
    if name == "rates":
        return ", ".join(f"{group} {controls.rate(rate)}" for group, rate in value.items()) or words.NONE
    if name == "task_weights":
        return ", ".join(f"{task} {weight:g}" for task, weight in value.items()) or words.NONE
    if name == "unfreeze":
        return ", ".join(f"{epoch}:{lowest}" for epoch, lowest in value) or words.NONE
    if isinstance(value, tuple):
        return ", ".join(value) or words.NONE
    if isinstance(value, bool):
        return words.YES if value else words.NO
    return value if isinstance(value, str) else f"{value:g}"


def _short(start: str) -> str:
    """What to call the model that a run began with: a run's checkpoint goes by the run's folder."""
    path = Path(start)
    return path.parent.name if path.name == "checkpoint" else path.name


# --- the table ---


def table(runs: Sequence[Progress], names: Names, shown: str | None) -> str:
    """A row for each run. `names`: run -> what its settings are called; `shown`: the run that the Train tab shows."""
    tasks = kinds(runs)
    differing = differences(runs)
    slowest = max((progress.seconds for progress in runs), default=0.0)
    forgetful = any(progress.lost for progress in runs)
    heads = [_head(words.RUN, ""), _head(words.STATE, "")]
    heads += [_head(task, words.score_title(KINDS[kind].metrics[0])) for task, kind in tasks.items()]
    heads += [_head(words.SECONDS, ""), *([_head(words.FORGOT, words.FORGOT_TITLE)] if forgetful else [])]
    heads += [_head(words.COSINE, words.COSINE_TITLE), _head(words.DIFFERS, "")]
    heads.append(f'<th scope="col"><span class="sr">{words.SHOW}</span></th>')
    rows = []
    for progress in runs:
        run = progress.run.id
        cells = [
            f'<th scope="row">{_swatch(progress)}<b>{escape(live.run_name(progress.number))}</b>'
            f"<span>{escape(names[run])}</span></th>",
            f"<td>{_state(progress)}</td>",
            *(_score(progress, task, KINDS[kind].headline) for task, kind in tasks.items()),
            _bar(progress.seconds / slowest if slowest else 0, _seconds(progress), "cost"),
            *([f"<td>{_lost(progress)}</td>"] if forgetful else []),
            _bar(progress.cosine or 0.0, "" if progress.cosine is None else f"{progress.cosine:.3f}", "kept"),
            f'<td class="differs" dir="auto">{_items(differing.get(run, ()))}</td>',
            f'<td><button type="button" class="show-run" data-run="{escape(run)}" '
            f'aria-pressed="{"true" if run == shown else "false"}">{escape(words.SHOW)}</button></td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    sheet = (
        f'<table class="sheet runs-sheet"><caption class="sr">{escape(words.TABLE)}</caption>'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return markup.scroll(words.TABLE, sheet, "tall") + markup.note(words.SCORES_NOTE)


def _head(name: str, title: str) -> str:
    about = f' title="{escape(title)}"' if title else ""
    return f'<th scope="col"{about}><span dir="auto">{escape(name)}</span></th>'


def _swatch(progress: Progress) -> str:
    kind = "swatch dashed" if dashed(progress) else "swatch"
    return f'<i class="{kind}" style="--c:{colour(progress)}"></i>'


def _items(values: Sequence[str]) -> str:
    return "".join(f"<span>{escape(value)}</span>" for value in values)


def _state(progress: Progress) -> str:
    shown = words.state(progress.run.state, progress.share, progress.place, progress.message, progress.stopping)
    if progress.run.state != "running":
        return escape(shown)
    return f'{escape(shown)}<div class="progress"><span style="width:{progress.share:.0%}"></span></div>'


def _score(progress: Progress, task: str, metric: str) -> str:
    """The score of the weights that are kept, and the task's best where another epoch had it."""
    value, best = progress.scores.get(task), progress.better_elsewhere.get(task)
    note = words.best_elsewhere(result.score(metric, best.scores[task]), best.number) if best else ""
    return _bar(value or 0.0, "" if value is None else result.score(metric, value), "score", note)


def _bar(share: float, shown: str, kind: str, note: str = "") -> str:
    """A number with a bar below it, `share` of the cell long; both empty where there is no number yet."""
    if not shown:
        return "<td></td>"
    width = 100 * min(1.0, max(0.0, share))
    bar = f'<i class="databar {kind}"><b style="width:{width:.1f}%"></b></i>'
    return f'<td class="num">{escape(shown)}{bar}{f"<small>{escape(note)}</small>" if note else ""}</td>'


def _seconds(progress: Progress) -> str:
    return live.duration(progress.seconds) if progress.seconds else ""


def _lost(progress: Progress) -> str:
    if progress.run.unfinished or not progress.forgetting:
        return ""
    lost = [words.forgot(task, metric, change) for task, (metric, change) in progress.lost.items()]
    return _items(lost) or words.NOTHING_UNTRAINED


# --- the curves ---


def plot(runs: Sequence[Progress], names: Names, task: str, measure: str) -> str:
    """The chosen runs' curves of one task in one picture, and the same as a table. `measure`: see `words.MEASURES`."""
    if not runs:
        return markup.note(words.CHOOSE_RUNS)
    kind = kinds(runs).get(task)
    metric = KINDS[kind].headline if kind else ""
    smooth = curves.smoothed if measure == "train" else list
    lines = [
        Line(
            live.run_name(progress.number),
            points,
            colour(progress),
            dashed=dashed(progress),
            dots=measure != "train",
        )
        for progress in runs
        if (points := smooth(progress.points(measure, task)))
    ]
    if not lines:
        return markup.note(words.NO_CURVES)
    title = f"{task} · {words.MEASURES[measure]}"
    until = max(_last_epoch(progress) for progress in runs)
    show = (lambda value: result.score(metric, value)) if measure == "scores" else "{:.3g}".format
    values = [y for line in lines for _, y in line.points]
    # The axis of scores has room for a fifth at least, so that one sentence more does not look like a leap.
    bounds = {"low": min(*values, max(values) - 0.2), "high": 1.0} if measure == "scores" else {"low": 0.0}
    picture = curves.chart(title, lines, until, words.EPOCH, show, **bounds)
    return f"{picture}{markup.details(words.CURVES_TABLE, _curves_table(runs, names, task, measure, show))}"


def _last_epoch(progress: Progress) -> int:
    """The epoch that a run will end with, or, where it is over, did end with."""
    return progress.epochs if progress.run.unfinished else math.ceil(progress.in_epochs(progress.step))


def _curves_table(runs: Sequence[Progress], names: Names, task: str, measure: str, show: Any) -> str:
    """One row for each run, one column for each epoch."""
    epochs = sorted({epoch.number for progress in runs for epoch in progress.past})
    rows = []
    for progress in runs:
        values = {epoch.number: getattr(epoch, measure).get(task) for epoch in progress.past}
        cells = [Markup("" if values.get(n) is None else escape(show(values[n]))) for n in epochs]
        rows.append((words.name(progress.number, names[progress.run.id]), *cells))
    return markup.table(words.CURVES_TABLE, (words.RUNS, *(f"{words.EPOCH} {n}" for n in epochs)), rows)


# --- the stacks ---


def stacks(runs: Sequence[Progress], names: Names) -> str:
    """The small picture of each run that has begun, side by side, and tables of the same."""
    drawn, tables = [], []
    for progress in runs:
        if not progress.sizes:
            continue
        moved = run_views.what_moved(progress)
        name = words.name(progress.number, names[progress.run.id])
        picture = stack.svg(*moved, small=True)
        drawn.append(f"<figure><figcaption>{_swatch(progress)}{escape(name)}</figcaption>{picture}</figure>")
        tables.append(markup.label(name) + stack.table(*moved))
    if not drawn:
        return ""
    return (
        f"{markup.heading(words.STACKS)}{markup.note(words.STACKS_NOTE)}"
        f'<div class="stacks">{"".join(drawn)}</div>{markup.details(words.STACKS_TABLE, "".join(tables))}'
    )


# --- to take away ---


def csv(runs: Sequence[Progress], names: Names) -> bytes:
    """Everything about every run, one line each."""
    tasks = kinds(runs)
    losers = {task: metric for progress in runs for task, (metric, _) in progress.lost.items()}
    groups = list(dict.fromkeys(name for progress in runs for name in progress.sizes))
    fields = list(settings(TrainConfig))
    headers = [
        *("run", "name", "file", "start_from", "state", "seconds", "epochs_done", "epoch_kept"),
        *(f"{task} {KINDS[kind].headline}" for task, kind in tasks.items()),
        *(f"best epoch of {task}" for task in tasks),
        "embeddings cosine",
        *(f"change of {task} {metric}" for task, metric in losers.items()),
        *fields,
        *(f"moved {group}" for group in groups),
    ]
    rows = []
    for progress in runs:
        lost, best = progress.lost, progress.best_of_task
        config = progress.config.to_json(defaults=True) if progress.config else {}
        rows.append(
            [
                progress.number,
                names[progress.run.id],
                progress.file,
                _short(progress.start_from or "default"),
                progress.run.state,
                progress.seconds,
                len(progress.past),
                progress.kept.number if progress.kept else "",
                *(_number(progress.scores.get(task)) for task in tasks),
                *(best[task].number if task in best else "" for task in tasks),
                _number(progress.cosine),
                *(_number(lost[task][1]) if task in lost else "" for task in losers),
                *(_cell(config.get(name)) for name in fields),
                *(_number(progress.moved.get(group)) for group in groups),
            ]
        )
    return csv_bytes(headers, rows)


def _number(value: float | None) -> float | str:
    return "" if value is None else float(f"{value:.6g}")


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(":".join(map(str, each)) if isinstance(each, list) else str(each) for each in value)
    return "" if value is None else value
