"""What a file holds, and what is wrong with it, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.kinds.tagging import Tagging
from mtl.text.values import plural
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.data import words
from mtl.ui.train.state import Source
from mtl.ui.widgets import markup
from mtl.ui.widgets.figures import shorten

if TYPE_CHECKING:
    from mtl.data.labels import LabelMatch
    from mtl.data.matching import ColumnMatch
    from mtl.data.rows import Column, Row

# Of what may be many, so much is shown.
COLUMNS_SHOWN, LABELS_SHOWN, CHIPS_SHOWN = 40, 60, 8
FINDINGS_SHOWN, ROWS_SHOWN, TASKS_SHOWN, ERRORS_SAID = 60, 12, 8, 3
_NAME = 60
# How a choice among a label's meanings is told apart from a label of the model.
OUT, NEW, KNOWN = "out", "new", "known:"
# What is sent when it is chosen, what it is called, whether it is chosen now.
Option = tuple[str, str, bool]


# --- in sentences ---


def summary(source: Source) -> Markup:
    """The file in sentences: its rows, its text, what each column teaches, and whether Start may be pressed."""
    table = source.table
    found = [_text_sentence(table.text_column, table.columns)]
    found += [_column_sentence(c, source.matched.columns[c.name]) for c in table.columns if c.role == "task"]
    if ignored := [c.name for c in table.columns if c.role == "ignored"]:
        named = Markup(", ").join(map(code, ignored[:5]))
        more = f", {words.and_more(len(ignored) - 5, 'column')}" if len(ignored) > 5 else ""
        found.append(_fill(words.IGNORED, columns=named + more))
    found = found[:COLUMNS_SHOWN]
    found += [f"{words.line(f.line)}{f.problem} {f.action}" for f in table.errors[:ERRORS_SAID]]
    state, kind = blocked(source), "bad"
    if not state:
        state, kind = words.ACCEPTED if table.errors else words.READY, "ok"
    rows = _fill(words.ROWS, file=_bold(source.name), rows=plural(source.rows, "row"))
    fine = words.FORMAT.format(format=table.format, encoding=table.encoding)
    frame = Markup('<div class="status {} understood"><p dir="auto">{} {}</p>{}{}</div>')
    return frame.format(kind, rows, state, markup.items(found), markup.note(fine))


def blocked(source: Source) -> str:
    """Why no run can be started on `source`; "" when one can."""
    if source.ready:
        return ""
    errors = words.counted("error", sum(finding.count for finding in source.table.errors))
    if source.learns:
        return words.BLOCKED_OR_ACCEPT.format(errors=errors, accept=words.ACCEPT)
    return words.BLOCKED.format(errors=errors) if source.table.errors else words.NOTHING_TO_LEARN


def _text_sentence(name: str | None, columns: Sequence[Column]) -> str:
    if name is None:
        return words.NO_TEXT
    return _fill(words.IS_TEXT, column=code(name), reason=next(c.reason for c in columns if c.name == name))


def _column_sentence(column: Column, taught: ColumnMatch) -> Markup:
    parts = {"column": code(column.name), "what": taught.what}
    if taught.spec is None:
        return _fill(words.NOTHING, **parts)
    if taught.reuses_head:
        return _fill(words.KEEPS_HEAD, task=code(taught.spec.name), **parts)
    if not taught.replaces:
        return _fill(words.NEW_HEAD, **parts)
    parts["task"] = code(taught.spec.name)
    if taught.match is None or not taught.match.known:
        return _fill(words.ANEW_UNFIT, **parts)
    unknown = list(map(code, taught.match.new[:3]))
    if (more := len(taught.match.new) - 3) > 0:
        unknown.append(words.and_more(more, "label"))
    return _fill(words.ANEW, labels=Markup(", ").join(unknown), **parts)


# --- columns, with choices ---


def columns(source: Source, revision: int = 0) -> Markup:
    """What each column is used for and why, with a choice, and what its labels mean to the model, with choices.

    Whatever is chosen is sent by the page's script (see `mtl.ui.train.data.step`). `revision` makes two versions
    differ, so that a choice that was refused is taken back on the screen too.
    """
    order = sorted(source.table.columns, key=lambda c: ("text", "task", "ignored").index(c.role))
    return templates.render(
        "columns.html",
        words=words,
        code=code,
        width=_NAME,
        revision=revision,
        listed=[_column(column, source) for column in order[:COLUMNS_SHOWN]],
        hidden=len(order) - COLUMNS_SHOWN,
    )


def _column(column: Column, source: Source) -> dict[str, Any]:
    """What the page says of a column: see columns.html."""
    taught, uses = source.matched.columns.get(column.name), _use_choice(column, source)
    said = {"column": column, "uses": uses, "teaches": "", "chips": (), "labels": ()}
    if taught is None:
        return said
    common = list(column.counts)
    if len(common) > CHIPS_SHOWN:
        common.sort(key=lambda label: -column.counts[label])
    said |= {"teaches": _teaches(taught), "chips": common[:CHIPS_SHOWN], "more_chips": len(common) - CHIPS_SHOWN}
    if taught.match is None or not column.counts:
        return said
    mapping = taught.match.mapping
    known = sum(label is not None for label in mapping.values())
    return said | {
        "labels": [(found, _meanings(found, column, taught.match, source)) for found in list(mapping)[:LABELS_SHOWN]],
        "more_labels": len(mapping) - LABELS_SHOWN,
        "known_labels": words.known_labels(known, len(mapping)),
        # Open where some labels are the model's and some are not: one choice may keep its head.
        "open": 0 < known < len(mapping) and bool(taught.match.new),
    }


def _teaches(taught: ColumnMatch) -> str:
    if taught.spec is None:
        return words.TEACHES_NOTHING
    template = words.TEACHES if taught.reuses_head else words.TEACHES_ANEW if taught.replaces else words.TEACHES_NEW
    return _fill(template, task=_bold(taught.spec.name))


def _use_choice(column: Column, source: Source) -> list[Option]:
    """What a column may be used for; the only one where there is no choice."""
    now, uses = column.kind or column.role, _uses()
    if "one word per" in source.table.format:
        # The words and tags of such a file are where they are: its entities are used, or not.
        is_tags = now == Tagging.name or column.name in source.reading.get("roles", {})
        uses = {use: uses[use] for use in ((Tagging.name, "ignored") if is_tags else (now,))}
    return [(use, name, use == now) for use, name in uses.items()]


def _uses() -> dict[str, str]:
    """What a column may be used for: the text, a kind of task, or nothing."""
    kinds = {name: shown(name).use for name, kind in KINDS.items() if kind.texts == 1}
    return {"text": words.IS_THE_TEXT, **kinds, "ignored": words.IS_IGNORED}


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
        options.append((NEW, words.NEW, now is None and found not in match.reasons))
    return [*options, (OUT, words.OUT, now is None and found in match.reasons)]


# --- the doctor ---


def doctor(source: Source) -> Markup:
    """The findings, errors first: where, what, what is done about it, how to mend it."""
    levels = []
    for level, title in words.LEVELS.items():
        if found := [f for f in source.table.findings if f.level == level]:
            about = words.LEVEL_ACCEPTED if level == "error" and source.accepted else words.LEVEL_NOTES[level]
            count, hidden = sum(f.count for f in found), len(found) - FINDINGS_SHOWN
            levels.append((level, title, about, count, found[:FINDINGS_SHOWN], hidden))
    return templates.render("doctor.html", words=words, code=code, levels=levels)


# --- the first rows ---


def preview(source: Source) -> Markup:
    """The first rows as they were read: line, text, labels."""
    rows = source.table.rows[:ROWS_SHOWN]
    tasks = list(source.table.tasks().values())
    some = tasks[:TASKS_SHOWN]
    names = [source.table.text_column or "", *(column.name for column in some)]
    cells = [(row.line, row.text, *(_value(row, column) for column in some)) for row in rows]
    if not cells:
        return Markup()
    listing = markup.table(words.PREVIEW, [words.LINE, *(shorten(name, _NAME) for name in names)], cells)
    if len(tasks) > len(some):
        listing += markup.note(words.columns_not_shown(len(tasks) - len(some)))
    return markup.details(words.preview(len(rows), source.rows), listing)


def _value(row: Row, column: Column) -> str:
    known = column.name in row.labels
    return shown(column.kind).preview_cell(row.labels[column.name], row.text) if known else ""


# --- parts ---


def code(name: str) -> Markup:
    return Markup('<code dir="auto">{}</code>').format(shorten(name, _NAME))


def _bold(name: str) -> Markup:
    return Markup("<b>{}</b>").format(name)


def _fill(template: str, **values: str) -> Markup:
    """A sentence with its braces filled, by text or by `Markup`."""
    return Markup.escape(template).format(**values)
