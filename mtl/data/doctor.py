"""What is wrong with rows that were read: labels, numbers, duplicates, texts too long for a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mtl.data.rows import Column, Finding, Findings, Row
from mtl.data.values import shown

TokenCounts = Callable[[list[str]], list[int]]

_MANY_LABELS = 50
# Among fewer numbers none can be called unusual.
_ENOUGH = 5
# More special tokens than any tokenizer adds to a text.
_SPECIAL = 8


def examine(
    rows: Sequence[Row],
    columns: Sequence[Column],
    token_counts: TokenCounts | None = None,
    max_tokens: int | None = None,
) -> tuple[Finding, ...]:
    """Findings over rows and their columns.

    With `token_counts`, which gives the number of tokens of each of a list of texts (with the special ones),
    texts of more than `max_tokens` are reported too.
    """
    findings = Findings()
    tasks = [c for c in columns if c.role == "task"]
    for column in tasks:
        if column.kind == "regression":
            _magnitude(rows, column, findings)
        elif column.kind == "classification":
            _classes(rows, column, findings)
        elif rows and not column.labels:
            findings.add("no-entities", None, column.name)
    if tasks:
        _unlabelled(rows, findings)
    _duplicates(rows, findings)
    if token_counts is not None and max_tokens is not None:
        _truncated(rows, token_counts, max_tokens, findings)
    return findings.grouped()


def _classes(rows: Sequence[Row], column: Column, findings: Findings) -> None:
    if len(column.labels) == 1:
        findings.add("one-class", None, column.name, label=shown(column.labels[0]))
        return
    if len(column.labels) > _MANY_LABELS:
        findings.add("many-labels", None, column.name, count=len(column.labels))
    once = {label for label, count in column.counts.items() if count == 1}
    for row in rows if once else ():
        label = row.labels.get(column.name)
        if label in once:
            findings.add("label-once", row.line, column.name, label=shown(label))


def _magnitude(rows: Sequence[Row], column: Column, findings: Findings) -> None:
    """Report numbers ten times larger than nine tenths of the others: a lost decimal point, another scale."""
    values = sorted(abs(row.labels[column.name]) for row in rows if column.name in row.labels)
    usual = values[9 * (len(values) - 1) // 10] if len(values) >= _ENOUGH else 0.0
    if not usual or values[-1] <= 10 * usual:
        return
    for row in rows:
        value = row.labels.get(column.name, 0.0)
        if abs(value) > 10 * usual:
            findings.add("magnitude", row.line, column.name, value=value, usual=usual)


def _unlabelled(rows: Sequence[Row], findings: Findings) -> None:
    for row in rows:
        if not row.labels:
            findings.add("row-unlabelled", row.line)


def _duplicates(rows: Sequence[Row], findings: Findings) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        earlier = first.setdefault(row.text.strip(), row)
        if earlier is row:
            continue
        differs = (n for n, label in row.labels.items() if earlier.labels.get(n, label) != label)
        task = next(differs, None)
        findings.add("duplicate-differs" if task else "duplicate", row.line, task, earlier=earlier.line)


def _truncated(rows: Sequence[Row], token_counts: TokenCounts, max_tokens: int, findings: Findings) -> None:
    # A token is at least one byte of UTF-8, which has up to 4 for a character. So most texts need not be
    # counted.
    long = [r for r in rows if 4 * len(r.text) > max_tokens - _SPECIAL and len(r.text.encode()) > max_tokens - _SPECIAL]
    for row, count in zip(long, token_counts([row.text for row in long]) if long else [], strict=True):
        if count > max_tokens:
            findings.add("truncated", row.line, count=count, limit=max_tokens)
