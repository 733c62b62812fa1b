"""What is wrong with rows that were read: labels, numbers, duplicates, texts too long for a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from mtl.config import KINDS
from mtl.data.rows import Column, Finding, Findings, Progress, Row

TokenCounts = Callable[[list[str]], list[int]]

# So many texts are tokenised at once, of so many characters.
_PART, _PART_CHARACTERS = 500, 1_000_000
# More special tokens than any tokenizer adds to a text.
_SPECIAL = 8


def examine(
    rows: Sequence[Row],
    columns: Sequence[Column],
    token_counts: TokenCounts | None = None,
    max_tokens: int | None = None,
    progress: Progress = lambda share: None,
) -> tuple[Finding, ...]:
    """Findings over rows and their columns.

    With `token_counts`, which gives the number of tokens of each of a list of texts (with the special ones),
    texts of more than `max_tokens` are reported too.
    """
    findings = Findings()
    tasks = [c for c in columns if c.role == "task"]
    labelled: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in row.labels:
            labelled[name].append(row)
    for column in tasks if rows else ():
        KINDS[column.kind].examine(labelled[column.name], column, findings)
    if tasks:
        _unlabelled(rows, findings)
    _duplicates(rows, findings)
    if token_counts is not None and max_tokens is not None:
        _truncated(rows, token_counts, max_tokens, findings, progress)
    return findings.grouped()


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


def _truncated(
    rows: Sequence[Row], token_counts: TokenCounts, max_tokens: int, findings: Findings, progress: Progress
) -> None:
    from mtl.text.batches import MAX_CHARACTERS  # torch, which whoever counts tokens has loaded

    # A token is at least one byte of UTF-8, which has up to 4 for a character. So most texts need not be
    # counted.
    long = [r for r in rows if 4 * len(r.text) > max_tokens - _SPECIAL and len(r.text.encode()) > max_tokens - _SPECIAL]
    done = 0
    for part in _parts(long):
        progress(done / len(long))
        done += len(part)
        for row, count in zip(part, token_counts([row.text for row in part]), strict=True):
            if count > max_tokens:
                # Of an endless text no more is counted.
                code = "truncated" if len(row.text) <= MAX_CHARACTERS else "endless"
                findings.add(code, row.line, count=count, limit=max_tokens)


def _parts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in parts: the tokens of a whole file would take many times its room."""
    part: list[Row] = []
    room = _PART_CHARACTERS
    for row in rows:
        if part and (len(part) == _PART or len(row.text) > room):
            yield part
            part, room = [], _PART_CHARACTERS
        part.append(row)
        room -= len(row.text)
    if part:
        yield part
