"""From the cells of a task's column to labels: a class, a number, or spans that fit the text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter

from mtl.config import UserError
from mtl.data.columns import Role
from mtl.data.rows import Findings, Row
from mtl.text.spans import (
    LONGEST_CELL,
    Span,
    bio_cell_tags,
    entity_starts,
    is_bio,
    is_json,
    is_marked,
    parse_bio_cell,
    parse_markup,
    raw_json_spans,
)
from mtl.text.values import LONGEST_NAME, is_blank, parse_number, shown

# The spans of a text may together be so many times as long as it, and so many characters more: each is looked at, and
# thousands may overlap.
_OVERLAPPING, _ROOM = 10, 100_000


class LabelReader:
    """Reads the cells of one column, whose `role` is a task, and reports what is wrong with them."""

    def __init__(self, name: str, role: Role, cells: Sequence[str], findings: Findings) -> None:
        self._name = name
        self._role = role
        self._findings = findings
        self._usual = _usual_spellings(cells) if role.kind == "classification" else {}
        self._spellings: dict[str, str] = {}
        self._iob1 = role.form == "bio" and _is_iob1(cells)

    def read(self, cell: str, text: str, line: int) -> str | float | tuple[Span, ...] | None:
        """The label in a cell; None when it is blank or faulty, which is then among the findings."""
        if is_blank(cell):
            self._report("label-blank", line)
            return None
        if self._role.kind == "classification":
            return self._class(cell, line)
        if self._role.kind == "regression":
            return self._number(cell, line)
        return self._spans(cell, text, line)

    def _class(self, cell: str, line: int) -> str | None:
        if (length := len(cell.strip())) > LONGEST_NAME:
            self._report("label-long", line, count=length, limit=LONGEST_NAME)
            return None
        usual = self._spellings.get(cell)
        if usual is None:
            usual = self._spellings[cell] = self._usual.setdefault(_label_key(cell), cell)
        if usual != cell:
            # The quotes show spaces, which may be all the difference.
            self._report("label-spelling", line, cell=f'"{cell}"', label=f'"{usual}"')
        return usual.strip()

    def _number(self, cell: str, line: int) -> float | None:
        number = parse_number(cell)
        if number is None:
            self._report("number", line, cell=shown(cell))
            return None
        return number

    def _spans(self, cell: str, text: str, line: int) -> tuple[Span, ...] | None:
        if (length := max(len(cell), len(text))) > LONGEST_CELL:
            self._report("entity-long", line, count=length, limit=LONGEST_CELL)
            return None
        try:
            form, spans = self._parsed(cell, text)
        except UserError as error:
            self._report("entity-cell", line, reason=str(error))
            return None
        if form == "bio" and not self._iob1 and entity_starts(bio_cell_tags(cell))[0]:
            self._report("bio-illegal", line)
        spans = list(dict.fromkeys(spans))
        covered = 0
        for span in spans:
            is_inside = 0 <= span.start < span.end <= len(text)
            covered += is_inside * (span.end - span.start)
            if covered > _ROOM + _OVERLAPPING * len(text):
                self._report("span-many", line, count=len(spans), times=_OVERLAPPING)
                return None
            if not is_inside or text[span.start : span.end].isspace():
                self._report("span-range", line, length=len(text), **_facts(span))
                return None
        return self._without_overlaps([self._trimmed(span, text, line) for span in spans], line)

    def _parsed(self, cell: str, text: str) -> tuple[str, list[Span]]:
        """How a cell is written, and its spans.

        The form of most of the column goes first, as a text may look like tags; what does not fit it is read as what
        it looks like.
        """
        form = self._role.form
        if cell.strip() == "[]":
            return form, []
        try:
            return form, _PARSERS[form](cell, text)
        except UserError:
            other = next((name for name, is_meant in _LOOKS.items() if is_meant(cell.strip())), form)
            if other == form:
                raise
        return other, _PARSERS[other](cell, text)

    def _without_overlaps(self, spans: Sequence[Span], line: int) -> tuple[Span, ...]:
        kept: list[Span] = []
        last: Span | None = None
        for span in sorted(set(spans), key=attrgetter("start", "end", "label")):
            if last is None or span.start >= last.end:
                kept.append(span)
            else:
                self._report("span-overlap", line, **_facts(last), **_facts(span, "other_"))
                if span.end - span.start <= last.end - last.start:
                    continue
                kept[-1] = span
            last = span
        return tuple(kept)

    def _trimmed(self, span: Span, text: str, line: int) -> Span:
        piece = text[span.start : span.end]
        start = span.start + len(piece) - len(piece.lstrip())
        end = span.end - (len(piece) - len(piece.rstrip()))
        if end - start < len(piece):
            self._report("span-space", line, **_facts(span))
        if _inside_word(text, start) or _inside_word(text, end):
            self._report("span-word", line, piece=shown(piece), **_facts(span))
        return Span(start, end, span.label)

    def _report(self, code: str, line: int, **facts: object) -> None:
        self._findings.add(code, line, self._name, **facts)


def unify_types(rows: Sequence[Row], task: str, findings: Findings) -> None:
    """Give entity types that differ in case alone the commonest spelling, in place, and report them."""
    counts = Counter(span.label for row in rows for span in row.labels.get(task, ()))
    groups: dict[str, list[str]] = defaultdict(list)
    for label, _ in counts.most_common():
        groups[label.casefold()].append(label)
    usual = {other: group[0] for group in groups.values() for other in group[1:]}
    for row in rows if usual else ():
        spans = row.labels.get(task, ())
        for label in sorted({span.label for span in spans} & usual.keys()):
            findings.add("label-spelling", row.line, task, cell=f'"{label}"', label=f'"{usual[label]}"')
        if spans:
            row.labels[task] = tuple(Span(s.start, s.end, usual.get(s.label, s.label)) for s in spans)


def _facts(span: Span, prefix: str = "") -> dict[str, object]:
    return {f"{prefix}start": span.start, f"{prefix}end": span.end, f"{prefix}label": span.label}


def _usual_spellings(cells: Sequence[str]) -> dict[str, str]:
    """For each label, whatever its spelling, the cell that is commonest for it."""
    usual: dict[str, str] = {}
    for cell, _ in Counter(cells).most_common():
        if len(cell) <= LONGEST_NAME:
            usual.setdefault(_label_key(cell), cell)
    return usual


def _label_key(cell: str) -> str:
    """What all spellings of a label have in common."""
    number = parse_number(cell)
    return repr(number) if number is not None else " ".join(cell.casefold().split())


def _is_iob1(cells: Sequence[str]) -> bool:
    starts = [entity_starts(bio_cell_tags(cell)) for cell in cells if len(cell) <= LONGEST_CELL]
    return sum(len(loose) for loose, _ in starts) > sum(strict for _, strict in starts)


def _marked(cell: str, text: str) -> list[Span]:
    plain, spans = parse_markup(cell)
    if plain.strip() != text.strip():
        raise UserError(f"Without its marks this cell is not the text of its row: {shown(plain)}.")
    shift = (len(text) - len(text.lstrip())) - (len(plain) - len(plain.lstrip()))
    return [Span(s.start + shift, s.end + shift, s.label) for s in spans]


_PARSERS = {"json": lambda cell, text: raw_json_spans(cell), "markup": _marked, "bio": parse_bio_cell}
_LOOKS = {"json": is_json, "markup": is_marked, "bio": is_bio}


def _inside_word(text: str, position: int) -> bool:
    """Whether a position parts two letters or digits.

    Scripts without capitals pass: many of them write no spaces.
    """
    return 0 < position < len(text) and _is_word_character(text[position - 1]) and _is_word_character(text[position])


def _is_word_character(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()
