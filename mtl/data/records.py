"""JSON to cells: lists of objects, JSON Lines, objects of columns, and lists of lists."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mtl.config import UserError
from mtl.data.exports import Record, from_export
from mtl.data.grid import MOST_COLUMNS, Dialect, Grid
from mtl.data.header import looks_like_header
from mtl.data.jsontext import Keyed, Listed, parse
from mtl.data.rows import Findings, as_items
from mtl.text.values import plural

# Characters that no text may have: NUL, and half of a surrogate pair.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
# The cells of a table with many blank ones, of which a short text can make very many. One takes 8 bytes.
_MOST_CELLS = 20_000_000


def read_records(text: str, findings: Findings) -> Grid | None:
    """The cells of JSON, or of the same in Python's notation; None if the text is neither.

    Raises UserError with line and column of a fault, and for a recipe.
    """
    try:
        parsed = parse(text, findings)
        if parsed is None:
            return None
        value, form = parsed
        if isinstance(value, dict):
            return _from_object(value, form, findings, len(text))
        return _from_list(value, value.lines, form, findings, len(text))
    except RecursionError:
        raise UserError("The brackets of this JSON are nested too deep. Write it as a list of flat objects.") from None


def to_grid(records: Sequence[Record], lines: Sequence[int], form: str, findings: Findings, size: int) -> Grid:
    """The cells of records, each key a column; objects in them are flattened by one level. `size` is the file's."""
    records, lines = from_export(records, lines, findings)
    records = [_flat(record) for record in records]
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise UserError("There is nothing in these records: none has a key and a value.")
    if len(names) > MOST_COLUMNS:
        raise UserError(f"The records have {len(names):,} different keys; a table may have {MOST_COLUMNS:,} columns.")
    if len(names) * len(records) > max(_MOST_CELLS, size):
        raise UserError(
            f"{len(records):,} records with {len(names):,} different keys make too large a table, most of it blank. "
            "Keep the keys that matter."
        )
    columns = [_column([record.get(name) for record in records], lines, findings) for name in names]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Grid(Dialect(",", "none"), rows, list(lines), names=names, form=form)


def _flat(record: Record) -> Record:
    if not any(isinstance(value, dict) for value in record.values()):
        return record
    flat: Record = {}
    for name, value in record.items():
        if isinstance(value, dict) and value.keys() == {"choices"}:
            flat[name] = value["choices"]  # several choices, as Label Studio writes them
        elif isinstance(value, dict):
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _column(values: list[Any], lines: Sequence[int], findings: Findings) -> list[str]:
    """The cells of a column. Lists with one string each are taken as the string."""
    lists = [value for value in values if value is not None]
    if all(isinstance(v, list) and len(v) == 1 and all(isinstance(item, str) for item in v) for v in lists):
        values = [value and value[0] for value in values]
    return [_cell(value, line, findings) for value, line in zip(values, lines, strict=True)]


def _cell(value: Any, line: int, findings: Findings) -> str:
    """Strings as they are, null as a blank, and anything else as JSON writes it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if _NO_TEXT.search(value):
        findings.add("json-characters", line)
        value = _NO_TEXT.sub(lambda match: " " if match[0] == "\0" else "\ufffd", value)
    return value


# Shapes -------------------------------------------------------------------------------------------


def _from_list(items: list, lines: Sequence[int], form: str, findings: Findings, size: int) -> Grid:
    """A table of a list of objects, of lists, or of single values; items of another kind than most are left out."""
    kinds = [dict if isinstance(item, dict) else list if isinstance(item, list) else str for item in items]
    if not kinds:
        raise UserError("The JSON holds an empty list. Use a file with records in it.")
    kind = Counter(kinds).most_common(1)[0][0]
    for other, line in zip(kinds, lines, strict=True):
        if other is not kind:
            findings.add("json-kind", line)
    kept = [(item, line) for item, line, other in zip(items, lines, kinds, strict=True) if other is kind]
    items, lines = [item for item, _ in kept], [line for _, line in kept]
    if all(map(_is_annotated, items)):
        items, kind = [{"text": text, **_with_label(annotations)} for text, annotations in items], dict
    if kind is dict:
        return to_grid(items, lines, form, findings, size)
    rows = [
        [_cell(value, line, findings) for value in (item if kind is list else [item])]
        for item, line in zip(items, lines, strict=True)
    ]
    return Grid(Dialect(",", "none"), rows, list(lines), form=form)


def _is_annotated(item: Any) -> bool:
    """Whether it is a text with its annotations, as in spaCy's training data."""
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)


def _with_label(annotations: Record) -> Record:
    """spaCy's annotations; of categories that exclude each other, the one that holds is the label."""
    categories = annotations.get("cats")
    if not isinstance(categories, dict) or not all(isinstance(v, (int, float)) for v in categories.values()):
        return annotations
    holding = [name for name, value in categories.items() if value >= 0.5]
    return {**{k: v for k, v in annotations.items() if k != "cats"}, "label": holding}


def _from_object(value: Keyed, form: str, findings: Findings, size: int) -> Grid:
    if "train_on" in value:
        raise UserError("This is a recipe, which names the files to train on. Train on it, or name a table.")
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, Listed) and all(isinstance(row, list) for row in data):
        # pandas, orient="split".
        names = [_cell(name, value.lines["columns"], findings) for name in columns]
        rows = [[_cell(item, line, findings) for item in row] for row, line in zip(data, data.lines, strict=True)]
        if not 0 < len(names) <= MOST_COLUMNS:
            raise UserError(f'There are {len(names):,} "columns"; a table may have 1 to {MOST_COLUMNS:,}.')
        return Grid(Dialect(",", "none"), rows, list(data.lines), names=names, form=form)
    lists = {name: column for name, column in value.items() if isinstance(column, Listed)}
    lengths = Counter(len(column) for column in lists.values())
    if lists and len(lists) == len(value) and len(lengths) == 1 and not all(map(_is_of_objects, lists.values())):
        return _from_columns(lists, form, findings, size)
    for name, column in lists.items():
        if any(map(_is_annotated, column)):
            findings.add("json-list", path=name, count=plural(len(column), "record"))
            return _from_list(column, column.lines, form, findings, size)
    inner = list(value.values())
    nested = max(_lists_of_objects(value, ""), key=lambda found: len(found[1]), default=None)
    if inner and all(isinstance(item, dict) for item in inner) and (len(inner) > 1 or not nested):
        return _from_nested(value, form, findings, size)
    if nested:
        path, records = nested
        findings.add("json-list", path=path, count=plural(len(records), "record"))
        if all(isinstance(record.get("row"), dict) for record in records):
            records, lines = [record["row"] for record in records], records.lines  # as Hugging Face's API answers
            return to_grid(records, lines, form, findings, size)
        return to_grid(records, records.lines, form, findings, size)
    if lists and len(lists) == len(value):
        shown = ", ".join(f"{name} {len(column):,}" for name, column in list(lists.items())[:5])
        raise UserError(f"The columns of this JSON differ in length: {shown}. Each row needs a value in all of them.")
    length, many = lengths.most_common(1)[0] if lengths else (0, 0)
    if many > 1 and length > 1:
        return _from_columns({n: c for n, c in lists.items() if len(c) == length}, form, findings, size)
    return to_grid([value], [1], form, findings, size)


def _is_of_objects(items: list) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _lists_of_objects(value: dict, path: str) -> Iterator[tuple[str, Listed]]:
    """The lists of objects anywhere in an object, with the path of keys to each; but for those about its columns."""
    for key, inner in value.items():
        if key in ("schema", "features"):
            continue
        if isinstance(inner, Listed) and _is_of_objects(inner):
            yield f"{path}{key}", inner
        elif isinstance(inner, Keyed):
            yield from _lists_of_objects(inner, f"{path}{key}.")


def _from_columns(columns: dict[str, Listed], form: str, findings: Findings, size: int) -> Grid:
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = next(iter(columns.values())).lines
    if not records:
        raise UserError("The columns of this JSON are empty: there is no row in it.")
    return to_grid(records, lines, form, findings, size)


def _from_nested(value: Keyed, form: str, findings: Findings, size: int) -> Grid:
    """An object of objects, as pandas writes it: of columns, or, with orient="index", of rows."""
    rows: dict[str, Record] = dict(value)
    inner = dict.fromkeys(key for row in value.values() for key in row)
    lines = value.lines
    if _are_columns(list(value), list(inner)):
        rows = {key: {name: column[key] for name, column in value.items() if key in column} for key in inner}
        lines = {key: line for column in value.values() for key, line in column.lines.items()}
    return to_grid(list(rows.values()), as_items([lines[key] for key in rows]), form, findings, size)


def _are_columns(outer: list[str], inner: list[str]) -> bool:
    """Whether the outer keys name columns and the inner ones rows."""
    numbers = [all(key.isdecimal() for key in keys) for keys in (outer, inner)]
    if numbers[0] != numbers[1]:
        return numbers[1]
    headers = [looks_like_header(keys) for keys in (outer, inner)]
    if headers[0] != headers[1]:
        return headers[0]
    return len(outer) < len(inner)
