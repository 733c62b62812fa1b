"""Cells that hold lists of words and tags: the words become a text, the tags or spans that count words become spans.

Which column holds the words and which the tags is decided as in tables of words (tokens.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from mtl.config import UserError
from mtl.data.columns import Role
from mtl.data.grid import Grid
from mtl.data.rows import Findings, Question
from mtl.data.tokens import SAMPLE, Sentence, TagNames, WordColumns, find_word_columns, named_tag, to_spans, word_roles
from mtl.text.literals import LONGEST_CELL, are_lists, list_items
from mtl.text.offsets import Counting
from mtl.text.spans import Span, WrittenSpan, raw_json_spans, words_to_text
from mtl.text.values import plural, shown

# Of fewer spans all may have several words by chance.
_FEW_SPANS = 8


def join_lists(
    grid: Grid,
    names: Sequence[str],
    text: str | None,
    findings: Findings,
    questions: list[Question],
    chosen: Iterable[str] = (),
    tag_names: TagNames | None = None,
) -> dict[str, Role]:
    """Replace lists of words in the cells of a table by the words joined by single spaces, and their lists of tags, or
    spans that count words, by spans of characters; other cells stay.

    The roles of these columns; none, and nothing changed, in other tables and where another column is the `text`.
    """
    sample = [row for row in grid.rows[:SAMPLE] if len(row) == len(names)]
    lists = [i for i in range(len(names)) if are_lists([row[i] for row in sample])]
    if len(lists) == 1 and text in (None, names[lists[0]]):
        return _join_with_spans(grid, names, lists[0], findings)
    if len(lists) < 2:
        return {}
    items = {i: [list_items(row[i]) for row in sample] for i in lists}
    groups: dict[tuple[int, ...], list[int]] = {}
    for i in lists:
        groups.setdefault(_lengths(items[i]), []).append(i)
    lengths, group = max(groups.items(), key=lambda pair: len(pair[1]))
    group = [i for i in lists if _alike(_lengths(items[i]), lengths)]
    if len(group) < 2:
        return {}
    rows: list[Sequence[str]] = []
    for cells in zip(*(items[i] for i in group), strict=True):
        if len(set(map(len, cells))) == 1:
            rows += [*zip(*cells, strict=True), []]
    # The words of a text in plain writing, such as a sentence beside lists of its tags and parts of speech.
    plain = (i for i in range(len(names)) if i not in lists)
    if any(_alike(tuple(len(row[i].split()) for row in sample), lengths) for i in plain) and max(lengths) > 1:
        return {}
    group_names = [names[i] for i in group]
    if (places := find_word_columns(group_names, rows, chosen, tag_names)) is None:
        return {}
    word, tag = group[places.word], None if places.tag is None else group[places.tag]
    if text not in (None, names[word]):
        return {}
    grid.rows, grid.lines = _joined(grid, len(names), word, tag, places, names, findings)
    roles = word_roles(group_names, places, ignored=False, findings=findings, questions=questions)
    return dict(zip(group_names, roles, strict=True))


def _join_with_spans(grid: Grid, names: Sequence[str], word: int, findings: Findings) -> dict[str, Role]:
    """Join lists of words beside spans that count them, as of GLiNER and SpERT; nothing in other tables."""
    rows = [(row, line) for row, line in zip(grid.rows, grid.lines, strict=True) if len(row) == len(names)]
    lists = [list_items(row[word]) for row, _ in rows]
    columns = (i for i in range(len(names)) if i != word)
    found = ((i, _spans_of_words([row[i] for row, _ in rows], lists)) for i in columns)
    column, (spans, inclusive) = next((pair for pair in found if pair[1]), (None, ((), False)))
    if column is None:
        return {}
    counting = Counting("words", inclusive=inclusive)
    is_said = False
    for (row, line), words, written in zip(rows, lists, spans, strict=True):
        row[word], offsets = words_to_text(words)
        placed = [Span(offsets[s.start][0], offsets[s.end - 1 + inclusive][1], s.label) for s in written]
        if placed and not is_said:
            first, piece = written[0], shown(row[word][placed[0].start : placed[0].end])
            facts = {"start": first.start, "end": first.end, "label": first.label, "piece": piece}
            findings.add("span-counting", line, names[column], said=counting.said, **facts)
            is_said = True
        if row[column].strip():
            row[column] = json.dumps([[s.start, s.end, s.label] for s in placed], ensure_ascii=False)
    return {names[word]: Role("text", None, "its words, joined by single spaces")}


def _spans_of_words(
    cells: Sequence[str], lists: Sequence[Sequence[str]]
) -> tuple[list[list[WrittenSpan]], bool] | None:
    """The spans in cells that count the words of these lists, and whether their end is inclusive; None if the cells are
    anything else, or it is not clear which of the two they are."""
    spans: list[list[WrittenSpan]] = []
    for cell in cells:
        try:
            spans.append(raw_json_spans(cell) if cell.strip() and len(cell) <= LONGEST_CELL else [])
        except UserError:
            return None
    pairs = [(span, len(words)) for some, words in zip(spans, lists, strict=True) for span in some]
    # Most entities being single words, some have the same start and end if that is inclusive.
    inclusive = any(span.start == span.end for span, _ in pairs)
    is_clear = inclusive or len(pairs) >= _FEW_SPANS or any(span.end == length for span, length in pairs)
    fit = all(0 <= span.start < span.end + inclusive <= length for span, length in pairs)
    return (spans, inclusive) if pairs and is_clear and fit else None


def _joined(
    grid: Grid, width: int, word: int, tag: int | None, places: WordColumns, names: Sequence[str], findings: Findings
) -> tuple[list[list[str]], list[int]]:
    """The rows and lines of a grid with text and spans in place of the lists; faulty rows are left out."""
    kept: list[tuple[list[str], int]] = []
    taken: list[list[str]] = []

    def sentences() -> Iterator[Sentence]:
        for row, line in zip(grid.rows, grid.lines, strict=True):
            if len(row) != width:
                kept.append((row, line))
                continue
            words = list_items(row[word])
            tags = ["O"] * len(words) if tag is None else list_items(row[tag])
            if len(words) != len(tags) or not any(words):
                facts = {"tags": plural(len(tags), "tag"), "words": plural(len(words), "word")}
                findings.add("list-lengths", line, names[word], **facts)
                continue
            taken.append(row)
            yield [(w, named_tag(t, places.names), line) for w, t in zip(words, tags, strict=True) if w]

    column = "" if tag is None else names[tag]
    for text, spans, line in to_spans(sentences(), places.form, column, findings):
        row = taken[-1]  # of the sentence that was read just now
        row[word] = text
        if tag is not None:
            row[tag] = json.dumps([[s.start, s.end, s.label] for s in spans], ensure_ascii=False)
        kept.append((row, line))
    return [row for row, _ in kept], [line for _, line in kept]


def _lengths(items: Iterable[Sequence[str]]) -> tuple[int, ...]:
    return tuple(map(len, items))


def _alike(lengths: Sequence[int], others: Sequence[int]) -> bool:
    return sum(map(int.__eq__, lengths, others)) >= 0.9 * len(lengths)
