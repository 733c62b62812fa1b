"""A table of new rows and the answers to it, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mtl.data.findings import ABOUT_TRAINING
from mtl.data.rows import place
from mtl.predictions import cautions
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.data import view as data
from mtl.ui.train.predict import words
from mtl.ui.train.settings import words as settings
from mtl.ui.train.settings.sharing import predict_command
from mtl.ui.train.state import Answers, Source
from mtl.ui.widgets import markup

# More rows are not answered on the page.
MOST_ROWS = 100_000
# So many are shown with their answers.
ROWS_SHOWN = 20
_PARTS, _TAKE_AWAY = templates.macros("parts.html"), templates.macros("take_away.html")


def problem(source: Source) -> str:
    """Why the table cannot be answered; "" if it can."""
    if source.table.text_column is None:
        return words.NO_TEXT
    if any(question.names_of is None for question in source.table.questions):
        return words.ASKED
    if not source.rows:
        return words.NOTHING
    return words.too_many(source.rows, MOST_ROWS) if source.rows > MOST_ROWS else ""


def reading(source: Source | None, revision: int) -> Markup:
    """What the table is understood as, what is to be asked, and its columns and the doctor's report to be unfolded."""
    if source is None:
        return Markup()
    why, table = problem(source), source.table
    blank = table.without_text
    line = words.understood(source.name, source.rows, blank, table.text_columns[:2], why)
    how = data.doctor(source, ABOUT_TRAINING) + data.columns(source, revision, teaching=False)
    return (
        markup.status(line, kind="bad" if why else "ok")
        + data.questions(source)
        + markup.details(
            words.how(sum(finding.count for finding in table.errors) - blank), how, open=bool(why), key="how"
        )
    )


def progress(answered: int, total: int, seconds: float) -> Markup:
    left = seconds / answered * (total - answered) if answered else None
    return markup.status(words.progress(answered, total, left), kind="busy", share=answered / total)


def result(answers: Answers | None, now: str) -> Markup:
    """What came of it: a line, how far it agrees with labels, and the first rows. `now`: the model that is in use, ""
    for the one that has answered."""
    if answers is None:
        return Markup()
    line = words.answered(answers.count, answers.total, answers.by, answers.seconds, answers.blank, answers.unfamiliar)
    stopped = [words.STOPPED_AFTER] if answers.count < answers.total else []
    agreement = [words.agreement(answers.agreement)] if answers.agreement else []
    earlier = markup.note(words.by_another(answers.by, now), "refusal") if now else Markup()
    said = [*stopped, *agreement, *cautions(answers.tasks, answers.heads)]
    return earlier + markup.status(line, said) + _differences(answers) + markup.note(words.FILES) + _first_rows(answers)


def _differences(answers: Answers) -> Markup:
    """Rows to look at: either the model is wrong there, or the table."""
    if not answers.differences:
        return Markup()
    numbered = place(answers.differences[0].line).split()[0]
    rows = [
        (
            getattr(found.line, "item", found.line),
            _PARTS.clipped(found.text, False),
            found.label,
            found.answer,
            found.task,
        )
        for found in answers.differences
    ]
    listing = markup.table(words.DIFFERENCES, [numbered, "text", "in the table", "answered", "task"], rows)
    shown, total = len(answers.differences), answers.wrong
    more = markup.note(words.first_differences(shown, total)) if shown < total else Markup()
    return markup.details(words.differences(total), listing + more, key="differences")


def _first_rows(answers: Answers) -> Markup:
    first = answers.first
    texts = ["text", "text b"] if any(answer.text_b for answer in first) else ["text"]
    tasks = {name: spec for name, spec in answers.tasks.items() if any(name in answer.results for answer in first)}
    cells = {name: shown(spec.kind).cell for name, spec in tasks.items()}
    rows = []
    for line, answer in zip(answers.lines, first, strict=True):
        others = [answer.text_b or ""] if len(texts) > 1 else []
        said = [cells[name](answer.results[name]) if name in answer.results else "–" for name in cells]
        rows.append((getattr(line, "item", line), _PARTS.clipped(answer.text, answer.unfamiliar), *others, *said))
    numbered = place(answers.lines[0]).split()[0]
    listing = markup.table(words.FIRST, [numbered, *texts, *tasks], rows)
    more = f"The first {len(first)} of {answers.count:,} rows are shown; the downloads have all."
    return listing + markup.note(more if len(first) < answers.count else "")


def command(source: Source | None, model: str | None, heads: Sequence[str] | None = None) -> Markup:
    """The command that does the same, with these `heads` alone. `model`: as in
    `mtl.ui.train.settings.sharing.command`."""
    if source is None:
        return Markup()
    pieces = predict_command(model, source.reading, heads)
    known: dict[str, Any] = {"path": source.name, "model": settings.ANY_MODEL}
    fields = [(name, settings.FILLED[name], known[name]) for name in pieces[1::2]]
    lines = _TAKE_AWAY.command(pieces, fields, words.COMMAND_INFO, "rows-")
    return markup.details(words.COMMAND, lines, key="command")


def file_name(source: Source, ending: str) -> str:
    """What a download of the answers is called."""
    return f"{Path(source.path.name.removesuffix('.gz')).stem}-answers{ending}"
