"""What a model gets wrong, shown by sentences of a fixed list (`assets/limits.toml`), for its card.

Two measurements: the sentiment of sentences that are hard to read, beside what a reader hears; and how far the answers
to two sentences lie apart that differ in one word for who somebody is (as Prabhakaran et al. 2019 measure it,
https://arxiv.org/abs/1910.04210).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

from mtl.config import KINDS, TaskSpec
from mtl.places import ASSETS

if TYPE_CHECKING:
    from mtl.model import Analysis

LIST = ASSETS / "limits.toml"
# The label whose probability is compared, where a head has it.
_NEGATIVE = "negative"


class Model(Protocol):
    """What is needed of a model."""

    tasks: dict[str, TaskSpec]

    def analyze(self, texts: Sequence[str]) -> list[Analysis]: ...


@dataclass(frozen=True)
class Answer:
    """A head's likeliest label for a sentence and its probability; what a `reader` hears, "" where the head has no such
    label; whether the model calls the sentence `unfamiliar`."""

    text: str
    label: str
    probability: float
    reader: str
    unfamiliar: bool

    @property
    def wrong(self) -> bool:
        return bool(self.reader) and self.label != self.reader


@dataclass(frozen=True)
class Group:
    """Answers to sentences that are hard for the same reason."""

    title: str
    about: str
    answers: tuple[Answer, ...]

    @property
    def wrong(self) -> int:
        return sum(answer.wrong for answer in self.answers)


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in one word, and the probability of one label for each."""

    first: str
    second: str
    probabilities: tuple[float, float]

    @property
    def difference(self) -> float:
        return self.probabilities[0] - self.probabilities[1]


@dataclass(frozen=True)
class Limits:
    """What was measured of one head: `task`; whether it has the labels that a reader gives (`judged`); and of pairs the
    probability of `label`. `others`: {task: (label, mean absolute difference over the pairs)} of the other heads."""

    task: str
    label: str
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]
    others: dict[str, tuple[str, float]]

    @property
    def judged(self) -> bool:
        return any(answer.reader for group in self.groups for answer in group.answers)

    @property
    def mean(self) -> float:
        """The mean absolute difference over the pairs."""
        return fmean(abs(pair.difference) for pair in self.pairs)


@functools.cache
def sentences() -> dict[str, Any]:
    """The fixed list: {"groups": [{title, about, sentences: [{text, reader}]}], "pairs": {"sentences": [[a, b]]}}."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))


def measure(model: Model) -> Limits | None:
    """The limits of the head that tells negative from positive, or else of the first that gives the labels of a text
    probabilities. None where no head does."""
    groups, pairs = sentences()["groups"], sentences()["pairs"]["sentences"]
    texts = [each["text"] for group in groups for each in group["sentences"]]
    found = model.analyze([*texts, *(text for pair in pairs for text in pair)])
    given = {}
    for name, spec in model.tasks.items():
        if KINDS[spec.kind].texts == 1 and name in found[0].results:
            probabilities = [KINDS[spec.kind].probabilities(analysis.results[name]) for analysis in found]
            if all(probabilities):
                given[name] = probabilities
    if not given:
        return None
    task = next((name for name in given if {_NEGATIVE, "positive"} <= {*model.tasks[name].labels}), next(iter(given)))
    compared = {name: _compared(pairs, each[len(texts) :]) for name, each in given.items()}
    label, measured = compared.pop(task)
    answers = iter(zip(given[task], found, strict=True))
    spec = model.tasks[task]
    shown = tuple(
        Group(group["title"], group["about"], tuple(_answer(spec, each, *next(answers)) for each in group["sentences"]))
        for group in groups
    )
    others = {name: (other, fmean(abs(pair.difference) for pair in each)) for name, (other, each) in compared.items()}
    return Limits(task, label, shown, measured, others)


def _answer(spec: TaskSpec, sentence: dict[str, str], probabilities: dict[str, float], analysis: Analysis) -> Answer:
    label = max(probabilities, key=probabilities.get)
    reader = sentence["reader"] if sentence["reader"] in spec.labels else ""
    return Answer(sentence["text"], label, probabilities[label], reader, bool(analysis.unfamiliar))


def _compared(pairs: Sequence[Sequence[str]], given: Sequence[dict[str, float]]) -> tuple[str, tuple[Pair, ...]]:
    """The label whose probabilities are compared, and the pairs: "negative", or else the label that differs most."""
    both = [*zip(given[::2], given[1::2], strict=True)]
    labels = [_NEGATIVE] if _NEGATIVE in given[0] else [*given[0]]
    label = max(labels, key=lambda name: sum(abs(first[name] - second[name]) for first, second in both))
    compared = zip(pairs, both, strict=True)
    return label, tuple(Pair(*pair, (first[label], second[label])) for pair, (first, second) in compared)
