"""Findings over the rows of a table: odd labels and numbers, duplicates, texts too long for a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from mtl.config import KINDS
from mtl.data.rows import Column, Finding, Findings, Progress, Row, place
from mtl.text.batches import MAX_CHARACTERS, by_length

TokenCounts = Callable[[list[str]], list[int]]

# The most texts, and characters, that are tokenised at once.
_PART, _PART_CHARACTERS = 500, 1_000_000
# At least as many as any tokenizer adds to a text.
_SPECIAL = 8
# Findings that say nothing to somebody whose table is read for its texts alone.
ABOUT_TRAINING = frozenset(
    [
        "no-task",
        "row-unlabelled",
        "label-blank",
        "label-once",
        "one-class",
        "one-number",
        "imbalance",
        "many-labels",
        "too-many-labels",
        "magnitude",
        "duplicate-differs",
        "no-entities",
        "names-needed",
        "several-labels",
        "close-call",
        "set-aside",
        "only-where",
    ]
)


def examine(
    rows: Sequence[Row],
    columns: Sequence[Column],
    token_counts: TokenCounts | None = None,
    max_tokens: int | None = None,
    progress: Progress = lambda share: None,
) -> tuple[Finding, ...]:
    """Findings over rows and their columns.

    With `token_counts`, a function from texts to their numbers of tokens (special ones included), texts of more than
    `max_tokens` are reported too.
    """
    findings = Findings()
    tasks = [c for c in columns if c.role == "task"]
    labelled: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in row.labels:
            labelled[name].append(row)
    for column in tasks if rows else ():
        if column.only_where:
            findings.add("only-where", None, column.name, filled=column.filled, rows=len(rows), where=column.only_where)
        KINDS[column.kind].examine(labelled[column.name], column, findings)
    for row in rows if tasks else ():
        if not row.labels:
            findings.add("row-unlabelled", row.line)
    _duplicates(rows, {column.name: KINDS[column.kind].value_noun for column in tasks}, findings)
    if token_counts is not None and max_tokens is not None:
        _truncated(rows, token_counts, max_tokens, findings, progress)
    return findings.grouped()


def _duplicates(rows: Sequence[Row], nouns: Mapping[str, str], findings: Findings) -> None:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        earlier = first.setdefault(tuple(map(str.strip, row.texts)), row)
        if earlier is row:
            continue
        differs = (n for n, label in row.labels.items() if earlier.labels.get(n, label) != label)
        task = next(differs, None)
        code = "duplicate-differs" if task else "duplicate"
        findings.add(code, row.line, task, earlier=place(earlier.line), noun=nouns.get(task))


def _truncated(
    rows: Sequence[Row], token_counts: TokenCounts, max_tokens: int, findings: Findings, progress: Progress
) -> None:
    # A token is at least one byte of UTF-8, and a character at most 4, so most texts need not be tokenised.
    most = max_tokens - _SPECIAL
    long = [(t, row) for row in rows for t in row.texts if 4 * len(t) > most and len(t.encode()) > most]
    counts: dict[int, int] = {}
    # In parts, as the tokens of a whole file would take many times its memory.
    for part in by_length([len(text) for text, _ in long], _PART_CHARACTERS, _PART):
        progress(len(counts) / len(long))
        counts |= zip(part, token_counts([long[i][0] for i in part]), strict=True)
    for i, (text, row) in enumerate(long):
        if counts[i] > max_tokens:
            # Longer texts are cut before they are tokenised, so the count is a lower bound.
            code = "truncated" if len(text) <= MAX_CHARACTERS else "endless"
            findings.add(code, row.line, count=counts[i], limit=max_tokens)
