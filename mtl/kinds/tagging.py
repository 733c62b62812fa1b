"""Tagging: the entities in a text, as spans of its characters. The head gives a BIO tag for each word."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from mtl.config import TaskSpec, UserError
from mtl.data.facts import Facts
from mtl.data.rows import Column, Findings, Row
from mtl.kinds.kind import Evidence, Kind, Metric, Report
from mtl.text.literals import LONGEST_CELL
from mtl.text.offsets import USUAL, find_counting, is_inside_word, says_otherwise
from mtl.text.spans import (
    FORMS,
    Span,
    WrittenSpan,
    bio_cell_tags,
    entity_starts,
    parse_bio_cell,
    spans_to_tags,
)
from mtl.text.tags import TagForm, tag_form
from mtl.text.values import plural, shown

# The spans of a text may add up to this many times its length plus this many characters: thousands may overlap, and
# each is examined.
_OVERLAPPING, _ROOM = 10, 100_000
# The names of our scores in seqeval.
_FIGURES = {"precision": "precision", "recall": "recall", "f1": "f1-score"}


@dataclass(frozen=True)
class Entity:
    """A span of a text, `text[start:end]` in characters, with its type and a score from 0 to 1."""

    start: int
    end: int
    label: str
    text: str
    score: float


def tags_of(spec: TaskSpec) -> tuple[str, ...]:
    """The BIO tags of a task: O first, then B- and I- of each entity type."""
    return ("O", *(f"{prefix}-{label}" for label in spec.labels for prefix in "BI"))


class Tagging(Kind):
    name = "tagging"
    head = "mtl.heads:TaggingHead"
    reads = "words"
    fewest_labels = 1
    label_noun = "entity type"
    hub_task = "token-classification"
    right_said = "every entity right in {} of {}"
    metrics = (
        Metric("f1", "entity F1", "Precision and recall in one number (their harmonic mean)."),
        Metric(
            "precision", "precision", "Of the names it marked, the share that is right, from first to last character."
        ),
        Metric("recall", "recall", "Of the names there are, the share that it found."),
    )

    def new_spec(self, name: str, labels: tuple[str, ...], values: Sequence[tuple[Span, ...]]) -> TaskSpec:
        return TaskSpec(name, self.name, labels, hidden=256, shape_window=2)

    def outputs(self, spec: TaskSpec) -> int:
        return len(tags_of(spec))

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        form = column.entity_form
        return Evidence(1.0, f"it holds {FORMS[form].holds}") if form else None

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], list[Span] | None]:
        """Reads lists of spans as they are written, which `settle` makes tuples in characters of the text."""
        column = Facts(None, cells)
        return _SpanReader(column.entity_form or column.likeliest_form, cells, report).read

    def settle(self, rows: Sequence[Row], name: str, findings: Findings) -> None:
        """Find out how the spans of cells count, and where they are; give entity types that differ only in case the
        most common spelling."""
        _settle_places(rows, name, findings)
        counts = Counter(span.label for row in rows for span in row.labels.get(name, ()))
        groups: dict[str, list[str]] = defaultdict(list)
        for label, _ in counts.most_common():
            groups[label.casefold()].append(label)
        usual = {other: group[0] for group in groups.values() for other in group[1:]}
        for row in rows if usual else ():
            spans = row.labels.get(name, ())
            for label in sorted({span.label for span in spans} & usual.keys()):
                findings.add("label-spelling", row.line, name, cell=f'"{label}"', label=f'"{usual[label]}"')
            if spans:
                row.labels[name] = self.translate(spans, usual)

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        if not column.labels:
            findings.add("no-entities", None, column.name)

    def counts(self, values: Sequence[tuple[Span, ...]]) -> Mapping[str, int]:
        return Counter(span.label for spans in values for span in spans)

    def describe(self, values: Sequence[tuple[Span, ...]]) -> str:
        counts = self.counts(values)
        return f"{plural(sum(counts.values()), 'entity', 'entities')} of {plural(len(counts), 'type')}"

    def translate(self, value: tuple[Span, ...], meaning: Mapping[str, Any]) -> tuple[Span, ...]:
        spans = ((span, meaning.get(span.label, span.label)) for span in value)
        return tuple(Span(span.start, span.end, label) for span, label in spans if label is not None)

    def to_json(self, value: tuple[Span, ...]) -> list[dict[str, Any]]:
        return [dataclasses.asdict(span) for span in value]

    def from_json(self, data: Sequence[Mapping[str, Any]]) -> tuple[Span, ...]:
        return tuple(Span(**span) for span in data)

    def value_text(self, value: tuple[Span, ...]) -> str:
        return ", ".join(f"{span.label} {span.start}-{span.end}" for span in value) or "none"

    def cut(self, value: tuple[Span, ...], characters: int) -> tuple[Span, ...]:
        return tuple(span for span in value if span.end <= characters)

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        if not isinstance(value, tuple):
            return f"Task {spec.name!r} needs entities, not {value!r}."
        strange = sorted({span.label for span in value} - {*spec.labels})
        return super().misfit(strange[0], spec) if strange else ""

    def score(
        self,
        spec: TaskSpec,
        truths: Sequence[tuple[Span, ...]],
        answers: Sequence[tuple[Entity, ...]],
        words: Sequence[Sequence[tuple]],
    ) -> dict[str, Any]:
        """seqeval's strict precision, recall and F1 over the tokenizer's words, which are finer than those of a CoNLL
        file: a span counts if its type, first and last character are right."""
        from seqeval.metrics import classification_report
        from seqeval.scheme import IOB2

        true, predicted = (
            [word_tags(spans, own) for spans, own in zip(side, words, strict=True)] for side in (truths, answers)
        )
        report: dict[str, Any] = {}
        if any(tag != "O" for tags in (*true, *predicted) for tag in tags):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about types that are never predicted; their scores are 0
                report = classification_report(
                    true, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
                )

        def figures(of: str) -> dict[str, float]:
            return {name: float(report.get(of, {}).get(key, 0.0)) for name, key in _FIGURES.items()}

        per_class = {
            label: figures(label) | {"rows": int(report[label]["support"])} for label in spec.labels if label in report
        }
        return figures("micro avg") | {"per_class": per_class}

    def written(self, answer: tuple[Entity, ...]) -> str:
        return json.dumps([dataclasses.asdict(entity) for entity in answer], ensure_ascii=False)

    def written_value(self, value: tuple[Span, ...]) -> str:
        return json.dumps(self.to_json(value), ensure_ascii=False)

    def value_of(self, answer: tuple[Entity, ...]) -> tuple[Span, ...]:
        return tuple(Span(entity.start, entity.end, entity.label) for entity in answer)

    def error(self, truth: tuple[Span, ...], value: tuple[Span, ...]) -> float:
        return float({*truth} != {*value})

    def mistakes(self, truth: tuple[Span, ...], value: tuple[Span, ...]) -> list[str]:
        """Each entity that is not in both: missed or invented, or at the place of another, of a wrong type or with a
        wrong edge."""
        missed, invented = ([s for s in one if s not in other] for one, other in ((truth, value), (value, truth)))
        found = []
        for span in missed:
            rival = next((other for other in invented if other.start < span.end and span.start < other.end), None)
            if rival is None:
                found.append(f"{span.label} missed")
                continue
            invented.remove(rival)
            is_moved = (rival.start, rival.end) != (span.start, span.end)
            turned = f"{span.label} → {rival.label}"
            found.append(turned if rival.label != span.label else f"{span.label} with a wrong edge")
            found += [f"{span.label} with a wrong edge"] if is_moved and rival.label != span.label else []
        return found + [f"{span.label} invented" for span in invented]

    def mistake_family(self, mistake: str) -> str:
        if " → " in mistake:
            return "wrong type"
        return "wrong edge" if mistake.endswith(" edge") else mistake.rpartition(" ")[2]

    def guess(self, values: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
        return ()

    def answer_text(self, answer: tuple[Entity, ...]) -> str:
        return ", ".join(f"{e.text} [{e.label} {e.score:.2f}]" for e in answer) or "none"


def word_tags(spans: Sequence[Span | Entity], words: Sequence[tuple[int, int, int]]) -> list[str]:
    """BIO tags, one for each of a tokenizer's words (see `mtl.text.batches.Tokens`)."""
    return spans_to_tags([Span(s.start, s.end, s.label) for s in spans], [(start, end) for start, end, _ in words])


# --- cells ---


class _SpanReader:
    """Reads the cells of a column of entities."""

    def __init__(self, form: str, cells: Sequence[str], report: Report) -> None:
        self._form, self._report = form, report
        tagged = [bio_cell_tags(cell) for cell in cells if len(cell) <= LONGEST_CELL] if form == "bio" else []
        self._tags = tag_form(Counter(itertools.chain.from_iterable(tagged))) or TagForm()
        starts = [entity_starts(tag or "O" for tag in self._tags.read(tags)) for tags in tagged]
        # In IOB1 an entity may begin with I-.
        self._iob1 = sum(len(loose) for loose, _ in starts) > sum(strict for _, strict in starts)

    def read(self, cell: str, text: str, line: int) -> list[Span] | None:
        if (length := max(len(cell), len(text))) > LONGEST_CELL:
            self._report("entity-long", line, count=length, limit=LONGEST_CELL)
            return None
        try:
            spans, tags = self._parsed(cell, text)
        except UserError as error:
            self._report("entity-cell", line, reason=str(error))
            return None
        if not self._iob1 and entity_starts(tags)[0]:
            self._report("bio-illegal", line)
        return list(dict.fromkeys(spans))

    def _parsed(self, cell: str, text: str) -> tuple[list[Span], list[str]]:
        """The spans of a cell, and its tags if it holds some.

        The column's usual form is tried first, as a text may look like tags, then the form that the cell looks like."""
        if cell.strip() == "[]":
            return [], []
        try:
            return self._parsed_as(self._form, cell, text)
        except UserError:
            other = next((name for name, about in FORMS.items() if about.is_meant(cell.strip())), self._form)
            if other == self._form:
                raise
        return self._parsed_as(other, cell, text)

    def _parsed_as(self, form: str, cell: str, text: str) -> tuple[list[Span], list[str]]:
        if form == "bio":
            return parse_bio_cell(cell, text, self._tags)
        return FORMS[form].parse(cell, text), []


# --- spans in their texts ---


def _settle_places(rows: Sequence[Row], name: str, findings: Findings) -> None:
    """Turn lists of spans as written into tuples of spans in characters; a row with a faulty one gets no label."""
    report = functools.partial(findings.add, column=name)
    written = [row for row in rows if isinstance(row.labels.get(name), list)]
    verdict = find_counting((row.text, row.labels[name]) for row in written)
    counting = verdict.counting
    if verdict.broken:
        may_be = " or ".join(suspect.said for suspect in verdict.suspects) or "bytes, words, or characters from 1"
        report("span-suspect", None, count=verdict.broken, examined=verdict.examined, may_be=may_be)
    is_said = counting == USUAL
    for row in written:
        spans = row.labels.pop(name)
        places = spans if counting == USUAL else counting.place(spans, row.text)
        pairs = [
            (span, placed if isinstance(span, WrittenSpan) else span)
            for span, placed in zip(spans, places, strict=True)
        ]
        if not is_said:
            for span, placed in pairs:
                if (span.start, span.end) != (placed.start, placed.end) and _is_inside(placed, row.text):
                    piece = shown(row.text[placed.start : placed.end])
                    report("span-counting", row.line, said=counting.said, piece=piece, **_facts(span))
                    is_said = True
                    break
        if _are_sound(pairs, row, report):
            trimmed = [_trimmed(placed, row.text, row.line, report) for _, placed in pairs]
            row.labels[name] = _without_overlaps(trimmed, row.line, report)


def _are_sound(pairs: Sequence[tuple[Span, Span]], row: Row, report: Report) -> bool:
    """Whether spans, as written and in characters, are in their text and say no other text is theirs."""
    covered = 0
    for span, placed in pairs:
        is_inside = _is_inside(placed, row.text)
        covered += is_inside * (placed.end - placed.start)
        if covered > _ROOM + _OVERLAPPING * len(row.text):
            report("span-many", row.line, count=len(pairs), times=_OVERLAPPING)
            return False
        if not is_inside or row.text[placed.start : placed.end].isspace():
            report("span-range", row.line, length=len(row.text), **_facts(span))
            return False
        if says_otherwise(span, placed, row.text):
            piece = shown(row.text[placed.start : placed.end])
            report("span-text", row.line, own=shown(span.own), piece=piece, **_facts(span))
            return False
    return True


def _is_inside(span: Span, text: str) -> bool:
    return 0 <= span.start < span.end <= len(text)


def _trimmed(span: Span, text: str, line: int, report: Report) -> Span:
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    end = span.end - (len(piece) - len(piece.rstrip()))
    if end - start < len(piece):
        report("span-space", line, **_facts(span))
    if is_inside_word(text, start) or is_inside_word(text, end):
        report("span-word", line, piece=shown(piece), **_facts(span))
    return Span(start, end, span.label)


def _without_overlaps(spans: Sequence[Span], line: int, report: Report) -> tuple[Span, ...]:
    result: list[Span] = []
    for span in sorted(set(spans), key=attrgetter("start", "end", "label")):
        if not result or span.start >= result[-1].end:
            result.append(span)
            continue
        last = result[-1]
        report("span-overlap", line, **_facts(last), **_facts(span, "other_"))
        if span.end - span.start > last.end - last.start:
            result[-1] = span
    return tuple(result)


def _facts(span: Span, prefix: str = "") -> dict[str, object]:
    return {f"{prefix}start": span.start, f"{prefix}end": span.end, f"{prefix}label": span.label}
