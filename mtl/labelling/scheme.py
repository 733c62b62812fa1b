"""What is asked of each text that is labelled: a task's name and kind, its labels in the order of their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mtl.config import KINDS, JsonData, TaskSpec, UserError
from mtl.data.header import plain_name
from mtl.kinds.classification import label_key
from mtl.kinds.kind import Kind
from mtl.kinds.multilabel import LabelSet
from mtl.text.cleaning import clean
from mtl.text.numbers import number_format
from mtl.text.spans import Span
from mtl.text.tags import is_tag
from mtl.text.values import cut, is_blank, plural, shown, visible

MOST_LABELS = 50
LONGEST_LABEL, LONGEST_DESCRIPTION = 100, 1_000


@dataclass(frozen=True)
class Scheme(JsonData):
    """A task, `name` and `kind`, and its labels; `descriptions` says in words what some of them mean. Where an answer
    is a number, it is from `low` to `high`.

    Raises `UserError` for labels that a file could not tell apart, or that mean something else in one.
    """

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for name, kind in (("labels", (list, tuple)), ("descriptions", Mapping)):
            if not isinstance(getattr(self, name), kind):
                raise UserError(f"{name} cannot be {cut(repr(getattr(self, name)), 40)}.")
        if not isinstance(self.kind, str) or self.kind not in KINDS or not can_be_labelled(KINDS[self.kind]):
            raise UserError(f"Texts cannot be labelled by hand for a task of the kind {cut(repr(self.kind), 40)}.")
        if isinstance(self.name, str):
            object.__setattr__(self, "name", plain_name(clean(self.name)))  # as it is read from a file
        labels = tuple(visible(clean(label)) if isinstance(label, str) else label for label in self.labels)
        object.__setattr__(self, "labels", labels)
        _ = self._checked  # whatever is wrong with name, labels or bounds
        if len(labels) > MOST_LABELS:
            raise UserError(f"{len(labels)} labels are too many to choose from; there can be {MOST_LABELS}.")
        form, seen = number_format(labels), {}
        for label in labels:
            self._check_label(label)
            if (other := seen.setdefault(label_key(label, form), label)) != label:
                raise UserError(f"{shown(other)} and {shown(label)} are the same label in a file: keep one of them.")
        self._check_descriptions()

    def _check_label(self, label: str) -> None:
        if len(label) > LONGEST_LABEL:
            raise UserError(f"The label {shown(label)} is longer than {LONGEST_LABEL} characters: shorten it.")
        if is_blank(label):
            raise UserError(f"{shown(label)} stands for no label at all in a file: choose another name for it.")
        if self.of.reads == "words" and is_tag(label):
            raise UserError(f"{shown(label)} is how a file marks a single word: choose another name for the type.")

    def _check_descriptions(self) -> None:
        for label, words in self.descriptions.items():
            if label not in self.labels:
                raise UserError(f"There is a description of {label!r}, which is not one of the labels.")
            if not isinstance(words, str) or len(words) > LONGEST_DESCRIPTION:
                raise UserError(f"A description is a text of up to {LONGEST_DESCRIPTION:,} characters; see {label!r}.")

    @property
    def of(self) -> Kind:
        """The record of its kind."""
        return KINDS[self.kind]

    @cached_property
    def _checked(self) -> TaskSpec:
        """The spec, filled up with labels that nobody can type while there are too few."""
        fillers = tuple(f"\0{i}" for i in range(self.of.fewest_labels - len(self.labels)))
        return TaskSpec(self.name, self.kind, self.labels + fillers, low=self.low, high=self.high)

    @property
    def spec(self) -> TaskSpec:
        """The task, for a model. Raises `UserError` while there are too few labels."""
        return TaskSpec(self.name, self.kind, self.labels, low=self.low, high=self.high)

    def value(self, value: Any, text: str) -> Any:
        """`value` as it is kept for a text: labels in their order, spans in theirs and without spaces around them.

        Raises `UserError` for one that the task, or the text, cannot have.
        """
        if isinstance(value, list):
            value = tuple(value)
        problem = self.of.misfit(value, self._checked)
        strange = not problem and not self.of.counts([value]).keys() <= {*self.labels}
        if strange or (problem and len(self.labels) < self.of.fewest_labels):
            has = plural(len(self.labels), self.of.label_noun)
            raise UserError(f"{self.name} has {has} so far, and not that one: add it first.")
        if problem:
            raise UserError(problem)
        if isinstance(value, tuple):
            return _apart(value, text)
        if isinstance(value, LabelSet):
            return LabelSet(tuple(label for label in self.labels if label in value.labels))
        if self.of.fewest_labels:
            return value
        if not self.low <= float(value) <= self.high:
            raise UserError(f"{value!r} is not from {self.low:g} to {self.high:g}, which is what {self.name} goes by.")
        return float(value)

    def words_for(self, label: str) -> str:
        """What a label means: its description, or its own name."""
        return self.descriptions.get(label, "").strip() or label


def can_be_labelled(kind: Kind) -> bool:
    """Whether a person can say what a text has of this kind."""
    return kind.texts == 1 and kind.labelled and kind.reads in ("sentence", "words")


def _apart(spans: Sequence[Span], text: str) -> tuple[Span, ...]:
    """Spans in the order of their text, without the spaces at their edges."""
    found: list[Span] = []
    for span in sorted(set(spans)):
        if not 0 <= span.start < span.end <= len(text):
            where = f"{span.start} to {span.end}"
            raise UserError(f"The span {where} is not in its text, which has {plural(len(text), 'character')}.")
        piece = text[span.start : span.end]
        start, end = span.end - len(piece.lstrip()), span.start + len(piece.rstrip())
        if start >= end:
            raise UserError("There are only spaces there: mark the words.")
        found.append(Span(start, end, span.label))
    for one, other in zip(found, found[1:], strict=False):
        if other.start < one.end:
            both = f"{shown(text[one.start : one.end])} ({one.label}) and {shown(text[other.start : other.end])}"
            raise UserError(f"{both} ({other.label}) overlap: remove one of them first.")
    return tuple(found)
