"""Entity spans, and parsers for their notations: tags per word, JSON, and marks inside the text.

A span counts characters of its text: `text[span.start:span.end]` is the entity.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mtl.config import UserError
from mtl.text.literals import python_to_json
from mtl.text.values import LONGEST_NAME, plural, shown

# A cell may hold megabytes, so no pattern here backtracks (++), and spans, which take many times the memory of the
# cell, are read from cells of at most this many characters: some ten thousand spans.
LONGEST_CELL = 500_000
# How much of a cell is examined to decide whether it holds tags.
_LOOKED_AT = 10_000
# Beyond any position in a text.
_FAR = 10**12

# B and I are in use everywhere, E and S (BIOES), L and U (BILOU) in some corpora.
_TAG = re.compile(rf"O|[BIESLU]-\S{{1,{LONGEST_NAME}}}+")

# The label is one word right after the closing bracket, so that [a link](https://a.b) is not a mark.
_LABEL = re.compile(rf"\w[\w-]{{0,{LONGEST_NAME - 1}}}+")
_MARK = re.compile(
    r"\\(?P<escaped>[\\\[\]])"
    rf"|\[(?P<inner>(?:\\.|[^\[\]\\]++)++)\]\((?P<label>{_LABEL.pattern})\)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\\\[\]])")

# The names of a span's fields in the exports of various tools.
_START = ("start", "start_offset", "begin")
_END = ("end", "end_offset", "stop")
_POSITION = re.compile(rf"\b(?:{'|'.join(_START + _END)})\b['\"]?+\s*+:")
_LABELS = ("label", "entity", "type", "entity_group", "tag")


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """One entity: its characters, `end` exclusive, and its type."""

    start: int
    end: int
    label: str


# Tags per word ------------------------------------------------------------------------------------


def is_tag(word: str) -> bool:
    """Whether a word is an entity tag: O, B-PER, I-PER, and E- S- L- U- of the longer schemes."""
    return _TAG.fullmatch(word) is not None


def entity_starts(tags: Iterable[str]) -> tuple[list[int], int]:
    """(indices of tags with which an entity begins by I-, E- or L-; number of entities that begin with B-, S- or U-).

    Entities right after another of their type are not counted, as every scheme writes B- there. In BIO the former are
    mistakes; in IOB1 they are the rule, so a file in which they are the majority is IOB1.
    """
    loose: list[int] = []
    strict = 0
    before = ""
    for place, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if label and label != before:
            if prefix in "IEL":
                loose.append(place)
            else:
                strict += 1
        before = "" if prefix in "ESLU" else label
    return loose, strict


def tags_to_spans(tags: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[Span]:
    """The spans of tagged words, whose (start, end) characters are `offsets`.

    Reads BIO, IOB1 (an I- with no entity of its type before it starts one), BIOES and BILOU. Raises UserError for any
    other tag, or when there is not one tag per word.
    """
    if len(tags) != len(offsets):
        raise UserError(f"{plural(len(tags), 'tag')} for {plural(len(offsets), 'word')}; each word needs one tag.")
    spans: list[Span] = []
    start, end, current = 0, 0, ""
    for tag, (word_start, word_end) in zip(tags, offsets, strict=True):
        if tag != "O" and not is_tag(tag):
            raise UserError(f"{tag!r} is not a tag. Write O, or B- or I- and the type, as in B-PER.")
        prefix, _, label = tag.partition("-")
        if current and (label != current or prefix in "BSU"):
            spans.append(Span(start, end, current))
            current = ""
        if label:
            if not current:
                start, current = word_start, label
            end = word_end
            if prefix in "ESLU":
                spans.append(Span(start, end, current))
                current = ""
    if current:
        spans.append(Span(start, end, current))
    return spans


def spans_to_tags(spans: Iterable[Span], offsets: Sequence[tuple[int, int]]) -> list[str]:
    """BIO tags, one per word, for words at these (start, end) characters, which must be in order.

    A word belongs to the first span that it shares a character with; words of no length get O. Raises UserError when
    spans overlap.
    """
    tags = ["O"] * len(offsets)
    position, last_end = 0, 0
    for span in sorted(spans):
        if span.start < last_end:
            raise UserError(f"The span {span.start} to {span.end} ({span.label}) overlaps the one before it.")
        last_end = span.end
        while position < len(offsets) and offsets[position][1] <= span.start:
            position += 1
        prefix = "B"
        while position < len(offsets) and offsets[position][0] < span.end:
            if offsets[position][0] < offsets[position][1]:
                tags[position] = f"{prefix}-{span.label}"
                prefix = "I"
            position += 1
    return tags


def words_to_text(words: Iterable[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words joined by single spaces, and the (start, end) characters of each in the result."""
    words = list(words)
    starts = itertools.accumulate((len(word) + 1 for word in words), initial=0)
    return " ".join(words), [(start, start + len(word)) for word, start in zip(words, starts, strict=False)]


def word_offsets(text: str) -> list[tuple[int, int]]:
    """The (start, end) characters of the words of `text.split()`."""
    return [match.span() for match in re.finditer(r"\S++", text)]


def bio_cell_tags(cell: str) -> list[str]:
    """The tags in a cell such as `B-PER O O`, also with commas or as a Python or JSON list."""
    inner = cell.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    return [word for word in (piece.strip("'\"") for piece in re.split(r"[\s,]+", inner)) if word]


def is_bio(cell: str) -> bool:
    """Whether most words of a cell are tags."""
    tags = bio_cell_tags(cell[:_LOOKED_AT])
    return bool(tags) and sum(map(is_tag, tags)) >= 0.8 * len(tags)


def parse_bio_cell(cell: str, text: str) -> list[Span]:
    """The spans of a cell with one tag for each word of `text.split()`.

    Raises UserError when a tag is malformed or their number differs from the number of words.
    """
    return tags_to_spans(bio_cell_tags(cell), word_offsets(text))


# Marks inside the text ----------------------------------------------------------------------------


def parse_markup(cell: str) -> tuple[str, list[Span]]:
    r"""The plain text and the spans of marked text: `[Ada](PER) joined [Acme](ORG)`.

    A backslash makes a following `[`, `]` or backslash an ordinary character, as is a bracket that is not part of a
    complete mark. Never fails: text without marks has no spans.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    done, length = 0, 0
    for match in _MARK.finditer(cell):
        pieces.append(cell[done : match.start()])
        length += match.start() - done
        done = match.end()
        escaped = match["escaped"]
        piece = escaped or _ESCAPED.sub(r"\1", match["inner"])
        if not escaped:
            spans.append(Span(length, length + len(piece), match["label"]))
        pieces.append(piece)
        length += len(piece)
    pieces.append(cell[done:])
    return "".join(pieces), spans


def is_marked(cell: str) -> bool:
    """Whether a text has a marked entity."""
    return "](" in cell and any(match["label"] for match in _MARK.finditer(cell))


def parse_marked_cell(cell: str, text: str) -> list[Span]:
    """The spans of a cell that holds `text` again, marked. Raises UserError when it holds another text."""
    plain, spans = parse_markup(cell)
    if plain.strip() != text.strip():
        raise UserError(f"Without its marks this cell is not the text of its row: {shown(plain)}.")
    shift = (len(text) - len(text.lstrip())) - (len(plain) - len(plain.lstrip()))
    return [Span(s.start + shift, s.end + shift, s.label) for s in spans]


# JSON ---------------------------------------------------------------------------------------------


def raw_json_spans(cell: str) -> list[Span]:
    """The spans in a cell, in its order, not yet compared with a text.

    Reads `[{"start": 0, "end": 4, "label": "PER"}]`, the same with single quotes (as pandas writes lists), and
    `[[0, 4, "PER"]]`. Raises UserError for any other cell.
    """
    value = literal(cell)
    if not isinstance(value, list):
        raise UserError("The spans must be a list, in square brackets.")
    return [_span(item) for item in value]


def is_json(cell: str) -> bool:
    """Whether a cell is meant as spans in JSON: a list of them, or of objects with a start or an end."""
    if not cell.startswith("["):
        return False
    try:
        raw_json_spans(cell[:LONGEST_CELL])
    except UserError:
        # Meant as spans despite a fault, such as an extra comma or a missing label.
        return cell[1:].lstrip().startswith("{") and _POSITION.search(cell) is not None
    return True


def literal(cell: str) -> object:
    """The value in a cell, written as JSON or as Python."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(cell)
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(python_to_json(cell), strict=False)
    raise UserError('This is not a list of spans such as [{"start": 0, "end": 4, "label": "PER"}].')


def _span(item: object) -> Span:
    if isinstance(item, dict):
        fields = (_START, _END, _LABELS)
        start, end, label = (next((item[name] for name in names if name in item), None) for names in fields)
    elif isinstance(item, (list, tuple)) and len(item) == 3:
        start, end, label = item
    else:
        start = end = label = None
    # Not isinstance(), as True and False are instances of int.
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
        raise UserError("Each span needs whole numbers start and end, and a label.")
    if len(label) > LONGEST_NAME or max(abs(start), abs(end)) > _FAR:
        raise UserError(f"A span's label may have {LONGEST_NAME:,} characters, and its start and end 12 digits.")
    return Span(start, end, label.strip())


# All notations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A notation: what a column of it holds, whether a cell is meant so, and the spans of a cell in a text."""

    holds: str
    is_meant: Callable[[str], bool]
    parse: Callable[[str, str], list[Span]]


FORMS = {
    "bio": Form("an entity tag per word", is_bio, parse_bio_cell),
    "json": Form("entity spans as JSON", is_json, lambda cell, text: raw_json_spans(cell)),
    "markup": Form("texts with marked entities", is_marked, parse_marked_cell),
}
