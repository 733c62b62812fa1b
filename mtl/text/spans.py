"""Entity spans, and parsers for their notations: tags per word, JSON or Python, and marks inside the text.

A span counts characters of its text: `text[span.start:span.end]` is the entity.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mtl.config import UserError
from mtl.text.literals import LONGEST_CELL, literal
from mtl.text.tags import TagForm, is_tag, tag_form
from mtl.text.values import LONGEST_NAME, plural, shown

# A cell may hold megabytes, so no pattern here backtracks (++).
# How much of a cell is examined to decide whether it holds tags.
_LOOKED_AT = 10_000
# Beyond any position in a text.
_FAR = 10**12

# The label is one word right after the closing bracket, so that [a link](https://a.b) is not a mark.
_LABEL = re.compile(rf"\w[\w-]{{0,{LONGEST_NAME - 1}}}+")
_MARK = re.compile(
    r"\\(?P<escaped>[\\\[\]])"
    rf"|\[(?P<inner>(?:\\.|[^\[\]\\]++)++)\]\((?P<label>{_LABEL.pattern})\)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\\\[\]])")

# The names of a span's fields in the exports of various tools, in lower case and without underscores.
_START = ("start", "startoffset", "startpos", "startindex", "startchar", "begin", "beginoffset", "offset")
_END = ("end", "endoffset", "endpos", "endindex", "endchar", "stop")
_LENGTH = "length"
_LABELS = ("label", "labels", "entity", "type", "entitygroup", "tag", "category", "entitytype", "class")
_OWN = ("text", "word", "value")
_POSITION = re.compile(
    r"\b(?:(?:start|begin|end|stop)(?:_?(?:offset|pos|index|char))?|offset)\b['\"]?+\s*+:", re.IGNORECASE
)
# Where a cell is an object, the first of these that it has is its list of spans.
_LISTS = ("entities", "spans", "label", "labels", "annotations")


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """One entity: its characters, `end` exclusive, and its type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, order=True, slots=True)
class WrittenSpan(Span):
    """A span as an export has it; its places may count something else than characters. `own` is what it says its text
    is, "" if it does not."""

    own: str = field(default="", compare=False)


# Tags per word ------------------------------------------------------------------------------------


def entity_starts(tags: Iterable[str]) -> tuple[list[int], int]:
    """(indices of tags with which an entity begins by I- or E-; number of entities that begin with B- or S-), of
    canonical tags.

    Entities right after another of their type are not counted, as every scheme writes B- there. In BIO the former are
    mistakes; in IOB1 they are the rule, so a file in which they are the majority is IOB1.
    """
    loose: list[int] = []
    strict = 0
    before = ""
    for place, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if label and label != before:
            if prefix in "IE":
                loose.append(place)
            else:
                strict += 1
        before = "" if prefix in "ES" else label
    return loose, strict


def tags_to_spans(tags: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[Span]:
    """The spans of words with canonical tags, whose (start, end) characters are `offsets`.

    An I- or E- with no entity of its type before it starts one, as in IOB1.
    """
    spans: list[Span] = []
    start, end, current = 0, 0, ""
    for tag, (word_start, word_end) in zip(tags, offsets, strict=True):
        prefix, _, label = tag.partition("-")
        if current and (label != current or prefix in "BS"):
            spans.append(Span(start, end, current))
            current = ""
        if label:
            if not current:
                start, current = word_start, label
            end = word_end
            if prefix in "ES":
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
    """Whether most words of a cell are tags, with prefixes."""
    tags = bio_cell_tags(cell[:_LOOKED_AT])
    if not tags or sum(map(is_tag, tags)) >= 0.8 * len(tags):
        return bool(tags)
    form = tag_form(Counter(tags), fit=0.8) if len(tags) > 1 else None
    return form is not None and form.style in ("before", "after")


def parse_bio_cell(cell: str, text: str, form: TagForm) -> tuple[list[Span], list[str]]:
    """The spans of a cell with one tag for each word of `text.split()`, and the canonical tags.

    Raises UserError when a tag is malformed or their number differs from the number of words.
    """
    offsets, written = word_offsets(text), bio_cell_tags(cell)
    if len(written) != len(offsets):
        found, words = plural(len(written), "tag"), plural(len(offsets), "word")
        raise UserError(f"{found} for {words}; each word needs one tag.")
    tags = form.read(written)
    for tag, canonical in zip(written, tags, strict=True):
        if canonical is None:
            raise UserError(f"{tag!r} is not a tag. Write O, or B- or I- and the type, as in B-PER.")
    return tags_to_spans(tags, offsets), tags


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


def raw_json_spans(cell: str) -> list[WrittenSpan]:
    """The spans in a cell, in its order, not yet compared with a text.

    Reads `[{"start": 0, "end": 4, "label": "PER"}]`, the same with single quotes (as pandas writes lists),
    `[[0, 4, "PER"]]`, and the objects of Label Studio, spaCy and Prodigy. Raises UserError for any other cell.
    """
    try:
        value = literal(cell)
    except ValueError:
        raise UserError('This is not a list of spans such as [{"start": 0, "end": 4, "label": "PER"}].') from None
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS if name in value), None)
    if not isinstance(value, list):
        raise UserError("The spans must be a list, in square brackets.")
    return _whole_entities([_span(item) for item in value])


def _whole_entities(spans: list[WrittenSpan]) -> list[WrittenSpan]:
    """Entities of spans that are pieces of them with tags as labels, as Hugging Face's pipeline gives them; others as
    they are."""
    if not all(is_tag(span.label) for span in spans):
        return spans
    whole: list[WrittenSpan] = []
    for span in sorted(spans):
        prefix, _, label = span.label.partition("-")
        last = whole[-1] if whole else None
        gap = span.start - last.end if last else -1
        if last and last.label == label and (gap == 0 or (gap == 1 and prefix not in "BSU")):
            own = last.own + " " * gap + span.own if last.own and span.own else ""
            whole[-1] = WrittenSpan(last.start, span.end, label, own)
        elif label:
            whole.append(WrittenSpan(span.start, span.end, label, span.own))
    return whole


def is_json(cell: str) -> bool:
    """Whether a cell is meant as spans in JSON: a list of them, or of objects with a start or an end."""
    if not cell.startswith(("[", "{")):
        return False
    try:
        raw_json_spans(cell[:LONGEST_CELL])
    except UserError:
        # Meant as spans despite a fault, such as an extra comma or a missing label.
        return cell[1:].lstrip().startswith("{") and _POSITION.search(cell) is not None
    return True


def _span(item: object) -> WrittenSpan:
    own = None
    if isinstance(item, dict):
        start, end, label, own = _fields(item)
    elif isinstance(item, (list, tuple)) and len(item) == 3:
        start, end, label = item
    else:
        start = end = label = None
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    # Not isinstance(), as True and False are instances of int.
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
        raise UserError("Each span needs whole numbers start and end, and a label.")
    if len(label) > LONGEST_NAME or max(abs(start), abs(end)) > _FAR:
        raise UserError(f"A span's label may have {LONGEST_NAME:,} characters, and its start and end 12 digits.")
    return WrittenSpan(start, end, label.strip(), own if isinstance(own, str) else "")


def _fields(item: dict) -> tuple[object, object, object, object]:
    """Start, end, label and text of a span; None for what it has not."""
    label = item.get("label")
    if isinstance(item.get("points"), list) and len(item["points"]) == 1:
        item = item["points"][0]  # of Dataturks
    elif isinstance(item.get("value"), dict):
        item = item["value"]  # of Label Studio
    item = {"label": label, **item} if isinstance(item, dict) and label is not None else item
    names = {name.replace("_", "").lower(): value for name, value in item.items()} if isinstance(item, dict) else {}
    start, end, label, own = (
        next((names[n] for n in some if n in names), None) for some in (_START, _END, _LABELS, _OWN)
    )
    if "entity" in names and own == names.get("value"):
        own = None  # of Rasa, where it may be a synonym
    if end is None and type(start) is type(names.get(_LENGTH)) is int:
        end = start + names[_LENGTH]  # of Azure
    return start, end, label, own


# All notations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A notation: what a column of it holds, whether a cell is meant so, and the spans of a cell in a text."""

    holds: str
    is_meant: Callable[[str], bool]
    parse: Callable[[str, str], list[Span]]


FORMS = {
    "bio": Form("an entity tag per word", is_bio, lambda cell, text: parse_bio_cell(cell, text, TagForm())[0]),
    "json": Form("entity spans as JSON", is_json, lambda cell, text: raw_json_spans(cell)),
    "markup": Form("texts with marked entities", is_marked, parse_marked_cell),
}
