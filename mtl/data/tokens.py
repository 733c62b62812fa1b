"""Files with one word per line: CoNLL text, and tables such as Kaggle's that number the sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mtl.data.header import TEXT_NAMES, WORD_NAMES, looks_like_header
from mtl.data.rows import Findings
from mtl.text.spans import Span, entity_starts, is_tag, tags_to_spans, words_to_text
from mtl.text.values import shown

_SAMPLE = 1000
_MANY_WORDS = 300
# In characters; a word with its tags is shorter.
_LONGEST_LINE = 10_000
_SENTENCE_NAME = re.compile(r"(sent|doc|seq)[a-z]*([ _]?(#|id|no|number|idx|index))?|#|id")


# The words of a sentence: (word, tag, line number) each.
Sentence = list[tuple[str, str, int]]


@dataclass(frozen=True)
class WordColumns:
    """The columns of a table with one word per row; `sentence` is None when blank lines separate sentences."""

    word: int
    tag: int
    sentence: int | None


def looks_like_conll(lines: Sequence[str]) -> bool:
    """Whether almost every line has the same number of fields, a word first and an entity tag last."""
    fields = [_fields(line) for line in lines[:_SAMPLE] if not _is_skipped(line)]
    if len(fields) < 2 or _is_header_of_a_table(fields[0]):
        return False
    tagged = [f for f in fields if len(f) >= 2 and is_tag(f[-1])]
    widths = [len(f) for f in tagged]
    common = max(Counter(widths).values(), default=0)
    apart = any(not line.strip() for line in lines[:_SAMPLE])
    named = any(f[-1] != "O" for f in tagged)
    return (apart or named) and common >= 0.95 * (len(fields) - 1) and len(tagged) >= 2


def read_conll(lines: Iterable[str], findings: Findings) -> Iterator[Sentence]:
    """The sentences of CoNLL lines: word first, tag last; -DOCSTART- and comments are skipped."""
    sentence: Sentence = []
    first = True
    for number, line in enumerate(lines, start=1):
        if _is_skipped(line):
            if not line.strip() and sentence:
                yield sentence
                sentence = []
            continue
        fields = _fields(line)
        if first and not is_tag(fields[-1]) and len(fields) > 1:
            findings.add("word-header", number)
        else:
            # A line of one field has no tag; the blank one makes `to_spans` report the sentence.
            sentence.append((fields[0], fields[-1] if len(fields) > 1 else "", number))
        first = False
    if sentence:
        yield sentence


def find_word_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> WordColumns | None:
    """The columns of a table with one word per row; None for other tables."""
    sample = [row for row in rows[:_SAMPLE] if len(row) == len(names)]
    if len(sample) < 2:
        return None
    cells = [[row[i].strip() for row in sample] for i in range(len(names))]
    lowered = [name.lower() for name in names]
    tag = next((i for i in reversed(range(len(names))) if _is_tag_column(cells[i])), None)
    if tag is None:
        return None
    numbering = [i for i in range(len(names)) if _SENTENCE_NAME.fullmatch(lowered[i])]
    # A column with a new value in every row numbers the words, not the sentences.
    sentence = next((i for i in numbering if len(set(cells[i])) < 0.9 * len(sample)), None)
    single = [i for i in range(len(names)) if i != tag and i not in numbering and _is_word_column(cells[i])]
    word = next((i for i in single if lowered[i] in WORD_NAMES), None)
    # A table with a text column holds whole texts, even if all of them are single words.
    if word is None and single and not TEXT_NAMES & set(lowered):
        word = single[0]
    return None if word is None else WordColumns(word, tag, sentence)


def read_word_rows(
    rows: Iterable[Sequence[str]], lines: Iterable[int], columns: WordColumns, findings: Findings
) -> Iterator[Sentence]:
    """The sentences of a table with one word per row.

    A sentence begins where its column has a new value (blank or repeated on the rows that follow), or after a blank
    line when there is no such column.
    """
    sentence: Sentence = []
    current: str | None = None
    for row, line in zip(rows, lines, strict=True):
        cells = [cell.strip() for cell in row]
        word, tag, name = (
            cells[i] if i is not None and i < len(cells) else "" for i in (columns.word, columns.tag, columns.sentence)
        )
        starts = (name and name != current) or (not cells and columns.sentence is None)
        if starts and sentence:
            yield sentence
            sentence = []
        current = name or current
        if word:
            sentence.append((word, tag, line))
        elif cells:
            findings.add("word-blank", line)
    if sentence:
        yield sentence


def to_spans(sentences: Iterable[Sentence], column: str, findings: Findings) -> Iterator[tuple[str, list[Span], int]]:
    """(text, spans, first line) of each sentence, words joined by single spaces. Faulty ones are left out.

    Whether an I- without a B- before it is a fault is decided over all sentences: if most entities begin with I-, the
    file is IOB1, where that is correct.
    """
    loose_lines: list[int] = []
    strict_starts = 0
    done, offsets = 0, []
    for sentence in sentences:
        words, tags, lines = ([token[i] for token in sentence] for i in range(3))
        bad = next((i for i, tag in enumerate(tags) if not is_tag(tag)), None)
        if bad is not None:
            findings.add("bio-tag" if tags[bad] else "bio-missing", lines[bad], column, cell=shown(tags[bad]))
            continue
        loose, strict = entity_starts(tags)
        loose_lines += [lines[i] for i in loose]
        strict_starts += strict
        done += 1
        text, offsets = words_to_text(words)
        yield text, tags_to_spans(tags, offsets), lines[0]
    if done == 1 and len(offsets) > _MANY_WORDS:
        findings.add("no-sentences", count=len(offsets))
    if strict_starts >= len(loose_lines):
        for line in loose_lines:
            findings.add("bio-illegal", line, column)


def _is_skipped(line: str) -> bool:
    return not line.strip() or line.startswith("-DOCSTART-") or (line.startswith("#") and not is_tag(_fields(line)[-1]))


def _fields(line: str) -> list[str]:
    line = line.rstrip("\r\n")
    if len(line) > _LONGEST_LINE:
        return [line]
    if "\t" in line:
        return [field.strip() for field in line.rstrip("\t ").split("\t")]
    return line.split() or [""]


def _is_header_of_a_table(fields: Sequence[str]) -> bool:
    """Whether a first line is like `text,entities`, as of a table with a text and its tags in each row."""
    (first, *others) = fields
    return not others and any(mark in first and looks_like_header(first.split(mark)) for mark in ",;|")


def _is_tag_column(cells: Sequence[str]) -> bool:
    return any(c not in ("", "O") for c in cells) and sum(map(is_tag, cells)) >= 0.95 * len(cells)


def _is_word_column(cells: Sequence[str]) -> bool:
    filled = [c for c in cells if c]
    return 2 * len(filled) > len(cells) and sum(" " not in c for c in filled) >= 0.95 * len(filled)
