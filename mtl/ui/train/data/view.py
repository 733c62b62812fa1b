"""What a file holds, and what is wrong with it, as HTML."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.data.rows import place
from mtl.data.splits import SPLIT
from mtl.kinds.tagging import Tagging
from mtl.text.values import plural
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.data import words
from mtl.ui.train.link import Link
from mtl.ui.train.state import Source
from mtl.ui.widgets import markup
from mtl.ui.widgets.colours import shorten

if TYPE_CHECKING:
    from mtl.data.labels import LabelMatch
    from mtl.data.rows import Column, Row

# Of what may be many, so much is shown.
COLUMNS_SHOWN, LABELS_SHOWN, CHIPS_SHOWN = 40, 60, 8
FINDINGS_SHOWN, ROWS_SHOWN, TASKS_SHOWN = 60, 12, 8
_NAME = 60
# What a column of texts is used for.
_TEXTS = {"text": "the text", "text_b": "the second of two texts to compare", "negative": "a text unlike the first"}
# How a choice among a label's meanings is told apart from a label of the model.
OUT, NEW, KNOWN = "out", "new", "known:"
# What is sent when it is chosen, what it is called, whether it is chosen now.
Option = tuple[str, str, bool]


# --- in sentences ---


def summary(source: Source) -> Markup:
    """The file in sentences: its rows, its text, what each column teaches, and whether Start may be pressed."""
    state, kind = "Ready to train.", "ok"
    if not source.ready:
        missing = words.TEXTS_ALONE if len(source.table.columns) == 1 else words.NOTHING_TO_LEARN
        missing = words.NO_TEXT if source.table.text_column is None else missing
        state, kind = (words.ASKED if source.table.questions else missing), "bad"
    elif refusal := source.row_counts.refusal:
        state, kind = refusal, "bad"
    matches = [match for match in source.matched.columns.values() if match.spec]
    known = words.KNOWN if source.ready and all(match.reuses_head for match in matches) else ""
    return templates.render("summary.html", source=source, state=state, kind=kind, known=known)


def linked(link: Link | None) -> Markup:
    """Which file a link waits for."""
    return (
        Markup()
        if link is None
        else markup.status(*words.awaited(shorten(link.name, _NAME), link.columns, link.validation))
    )


def tested_on(source: Source, awaited: str = "") -> Markup:
    """Which rows of a file of their own are tested on, and what is wrong with it; or which file a link waits for."""
    if source.testing is None or source.validation is None:
        return markup.status(*words.awaited_to_test_on(shorten(awaited, _NAME))) if awaited else Markup()
    trained, held_out = source.row_counts.given
    name, data = (shorten(name, _NAME) for name in (source.validation.name, source.name))
    kind = "bad" if source.row_counts.refusal else "ok"
    return markup.status(words.tested_on(name, held_out, trained, data), source.testing.notes, kind)


def questions(source: Source) -> Markup:
    """What the cells leave open, with the first rows under each reading, to be chosen from."""
    return templates.render("questions.html", questions=source.table.questions, about=words.NAMES)


# --- columns, with choices ---


def columns(source: Source, revision: int = 0, teaching: bool = True) -> Markup:
    """What each column is used for and why, with a choice, and what its labels mean to the model, with choices; not
    `teaching`: without what the columns are to teach it.

    Whatever is chosen is sent by the page's script (see `mtl.ui.train.data.step`). `revision` makes two versions
    differ, so that a choice that was refused is taken back on the screen too.
    """
    roles = (*_TEXTS, SPLIT, "task", "ignored")
    order = sorted(source.table.columns, key=lambda column: (roles.index(column.role), not column.offered))
    return templates.render(
        "columns.html",
        width=_NAME,
        most_chips=CHIPS_SHOWN,
        revision=revision,
        listed=[_column(column, source, teaching) for column in order[:COLUMNS_SHOWN]],
        hidden=len(order) - COLUMNS_SHOWN,
    )


def _column(column: Column, source: Source, teaching: bool = True) -> dict[str, Any]:
    """What the page says of a column: see columns.html."""
    taught = source.matched.columns.get(column.name) if teaching else None
    said = {"column": column, "uses": _use_choice(column, source), "taught": taught, "chips": (), "labels": ()}
    said["offered"] = teaching and column.offered and shown(column.offered).use
    if taught is None:
        return said
    said["chips"] = list(column.counts)
    if len(column.counts) > CHIPS_SHOWN:
        said["chips"].sort(key=lambda label: -column.counts[label])
    if match := column.counts and taught.match:
        said["labels"] = [
            (label, _meanings(label, column, match, source)) for label in list(match.mapping)[:LABELS_SHOWN]
        ]
        said["known"] = sum(meaning is not None for meaning in match.mapping.values())
    return said


def _use_choice(column: Column, source: Source) -> list[Option]:
    """What a column may be used for; the only one where there is no choice."""
    now, uses = column.kind or column.role, _uses(len(source.table.text_columns))
    if column.kind and not KINDS[column.kind].labelled:
        uses = {use: uses[use] for use in (now, "ignored")}
    else:
        uses = {use: name for use, name in uses.items() if use not in KINDS or KINDS[use].labelled}
    if "one word per" in source.table.format:
        # The words and tags of such a file are where they are: its entities are used, or not.
        is_tags = now == Tagging.name or column.name in source.reading.get("roles", {})
        uses = {use: uses[use] for use in ((Tagging.name, "ignored") if is_tags else (now,))}
    return [(use, name, use == now) for use, name in uses.items()]


def _uses(texts: int) -> dict[str, str]:
    """What a column may be used for in a table with so many texts in a row: a text, a kind of task, or nothing."""
    among = [*_TEXTS.items()][: max(texts, 1) + 1]
    kinds = {name: shown(name).use for name, kind in KINDS.items() if kind.texts <= max(texts, 1)}
    return {**dict(among), **kinds, SPLIT: "which rows train", "ignored": "ignored"}


def _meanings(found: str, column: Column, match: LabelMatch, source: Source) -> list[Option]:
    """What a label of the file may mean to the model."""
    now = match.mapping[found]
    known = list(match.known)
    if not known:
        # A column about none of the model's tasks can be made to teach one that nothing else does.
        free = (spec for name, spec in source.tasks.items() if name not in source.matched.specs)
        known = list(dict.fromkeys(label for spec in free if spec.kind == column.kind for label in spec.labels))
    options = [(KNOWN + label, label, label == now) for label in known[:LABELS_SHOWN]]
    if found not in known:
        options.append((NEW, "a label of its own", now is None and found not in match.reasons))
    return [*options, (OUT, "left out", now is None and found in match.reasons)]


# --- the doctor ---


def doctor(source: Source, besides: Collection[str] = ()) -> Markup:
    """The findings, errors first: where, what, what is done about it, how to mend it; not those with the codes
    `besides`."""
    levels, findings = [], [finding for finding in source.table.findings if finding.code not in besides]
    for level, (title, about) in words.LEVELS.items():
        if found := [f for f in findings if f.level == level]:
            levels.append((level, title, about, len(found), found[:FINDINGS_SHOWN], len(found) - FINDINGS_SHOWN))
    return templates.render("doctor.html", levels=levels)


# --- the first rows ---


def preview(source: Source) -> Markup:
    """The first rows as they were read: line or item, text or texts, labels."""
    rows = source.table.rows[:ROWS_SHOWN]
    tasks = list(source.table.tasks().values())
    some = tasks[:TASKS_SHOWN]
    names = [*(source.table.text_columns or [""]), *(column.name for column in some)]
    cells = [
        (getattr(row.line, "item", row.line), *row.texts, *(_value(row, column) for column in some)) for row in rows
    ]
    if not cells:
        return Markup()
    numbered = place(rows[0].line).split()[0]
    listing = markup.table("First rows", [numbered, *(shorten(name, _NAME) for name in names)], cells)
    if more := tasks[TASKS_SHOWN:]:
        listing += markup.note(f"{plural(len(more), 'more column')} of labels not shown here.")
    return markup.details(f"First rows: {len(rows)} of {source.rows:,}", listing)


def _value(row: Row, column: Column) -> str:
    known = column.name in row.labels
    return shown(column.kind).preview_cell(row.labels[column.name], row.text, column.labels) if known else ""
