"""The rows that several runs held out, side by side: what each run's model answers, and where they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.sheets import csv_bytes
from mtl.text.values import plural
from mtl.training import held_out
from mtl.training.held_out import Shared
from mtl.training.progress import Progress
from mtl.training.significance import compare
from mtl.ui import templates
from mtl.ui.compare import words
from mtl.ui.names import run_name
from mtl.ui.train.result import errors
from mtl.ui.widgets import markup

# So many rows are shown.
MOST = 50


def page(runs: Sequence[Progress], task: str | None, which: str) -> Markup:
    """The rows for a task that all of these runs, which have ended, held out. `which`: see `words.WHICH_ROWS`."""
    runs = [progress for progress in runs if task in progress.kinds]
    if len(runs) < 2:
        return markup.note(words.TWO_ENDED)
    answers = [_answers(progress, task) for progress in runs]
    rows = held_out.shared(answers, task)
    names = [run_name(progress.number) for progress in runs]
    counts = [f"{name}: {len(own):,}" for name, own in zip(names, answers, strict=True)]
    common = f"Rows for {task} that all of these runs held out: {len(rows):,} (in all, {', '.join(counts)})."
    if not rows:
        return markup.note(f"{common} Answers to different rows cannot be set beside each other.")
    kind = KINDS[runs[0].kinds[task]]
    found = [row for row in rows if row.is_disputed] if which == words.DISPUTED else rows
    values = [value for row in rows for value in (row.truth, *(side.value for side in row.sides))]
    labels = errors.labels_of(kind.name, values)

    def drawn(row: Shared) -> dict[str, Any]:
        sides = [errors.side(side, kind.name, row.texts[0], labels) for side in row.sides]
        truth = errors.cell(row.truth, kind.name, row.texts[0], labels)
        return {"texts": errors.cut_texts(row.texts), "truth": truth, "sides": list(zip(names, sides, strict=True))}

    return templates.render(
        "shared_rows.html",
        common=common,
        said=_said(rows, names, kind.right_or_wrong),
        count=len(found),
        disputed=which == words.DISPUTED,
        rows=[drawn(row) for row in found[:MOST]],
        sized=not kind.right_or_wrong,
    )


def _answers(progress: Progress, task: str) -> list[held_out.Answer]:
    return [answer for answer in held_out.read(errors.path(progress)) if answer.task == task]


def _said(rows: Sequence[Shared], names: Sequence[str], right_or_wrong: bool) -> str:
    """How many of these rows each run has right; of two runs also whether the difference may be chance."""
    sides = [[side.error for side in own] for own in zip(*(row.sides for row in rows), strict=True)]

    def figure(errors: Sequence[float]) -> str:
        if right_or_wrong:
            return f"is right on {sum(error == 0 for error in errors):,}"
        return f"is off by {fmean(errors):.2f} on average"

    figures = [f"{name} {figure(own)}" for name, own in zip(names, sides, strict=True)]
    text = f"Of these {plural(len(rows), 'row')}, {'; '.join(figures)}."
    if len(sides) != 2 or sides[0] == sides[1]:
        return text
    return f"{text} {compare(*sides, right_or_wrong).said}"


def csv(runs: Sequence[Progress], task: str | None) -> bytes:
    """Every row for a task that all of these runs held out, and what each run's model answers."""
    runs = [progress for progress in runs if task in progress.kinds]
    rows = held_out.shared([_answers(progress, task) for progress in runs], task) if runs else []
    names = [run_name(progress.number) for progress in runs]
    headers = ("task", "text", "text_b", "truth", *(f"{name}{what}" for name in names for what in ("", " wrong")))
    cells = [
        (
            task,
            *(*row.texts, "")[:2],
            errors.csv_cell(row.truth),
            *(cell for side in row.sides for cell in (errors.csv_cell(side.value), errors.csv_error(side))),
        )
        for row in rows
    ]
    return csv_bytes(headers, cells)
