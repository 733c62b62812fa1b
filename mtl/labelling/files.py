"""Labelled texts as files that our reader, and others, understand: CSV, JSON Lines, CoNLL; and from a table back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mtl.config import KINDS, UserError
from mtl.data.rows import Table
from mtl.labelling.project import Added, Item, Project, add_items
from mtl.labelling.scheme import Scheme, can_be_labelled
from mtl.sheets import apostrophes, csv_bytes, safe_cell
from mtl.text.cleaning import clean, clean_in_place
from mtl.text.spans import spans_to_tags, word_offsets
from mtl.text.values import plural, visible

TEXT = "text"
# How the names of tags in a file of words are read, as they have none there.
_TAGS = "entities"
# A word that begins so is read as the beginning of a document.
_DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class File:
    """A file's name and content; `roles`, with which `mtl.data.table.read_table` cannot mistake its columns; and in
    sentences what is not in it, or not as it was."""

    name: str
    content: bytes
    roles: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())


def write(project: Project, ending: str, labelled_only: bool = False) -> File:
    """The texts that are not left out and what people said of them, in a file that ends so; offers are not in it.

    `labelled_only`: without the texts that nobody has labelled. Raises `UserError` where a format cannot hold this.
    """
    writer = FORMATS.get(ending)
    if writer is None:
        raise UserError(f"There is no way to write {ending!r}. Choose one of {', '.join(FORMATS)}.")
    items = [item for item in project.items if not item.left_out]
    notes = []
    if len(items) < len(project.items):
        notes.append(f"{plural(len(project.items) - len(items), 'text')} left out, as you said.")
    if labelled_only or ending == ".conll":
        labelled = [item for item in items if item.value is not None]
        if len(labelled) < len(items):
            notes.append(f"{plural(len(items) - len(labelled), 'text')} without a label left out.")
        items = labelled
    if not items:
        raise UserError("There is nothing to write: label a text first." if notes else "There are no texts to write.")
    content, column, more = writer(project.scheme, items)
    name = re.sub(r"[^\w-]+", "-", project.scheme.name).strip("-") or "labels"
    return File(name + ending, content, {column: project.scheme.kind}, (*notes, *filter(None, more)))


Written = tuple[bytes, str, Sequence[str]]


def _csv(scheme: Scheme, items: Sequence[Item]) -> Written:
    def cell(item: Item) -> str | float:
        if item.value is None or scheme.of.reads != "words":
            return "" if item.value is None else scheme.of.written_value(item.value)
        # An apostrophe before a text moves its spans.
        return json.dumps(_with_texts(item, len(str(safe_cell(item.text))) - len(item.text)), ensure_ascii=False)

    content = csv_bytes((TEXT, scheme.name), [(item.text, cell(item)) for item in items])
    return content, str(safe_cell(scheme.name)), [apostrophes(content.changed)]


def _json_lines(scheme: Scheme, items: Sequence[Item]) -> Written:
    def value(item: Item) -> Any:
        if item.value is None or scheme.of.reads != "words":
            return None if item.value is None else scheme.of.to_json(item.value)
        return _with_texts(item)

    rows = ({TEXT: item.text, scheme.name: value(item)} for item in items)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(), scheme.name, []


def _with_texts(item: Item, moved: int = 0) -> list[dict[str, Any]]:
    """The spans of an item with their own texts, by which a reader knows that places count characters."""
    return [
        {"start": s.start + moved, "end": s.end + moved, "label": s.label, "text": item.text[s.start : s.end]}
        for s in item.value
    ]


def _conll(scheme: Scheme, items: Sequence[Item]) -> Written:
    """A word and its tag on a line, blank lines between texts; words end at spaces, and where a span does."""
    if scheme.of.reads != "words":
        raise UserError(f"CoNLL is for spans of texts, and {scheme.name} has none: choose another format.")
    names = {label: "_".join(label.split()) for label in scheme.labels}
    spaced = sum(label != name for label, name in names.items())
    if len({*names.values()}) < len(names):
        raise UserError("Two labels differ in spaces alone, which CoNLL has none of: rename one of them.")
    blocks, divided = [], 0
    for item in items:
        edges = {edge for span in item.value for edge in (span.start, span.end)}
        words = [word for place in word_offsets(item.text) for word in _divided(item.text, place, edges)]
        divided += len(words) - len(word_offsets(item.text))
        tags = spans_to_tags(scheme.of.translate(item.value, names), words)
        lines = (f"{item.text[start:end]}\t{tag}\n" for (start, end), tag in zip(words, tags, strict=True))
        blocks.append("".join(lines))
    notes = [
        f"{plural(divided, 'word')} divided where a label begins or ends inside." if divided else "",
        f"{plural(spaced, 'label')} written with _ for spaces." if spaced else "",
    ]
    return "\n".join(blocks).encode(), _TAGS, notes


def _divided(text: str, word: tuple[int, int], edges: set[int]) -> list[tuple[int, int]]:
    start, end = word
    inside = {start + 1} if text.startswith(_DOCUMENT, start) else set()
    places = [start, *sorted(inside | {edge for edge in edges if start < edge < end}), end]
    return list(zip(places, places[1:], strict=False))


FORMATS: Mapping[str, Callable[[Scheme, Sequence[Item]], Written]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".conll": _conll,
}


def from_table(table: Table, column: str) -> Added:
    """A project of a table's texts, labelled by one of its columns, and what was left out.

    Raises `UserError` for a column, or a table, that cannot be labelled by hand.
    """
    about = table.tasks().get(column)
    kind = KINDS[about.kind] if about else None
    if kind is None or not can_be_labelled(kind):
        raise UserError(f"{column!r} does not hold labels of single texts.")
    if len(table.text_columns) > 1:
        raise UserError("A row of this table has two texts, and here each text is labelled by itself.")
    values = [row.labels[column] for row in table.rows if column in row.labels]
    names = {label: visible(clean(label)) for label in about.labels}
    scheme = Scheme(column, about.kind, tuple(names.values()))
    if not kind.fewest_labels and values:
        spec = kind.new_spec(column, (), values)
        scheme = replace(scheme, low=spec.low, high=spec.high)
    # Spans count the characters of their text.
    cleaned = clean_in_place if kind.reads == "words" else clean
    items, problems = [], []
    for row in table.rows:
        item = Item(cleaned(row.text))
        if column in row.labels:
            try:
                item = Item(item.text, scheme.value(kind.translate(row.labels[column], names), item.text))
            except UserError as problem:
                problems.append(str(problem))
        items.append(item)
    added = add_items(Project(scheme), items)
    said = [f"{plural(len(problems), 'label')} not taken: {problems[0]}"] if problems else []
    return Added(added.project, (*said, *added.notes))
