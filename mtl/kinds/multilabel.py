"""Several labels: any number of a task's labels for each text, or none."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.config import TaskSpec
from mtl.data.facts import Facts
from mtl.data.labels import MOST_LABELS, why_hardly_labels
from mtl.data.rows import Column, Findings, Row
from mtl.data.several import most_likely
from mtl.kinds.classification import label_key, report_imbalance
from mtl.kinds.kind import THIN, Evidence, Kind, Metric, Report
from mtl.text.numbers import number_format
from mtl.text.values import LONGEST_NAME, plural, shown, visible

if TYPE_CHECKING:
    import numpy as np

# The evidence of cells whose parts are labels for certain, probably, and perhaps.
_CERTAIN, _LIKELY, _POSSIBLE = 1.0, 0.85, 0.75
# A label's own threshold is fitted from so many rows that have it; otherwise the one that fits all labels is used.
# That one needs so many labels in all.
_FEWEST_ROWS, _FEWEST_IN_ALL = 10, 3
# Answers are judged by thresholds that were fitted to all but one of so many parts of the rows.
_PARTS = 10
# Of so many labels the likeliest are written out.
_WRITTEN = 8
NONE = "none of the labels"


@dataclass(frozen=True, eq=False)
class LabelSet:
    """The labels that a row has, each once. `unknown`: those of which the data does not say whether it has them.

    The order is that of the file and makes no difference.
    """

    labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSet) and self._sets == other._sets

    def __hash__(self) -> int:
        return hash(self._sets)

    @property
    def _sets(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.labels), frozenset(self.unknown)


@dataclass(frozen=True)
class Labels:
    """The answer: the labels whose probability reaches their threshold, likeliest first; and every label's probability
    and threshold."""

    labels: tuple[str, ...]
    probabilities: dict[str, float]
    thresholds: dict[str, float]


class Multilabel(Kind):
    name = "multilabel"
    head = "mtl.heads:MultilabelHead"
    fewest_labels = 1
    teachable = True
    right_said = "all labels right for {} of {}"
    metrics = (
        Metric(
            "macro_f1",
            "macro F1",
            "F1 of each label, then the mean of them: rare labels count as much as frequent ones.",
        ),
        Metric("micro_f1", "micro F1", "F1 of all labels of all rows together: frequent labels count more."),
        Metric("exact", "all labels right", "The share of rows with every label found and no other answered."),
    )

    # --- data ---

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        if not (several := column.several):
            return None
        counts = Counter(label for cell in column.filled for label in set(several.read(cell)))
        if not likely and (doubt := why_hardly_labels(counts)):
            return Evidence(THIN, f"its cells hold several labels, {several.how}: {doubt}")
        score = _CERTAIN if several.sure else _LIKELY if several.likely else _POSSIBLE
        return Evidence(score, f"its cells hold several labels, {several.how}: {plural(len(several.labels), 'label')}")

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], LabelSet | None]:
        column = Facts(None, cells)
        several = column.several or most_likely(column.sample)
        divide = functools.cache(lambda cell: _of_family(cell) or (several.read(cell), []))
        # The most common spelling of each label.
        counts = Counter(label for cell in column.filled for label in divide(cell)[0])
        form = number_format(list(counts))
        usual: dict[str, str] = {}
        for label, _ in counts.most_common():
            usual.setdefault(label_key(label, form), visible(label))

        def to_labels(cell: str, text: str, line: int) -> LabelSet | None:
            found, unknown = divide(cell.strip())
            labels: dict[str, None] = {}
            for label in filter(None, map(str.strip, found)):
                if len(label) > LONGEST_NAME:
                    report("label-long", line, count=len(label), limit=LONGEST_NAME)
                    return None
                spelling = usual.get(label_key(label, form), label)
                if spelling != label:
                    report("label-spelling", line, cell=f'"{label}"', label=f'"{spelling}"')
                if spelling in labels:
                    report("label-twice", line, label=shown(spelling))
                labels[spelling] = None
            return LabelSet(tuple(labels), tuple(unknown))

        return to_labels

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        if not column.labels:
            findings.add("no-labels", None, column.name)
            return
        if len(column.labels) > MOST_LABELS:
            findings.add("too-many-labels", None, column.name, count=len(column.labels), limit=MOST_LABELS)
            return
        values = [row.labels[column.name] for row in rows]
        unknown = Counter(label for value in values for label in value.unknown)
        always = [label for label in column.labels if column.counts[label] + unknown[label] == len(values)]
        for label in always:
            findings.add("label-always", None, column.name, label=shown(label))
        report_imbalance(column, findings)
        once = {label for label, count in column.counts.items() if count == 1}
        for row in rows if once else ():
            for label in once.intersection(row.labels[column.name].labels):
                findings.add("label-once", row.line, column.name, label=shown(label))
        none = sum(not value.labels for value in values)
        if none:
            findings.add("label-none", None, column.name, count=none)

    def counts(self, values: Sequence[LabelSet]) -> Mapping[str, int]:
        return Counter(label for value in values for label in value.labels)

    def describe(self, values: Sequence[LabelSet]) -> str:
        most = max((len(value.labels) for value in values), default=0)
        return f"{plural(len(self.counts(values)), 'label')}, up to {most} of them a row"

    def varies(self, values: Sequence[LabelSet]) -> bool:
        counts = self.counts(values)
        unknown = Counter(label for value in values for label in value.unknown)
        return any(counts[label] + unknown[label] < len(values) for label in counts)

    def translate(self, value: LabelSet, meaning: Mapping[str, Any]) -> LabelSet:
        labels, unknown = (
            tuple(dict.fromkeys(new for label in side if (new := meaning.get(label, label)) is not None))
            for side in (value.labels, value.unknown)
        )
        return LabelSet(labels, tuple(label for label in unknown if label not in labels))

    def to_json(self, value: LabelSet) -> list[str]:
        return list(value.labels)

    def from_json(self, data: Sequence[str]) -> LabelSet:
        return LabelSet(tuple(data))

    def value_text(self, value: LabelSet) -> str:
        return ", ".join(value.labels) or NONE

    def misfit(self, value: Any, spec: TaskSpec) -> str:
        if not isinstance(value, LabelSet):
            return f"Task {spec.name!r} needs a list of labels, not {value!r}."
        strange = [label for label in value.labels if label not in spec.labels]
        return super().misfit(strange[0], spec) if strange else ""

    # --- answers ---

    def judged(self, spec: TaskSpec, truths: Sequence[LabelSet], answers: Sequence[Labels]) -> list[Labels]:
        """The answers by thresholds that were fitted to the other nine tenths of the rows: no row judges itself."""
        import numpy as np

        probabilities, truth = _probabilities(spec, answers), truth_matrix(spec, truths)
        part = np.arange(len(answers)) % _PARTS
        thresholds = np.empty_like(probabilities)
        for own in range(min(_PARTS, len(answers))):
            others = part != own
            thresholds[~others] = best_thresholds(probabilities[others], truth[others])
        return [decide(spec, row, own) for row, own in zip(probabilities, thresholds, strict=True)]

    def score(
        self, spec: TaskSpec, truths: Sequence[LabelSet], answers: Sequence[Labels], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """Macro and micro F1, the share of rows that are right throughout, and `per_class`: precision, recall and F1 of
        each label that a row has. What is unknown does not count."""
        import numpy as np

        truth = truth_matrix(spec, truths)
        known = ~np.isnan(truth)
        holds, said = truth == 1, truth_matrix(spec, [LabelSet(answer.labels) for answer in answers]) == 1
        right, false = (holds & said).sum(0), (known & ~holds & said).sum(0)
        missed = (holds & ~said).sum(0)
        precision, recall = _share(right, right + false), _share(right, right + missed)
        f1 = _share(2 * right, 2 * right + false + missed)
        present = np.flatnonzero(holds.any(0))
        return {
            # Labels without rows are left out of the mean.
            "macro_f1": float(f1[present].mean()) if len(present) else 0.0,
            "micro_f1": float(_share(2 * right.sum(), (2 * right + false + missed).sum())),
            "exact": float(((holds == said) | ~known).all(1).mean()),
            "per_class": {
                spec.labels[i]: {
                    "precision": float(precision[i]),
                    "recall": float(recall[i]),
                    "f1": float(f1[i]),
                    "rows": int(holds[:, i].sum()),
                }
                for i in present
            },
            "labels": list(spec.labels),
        }

    def written(self, answer: Labels) -> str:
        return json.dumps(answer.labels, ensure_ascii=False)

    def written_value(self, value: LabelSet) -> str:
        return json.dumps(value.labels, ensure_ascii=False)

    def value_of(self, answer: Labels) -> LabelSet:
        return LabelSet(answer.labels)

    def probabilities(self, answer: Labels) -> Mapping[str, float]:
        return answer.probabilities

    def error(self, truth: LabelSet, value: LabelSet) -> float:
        return float(bool(self.mistakes(truth, value)))

    def mistakes(self, truth: LabelSet, value: LabelSet) -> list[str]:
        """What is unknown of a row is no mistake."""
        missed = [f"{label} missed" for label in truth.labels if label not in value.labels]
        allowed = {*truth.labels, *truth.unknown}
        return missed + [f"{label} invented" for label in value.labels if label not in allowed]

    def mistake_family(self, mistake: str) -> str:
        return mistake.rpartition(" ")[2]

    def guess(self, values: Sequence[LabelSet]) -> LabelSet:
        """The commonest set of labels, which may be none."""
        return LabelSet(Counter(tuple(sorted(value.labels)) for value in values).most_common(1)[0][0])

    def answer_text(self, answer: Labels) -> str:
        ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
        said = []
        for label, probability in ranked[:_WRITTEN]:
            sign = ">=" if label in answer.labels else "<"
            said.append(f"{label} {probability:.1%} {sign} {answer.thresholds[label]:.1%}")
        return f"{', '.join(answer.labels) or NONE} ({', '.join(said)})"


def family_cell(labels: Sequence[str], unknown: Sequence[str]) -> str:
    """A cell for a row of columns of 0 and 1 (see `mtl.data.families`); `unknown`: labels whose column is blank."""
    value = {"labels": labels, "unknown": unknown} if unknown else labels
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_family(cell: str) -> tuple[list[str], list[str]] | None:
    """(labels, unknown ones) of a cell of `family_cell` with unknown labels; None for any other."""
    if not cell.startswith('{"labels":'):
        return None
    try:
        value = json.loads(cell)
        return value["labels"], value["unknown"]
    except (ValueError, KeyError, RecursionError):
        return None


# --- in numbers ---


def truth_matrix(spec: TaskSpec, values: Sequence[LabelSet]) -> np.ndarray:
    """(rows, labels): 1 for a label that a row has, 0 for others, NaN where that is unknown."""
    import numpy as np

    places = {label: i for i, label in enumerate(spec.labels)}
    truth = np.zeros((len(values), len(spec.labels)), dtype=np.float32)
    for row, value in zip(truth, values, strict=True):
        row[[places[label] for label in value.unknown if label in places]] = np.nan
        row[[places[label] for label in value.labels]] = 1
    return truth


def best_thresholds(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The threshold of each label with which its F1 is highest on these rows; (rows, labels), `truth` as from
    `truth_matrix`. For labels of few rows the one with which the F1 of all labels together is highest."""
    import numpy as np

    known = ~np.isnan(truth)
    common = _best_threshold(probabilities[known], truth[known], _FEWEST_IN_ALL)
    return np.array(
        [
            _best_threshold(probabilities[rows, i], truth[rows, i], _FEWEST_ROWS)
            if (truth[rows, i] == 1).sum() >= _FEWEST_ROWS
            else common
            for i, rows in enumerate(known.T)
        ]
    )


def _best_threshold(probabilities: np.ndarray, truth: np.ndarray, fewest: int) -> float:
    """The threshold from 0.01 to 0.99 with the highest F1, between two probabilities; 0.5 if fewer than so many have
    the label."""
    import numpy as np

    if (truth == 1).sum() < fewest:
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    right = np.cumsum(truth[order] == 1)
    f1 = 2 * right / (np.arange(1, len(ranked) + 1) + right[-1])
    below = np.append(ranked[1:], 0.0)
    f1[ranked == below] = 0  # no threshold parts what is equal
    best = int(np.argmax(f1))
    return float(np.clip((ranked[best] + below[best]) / 2, 0.01, 0.99))


def decide(spec: TaskSpec, probabilities: Sequence[float], thresholds: Sequence[float]) -> Labels:
    """The answer for a row, given the probability and the threshold of each label."""
    of, at = (
        {label: float(number) for label, number in zip(spec.labels, side, strict=True)}
        for side in (probabilities, thresholds)
    )
    found = sorted((label for label in spec.labels if of[label] >= at[label]), key=lambda label: -of[label])
    return Labels(tuple(found), of, at)


def _probabilities(spec: TaskSpec, answers: Sequence[Labels]) -> np.ndarray:
    import numpy as np

    return np.array([[answer.probabilities[label] for label in spec.labels] for answer in answers])


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient; 0 where the whole is."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)
