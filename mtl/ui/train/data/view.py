"""What was understood of a file, and what is wrong with it, as HTML. Everything of the visitor's is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from mtl.config import KINDS
from mtl.kinds.tagging import Tagging
from mtl.text.values import plural
from mtl.ui.kinds import shown
from mtl.ui.train.data import words
from mtl.ui.train.state import Source
from mtl.ui.widgets import markup
from mtl.ui.widgets.figures import shorten
from mtl.ui.words import number

if TYPE_CHECKING:
    from mtl.data.labels import LabelMatch
    from mtl.data.matching import ColumnMatch
    from mtl.data.rows import Column, Finding, Row

# Of what may be many, so much is shown.
COLUMNS_SHOWN, LABELS_SHOWN, CHIPS_SHOWN = 40, 60, 8
FINDINGS_SHOWN, ROWS_SHOWN, TASKS_SHOWN, ERRORS_SAID = 60, 12, 8, 3
_NAME = 60
# How a choice among a label's meanings is told apart from a label of the model.
OUT, NEW, KNOWN = "out", "new", "known:"


# --- in sentences ---


def summary(source: Source) -> str:
    """The file in sentences: its rows, its text, what each column teaches, and whether Start may be pressed."""
    table = source.table
    rows = plural(source.rows, "row")
    found = [_text_sentence(table.text_column, table.columns)]
    found += [_column_sentence(c, source.matched.columns[c.name]) for c in table.columns if c.role == "task"]
    ignored = [c.name for c in table.columns if c.role == "ignored"]
    if ignored:
        named = ", ".join(map(code, ignored[:5]))
        more = f", {words.and_more(len(ignored) - 5, 'column')}" if len(ignored) > 5 else ""
        found.append(_fill(words.IGNORED, columns=named + escape(more)))
    state, kind = blocked(source), "bad"
    if not state:
        state, kind = words.ACCEPTED if table.errors else words.READY, "ok"
    head = _fill(words.ROWS, file=f"<b>{escape(source.name)}</b>", rows=rows)
    fine = escape(words.FORMAT.format(format=table.format, encoding=table.encoding))
    found = found[:COLUMNS_SHOWN] + [_finding_sentence(f) for f in table.errors[:ERRORS_SAID]]
    listing = "".join(f'<li dir="auto">{sentence}</li>' for sentence in found)
    return (
        f'<div class="status {kind} understood"><p dir="auto">{head} {escape(state)}</p>'
        f'<ul>{listing}</ul><p class="note">{fine}</p></div>'
    )


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
        return escape(words.NO_TEXT)
    reason = next(c.reason for c in columns if c.name == name)
    return _fill(words.IS_TEXT, column=code(name), reason=escape(reason))


def _finding_sentence(found: Finding) -> str:
    return escape(f"{words.line(found.line)}{found.problem} {found.action}")


def _column_sentence(column: Column, taught: ColumnMatch) -> str:
    parts = {"column": code(column.name), "what": escape(taught.what)}
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
        unknown.append(escape(words.and_more(more, "label")))
    return _fill(words.ANEW, labels=", ".join(unknown), **parts)


# --- columns, with choices ---


def columns(source: Source, revision: int = 0) -> str:
    """What each column is used for and why, with a choice, and what its labels mean to the model, with choices.

    Whatever is chosen is sent by the page's script (see `mtl.ui.train.data.step`). `revision` makes two versions
    differ, so that a choice that was refused is taken back on the screen too.
    """
    order = sorted(source.table.columns, key=lambda c: ("text", "task", "ignored").index(c.role))
    items = "".join(_column_item(column, source) for column in order[:COLUMNS_SHOWN])
    more = markup.note(words.columns_hidden(len(order) - COLUMNS_SHOWN)) if len(order) > COLUMNS_SHOWN else ""
    return f'{_part(words.COLUMNS)}<ul class="table-columns" data-revision="{revision}">{items}</ul>{more}'


def _column_item(column: Column, source: Source) -> str:
    taught = source.matched.columns.get(column.name)
    facts, below = f'<span class="why">{escape(column.reason)}</span>', ""
    if taught is not None:
        facts = f"{_teaches(taught)} · {facts}{_chips(column)}"
        if taught.match is not None and column.counts:
            below = _meanings(column, taught.match, source)
    head = f'<div class="column-head">{code(column.name)}{_use_choice(column, source)}</div>'
    return f'<li class="{column.role}">{head}<p class="facts">{facts}</p>{below}</li>'


def _teaches(taught: ColumnMatch) -> str:
    if taught.spec is None:
        return escape(words.TEACHES_NOTHING)
    template = words.TEACHES if taught.reuses_head else words.TEACHES_ANEW if taught.replaces else words.TEACHES_NEW
    return _fill(template, task=f"<b>{escape(taught.spec.name)}</b>")


def _chips(column: Column) -> str:
    if not column.counts:
        return ""
    common = list(column.counts)
    if len(common) > CHIPS_SHOWN:
        common.sort(key=lambda label: -column.counts[label])
    chips = "".join(
        f'<li dir="auto">{escape(shorten(label, 30))} <b>{number(column.counts[label])}</b></li>'
        for label in common[:CHIPS_SHOWN]
    )
    if (rest := len(common) - CHIPS_SHOWN) > 0:
        chips += f"<li>{words.and_more(rest, 'label')}</li>"
    return f'<ul class="chips">{chips}</ul>'


def _use_choice(column: Column, source: Source) -> str:
    now = column.kind or column.role
    uses = _uses()
    if "one word per" in source.table.format:
        # The words and tags of such a file are where they are: its entities are used, or not.
        is_tags = now == Tagging.name or column.name in source.reading.get("roles", {})
        if not is_tags:
            return f'<span class="use">{escape(uses[now])}</span>'
        uses = {use: uses[use] for use in (Tagging.name, "ignored")}
    options = [(use, name, use == now) for use, name in uses.items()]
    return _select({"column": column.name}, words.used_as(column.name), words.USED_AS, options)


def _uses() -> dict[str, str]:
    """What a column may be used for: the text, a kind of task, or nothing."""
    kinds = {name: shown(name).use for name, kind in KINDS.items() if kind.texts == 1}
    return {"text": words.IS_THE_TEXT, **kinds, "ignored": words.IS_IGNORED}


def _meanings(column: Column, match: LabelMatch, source: Source) -> str:
    known = sum(label is not None for label in match.mapping.values())
    rows = []
    for found in list(match.mapping)[:LABELS_SHOWN]:
        choice = _select(
            {"column": column.name, "label": found},
            words.means(found),
            words.MEANING,
            _meaning_options(found, column, match, source),
        )
        name = f'<span dir="auto">{escape(shorten(found, _NAME))}</span>'
        rows.append((markup.Markup(name), column.counts[found], markup.Markup(choice)))
    listing = markup.table(words.MEANINGS, (words.LABEL, words.COUNT, words.MEANS), rows)
    hidden = len(match.mapping) - LABELS_SHOWN
    listing += markup.note(words.labels_hidden(hidden)) if hidden > 0 else ""
    # Open where some labels are the model's and some are not: one choice may keep its head.
    is_open = " open" if 0 < known < len(match.mapping) and match.new else ""
    summary = escape(words.known_labels(known, len(match.mapping)))
    return f'<details class="fold meanings"{is_open}><summary>{summary}</summary>{listing}</details>'


def _meaning_options(found: str, column: Column, match: LabelMatch, source: Source) -> list[tuple[str, str, bool]]:
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


def _select(data: dict[str, str], name: str, tooltip: str, options: Iterable[tuple[str, str, bool]]) -> str:
    marks = "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
    choices = "".join(
        f'<option value="{escape(value)}"{" selected" if chosen else ""}>{escape(shorten(shown, _NAME))}</option>'
        for value, shown, chosen in options
    )
    key = escape(json.dumps(data))
    return f'<select{marks} data-key="{key}" aria-label="{escape(name)}" title="{escape(tooltip)}">{choices}</select>'


# --- the doctor ---


def doctor(source: Source) -> str:
    """The findings, errors first: where, what, what is done about it, how to mend it."""
    parts = []
    for level, title in words.LEVELS.items():
        found = [f for f in source.table.findings if f.level == level]
        if not found:
            continue
        about = words.LEVEL_ACCEPTED if level == "error" and source.accepted else words.LEVEL_NOTES[level]
        head = f"<b>{escape(title)}</b> {number(sum(f.count for f in found))} · {escape(about)}"
        listing = _findings(title, found[:FINDINGS_SHOWN])
        hidden = len(found) - FINDINGS_SHOWN
        listing += markup.note(words.findings_hidden(hidden)) if hidden > 0 else ""
        is_open = "" if level == "note" else " open"
        parts.append(f'<details class="fold findings {level}"{is_open}><summary>{head}</summary>{listing}</details>')
    report = "".join(parts) or f'<p class="healthy">{escape(words.HEALTHY)}</p>'
    return f'{_part(words.DOCTOR)}<div class="doctor">{report}</div>'


def _findings(title: str, found: Sequence[Finding]) -> str:
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in words.FINDING_HEADERS)
    rows = []
    for f in found:
        cells = (
            number(f.line) if f.line else words.WHOLE_FILE,
            code(f.column) if f.column else "",
            *(f'<span dir="auto">{escape(said)}</span>' for said in (f.problem, f.action, f.hint)),
        )
        named = zip(words.FINDING_HEADERS, cells, strict=True)
        rows.append("<tr>" + "".join(f'<td data-head="{escape(name)}">{cell}</td>' for name, cell in named) + "</tr>")
    sheet = (
        f'<table class="sheet"><caption class="sr">{escape(title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return markup.scroll(title, sheet)


# --- the first rows ---


def preview(source: Source) -> str:
    """The first rows as they were read: line, text, labels."""
    rows = source.table.rows[:ROWS_SHOWN]
    tasks = list(source.table.tasks().values())
    some = tasks[:TASKS_SHOWN]
    headers = [words.LINE, shorten(source.table.text_column or "", _NAME), *(shorten(c.name, _NAME) for c in some)]
    cells = [(row.line, row.text, *(_value(row, column) for column in some)) for row in rows]
    if not cells:
        return ""
    listing = markup.table(words.PREVIEW, headers, cells)
    if len(tasks) > len(some):
        listing += markup.note(words.columns_not_shown(len(tasks) - len(some)))
    return markup.details(words.preview(len(rows), source.rows), listing)


def _value(row: Row, column: Column) -> str:
    known = column.name in row.labels
    return shown(column.kind).preview_cell(row.labels[column.name], row.text) if known else ""


# --- parts ---


def _part(title: str) -> str:
    return f'<h4 class="part">{escape(title)}</h4>'


def code(name: str) -> str:
    return f'<code dir="auto">{escape(shorten(name, _NAME))}</code>'


def _fill(template: str, **html: str) -> str:
    """A sentence with its braces filled with HTML."""
    return escape(template).format(**html)
