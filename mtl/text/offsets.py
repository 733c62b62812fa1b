"""How the spans of a table count their places: characters from 0 as usual, or UTF-16 units, bytes, words, from 1, ...

Tools differ in that. What a span says its text is tells which it is; where spans say nothing, the borders of words do.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mtl.text.spans import Span, WrittenSpan, word_offsets

# So many spans, in texts of so many characters, are examined; of so many the text is searched for.
_SAMPLE, _CHARACTERS, _SEARCHED = 2000, 500_000, 200
# Fewer spans are no evidence: where they say what their text is, and where they do not.
_FEW_TEXTS, _FEW = 3, 5
# The share of spans that has to be right by another way of counting; and that may be right by the usual one.
_MOST, _NEARLY_ALL, _HARDLY_ANY = 0.9, 0.95, 0.2
# Where tokenizers put words together: spaces, and marks of pieces of words.
_BETWEEN = re.compile(r"\s++|##")
_UNKNOWN = "[UNK]"

Places = Sequence[tuple[int, int]]


def _repeated(text: str, size: Callable[[str], int]) -> Places:
    """Each character as often as its size says."""
    return [(i, i + 1) for i, character in enumerate(text) for _ in range(size(character))]


# What is counted -> the characters (start, end) of each in a text; None where they are the characters themselves.
_UNITS: dict[str, Callable[[str], Places | None]] = {
    "characters": lambda text: None,
    "characters, and \\r\\n as one of them": lambda text: (
        [match.span() for match in re.finditer(r"\r\n|.", text, re.DOTALL)] if "\r\n" in text else None
    ),
    "UTF-16 units, as JavaScript does": lambda text: (
        _repeated(text, lambda character: 1 + (character > "\uffff")) if text and max(text) > "\uffff" else None
    ),
    "bytes of UTF-8": lambda text: (
        None if text.isascii() else _repeated(text, lambda c: len(c.encode("utf-8", "surrogatepass")))
    ),
    "words": word_offsets,
    "words and punctuation marks": lambda text: [match.span() for match in re.finditer(r"\w++|[^\w\s]", text)],
}
_WORDS = list(_UNITS)[-2:]


@dataclass(frozen=True)
class Counting:
    """What the places of a span count, by how much they are too high, and whether the end is the last one inside."""

    unit: str = "characters"
    shift: int = 0
    inclusive: bool = False

    def place(self, spans: Sequence[Span], text: str) -> list[Span]:
        """The spans in characters of their text. What is beyond the text stays so."""
        return self._place(spans, _UNITS[self.unit](text), len(text))

    def _place(self, spans: Iterable[Span], units: Places | None, length: int) -> list[Span]:
        result: list[Span] = []
        for span in spans:
            start, end = span.start - self.shift, span.end - self.shift + self.inclusive
            if units is not None:
                inside = 0 <= start < end <= len(units)
                start, end = (units[start][0], units[end - 1][1]) if inside else (length, length)
            result.append(Span(start, end, span.label))
        return result

    @property
    def said(self) -> str:
        """As in "UTF-16 units, from 1"."""
        said = [self.unit]
        if self.shift == 1:
            said.append("from 1")
        elif self.shift:
            said.append(
                f"but are {abs(self.shift):,} too {'high' if self.shift > 0 else 'low'}, as if the text had moved"
            )
        if self.inclusive:
            said.append("the end being the last one of the entity")
        return ", ".join(said)


USUAL = Counting()


@dataclass(frozen=True)
class Verdict:
    """How spans count. Where that is not certain though nearly all are not whole words, `broken` says how many of those
    `examined`, and `suspects` by which ways of counting they would be whole."""

    counting: Counting = USUAL
    suspects: tuple[Counting, ...] = ()
    broken: int = 0
    examined: int = 0


# The spans of each text, and how they count -> where they are, one after another.
_Sample = Sequence[tuple[str, Sequence[WrittenSpan]]]
_Readings = Iterator[tuple[Counting, list[Span]]]


def find_counting(texts: Iterable[tuple[str, Sequence[Span]]]) -> Verdict:
    """How the spans of texts count their places. Other than usual only if that is clear for the whole table."""
    sample: list[tuple[str, list[WrittenSpan]]] = []
    count = characters = 0
    for text, spans in texts:
        if own := [span for span in spans if isinstance(span, WrittenSpan)]:
            sample.append((text, own))
            count, characters = count + len(own), characters + len(text)
        if count > _SAMPLE or characters > _CHARACTERS:
            break
    telling = [(text, [span for span in spans if span.own]) for text, spans in sample]
    if sum(len(spans) for _, spans in telling) >= _FEW_TEXTS:
        return Verdict(_by_texts(telling))
    return _by_borders(sample) if count >= _FEW else Verdict()


def says_otherwise(span: Span, placed: Span, text: str) -> bool:
    """Whether a span says that its text is another one than stands at its place."""
    own = span.own if isinstance(span, WrittenSpan) else ""
    return bool(own) and not _are_same(own, text[max(0, placed.start) : max(0, placed.end)])


def is_inside_word(text: str, position: int) -> bool:
    """Whether a position is between two letters or digits; not in scripts without capitals, many of which write no
    spaces."""
    return 0 < position < len(text) and _is_of_word(text[position - 1]) and _is_of_word(text[position])


def _by_texts(sample: _Sample) -> Counting:
    texts = [text for text, spans in sample for _ in spans]
    written = [span for _, spans in sample for span in spans]

    def right(places: Iterable[Span]) -> int:
        # Spaces at the ends would hide that a place is one too far.
        pieces = [text[max(0, s.start) : max(0, s.end)] for s, text in zip(places, texts, strict=True)]
        same = zip(written, pieces, strict=True)
        return sum(span.own == piece or (piece == piece.strip() and _are_same(span.own, piece)) for span, piece in same)

    usual = right(written)
    if usual == len(written):
        return USUAL
    pairs = itertools.islice(zip(texts, written, strict=True), _SEARCHED)
    moved = Counter(span.start - text.find(span.own) for text, span in pairs if text.count(span.own) == 1)
    shift = max(moved, key=moved.get, default=0)
    counts = {counting: right(places) for counting, places in _readings(sample, shift)}
    best = max(counts, key=counts.get)
    return best if counts[best] > usual and counts[best] >= _MOST * len(written) else USUAL


def _by_borders(sample: _Sample) -> Verdict:
    texts = [text for text, spans in sample for _ in spans]
    written = [span for _, spans in sample for span in spans]
    usual = USUAL.place(written, "")
    whole = list(map(_is_whole, usual, texts))
    broken = whole.count(False)
    if not broken:
        return Verdict()
    likely: dict[tuple[Span, ...], Counting] = {}
    for counting, places in _readings(sample):
        other = [i for i, place in enumerate(places) if place != usual[i]]
        better = sum(map(_is_whole, places, texts))
        enough = _NEARLY_ALL * len(places)
        if counting.unit in _WORDS:
            # Words are whole in any case. Most entities being single words, some have the same start and end if that is
            # inclusive.
            enough = len(places)
            if counting.inclusive != any(span.start == span.end for span in written):
                continue
        if len(other) >= _FEW and better >= enough and sum(whole[i] for i in other) <= _HARDLY_ANY * len(other):
            likely.setdefault(tuple(places), counting)
    if len(likely) == 1:
        return Verdict(*likely.values())
    if broken < (1 - _HARDLY_ANY) * len(whole):
        return Verdict()
    return Verdict(USUAL, tuple(likely.values()), broken, len(whole))


def _readings(sample: _Sample, shift: int = 0) -> _Readings:
    """All ways of counting that make a difference, likeliest first; the last are of characters `shift` too high."""
    units = {unit: [to_places(text) for text, _ in sample] for unit, to_places in _UNITS.items()}
    different = [unit for unit, places in units.items() if any(places) or unit == USUAL.unit]
    countings = [Counting(unit, *how) for how in itertools.product((0, 1), (False, True)) for unit in different]
    for counting in (*countings[1:], Counting(shift=shift), Counting(shift=shift, inclusive=True)):
        places = zip(sample, units[counting.unit], strict=True)
        yield counting, [s for (text, spans), own in places for s in counting._place(spans, own, len(text))]


def _is_whole(span: Span, text: str) -> bool:
    """Whether a span is in the text, and begins and ends with a word."""
    piece = text[span.start : span.end] if 0 <= span.start < span.end <= len(text) else ""
    borders = (span.start, span.end)
    return bool(piece) and piece == piece.strip() and not any(is_inside_word(text, place) for place in borders)


def _are_same(own: str, piece: str) -> bool:
    return own == piece or _UNKNOWN in own or _plain(own) == _plain(piece)


def _plain(text: str) -> str:
    return _BETWEEN.sub("", text).casefold()


def _is_of_word(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()
