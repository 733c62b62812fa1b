"""Classification: one label for each text."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.config import TaskSpec
from mtl.data.facts import Facts
from mtl.data.labels import MOST_LABELS, why_hardly_labels, why_the_same
from mtl.data.rows import Column, Findings, Row
from mtl.data.several import label_list
from mtl.kinds.kind import THIN, Evidence, Kind, Metric, Report
from mtl.text.numbers import NumberFormat, number_format
from mtl.text.values import LONGEST_NAME, is_blank, is_null, plural, shown, visible

if TYPE_CHECKING:
    import numpy as np

# The most distinct values with which a column that probably holds labels is recognised however rarely they repeat.
_FEW = 50
# More labels than this are reported.
_MANY_LABELS = 50
# Imbalance is reported if the most common label has so many times the rows of the rarest, from so many rows on.
_HEAVY, _ENOUGH_ROWS = 10, 20


@dataclass(frozen=True)
class Classes:
    """A classification's answer: the likeliest label, and every label's probability."""

    label: str
    probabilities: dict[str, float]


class Classification(Kind):
    name = "classification"
    head = "mtl.heads:ClassificationHead"
    teachable = True
    metrics = (
        Metric(
            "macro_f1",
            "macro F1",
            "F1 of each label, then the mean of them: rare labels count as much as frequent ones.",
        ),
        Metric("accuracy", "accuracy", "The share of rows whose answer is right."),
        Metric(
            "macro_precision",
            "macro precision",
            "Of what was answered with a label, the share that is right; the mean over labels.",
        ),
        Metric("macro_recall", "macro recall", "Of what has a label, the share that was found; the mean over labels."),
    )

    def recognise(self, column: Facts, likely: bool) -> Evidence | None:
        if not column.holds_numbers(likely):
            return self._recognise_names(column, likely)
        distinct = set(column.all_numbers)
        # Grades, stars, 0 and 1: a few small whole numbers are more often classes than amounts.
        small = column.are_whole and min(distinct) >= -10 and max(distinct) <= 10
        if not small or not (likely or 1 < len(distinct) <= len(column.all_numbers) / 2):
            return None
        reason = f"it has {plural(len(distinct), 'small whole number')}"
        if likely:
            return Evidence(0.8, reason)
        if column.trails_off:
            return None
        doubt = why_the_same(Counter(column.all_numbers))
        return Evidence(THIN, doubt) if doubt else Evidence(0.8, reason)

    def _recognise_names(self, column: Facts, likely: bool) -> Evidence:
        counts = Counter(cell.casefold() for cell in column.filled)
        count, distinct = len(column.filled), len(counts)
        reason = f"it has {plural(distinct, 'distinct value')} in {plural(count, 'row')}"
        if distinct == 1 and count > 1 and not likely:
            return Evidence(0.0, "it is the same in every row")
        if distinct <= (_FEW if likely else 10 if count < 20 else 0) or 2 * distinct <= count:
            doubt = "" if likely else why_hardly_labels(counts)
            return Evidence(THIN, doubt) if doubt else Evidence(0.8, reason)
        return Evidence(0.0, f"{reason}, too many for labels")

    def reader(self, cells: Sequence[str], report: Report) -> Callable[[str, str, int], str | None]:
        if self.keeps_null(cells):
            nulls = [cell.strip() for cell in cells if is_null(cell)]
            report("label-null", None, count=len(nulls), cell=nulls[0])
        key = functools.cache(functools.partial(label_key, form=number_format(cells)))
        lists = [label_list(cell.strip()) for cell in cells if not is_blank(cell)]
        in_lists = all(found is not None and len(found) <= 1 for found in lists)
        own = functools.cache(lambda cell: visible("".join(label_list(cell.strip()) or ()) if in_lists else cell))
        # The most common spelling of each label.
        usual: dict[str, str] = {}
        for cell, _ in Counter(cells).most_common():
            if len(cell) <= LONGEST_NAME and not is_blank(own(cell)):
                usual.setdefault(key(own(cell)), own(cell))

        def read(cell: str, text: str, line: int) -> str | None:
            if (seen := own(cell)) != cell and not (in_lists or cell.isascii()):
                report("label-invisible", line, label=f'"{seen}"')
            cell = seen
            if in_lists and not seen:
                report("label-blank", line, noun=self.value_noun)
                return None
            if (length := len(cell.strip())) > LONGEST_NAME:
                report("label-long", line, count=length, limit=LONGEST_NAME)
                return None
            spelling = usual.setdefault(key(cell), cell)
            if spelling != cell:
                # In quotes, as spaces may be the only difference.
                report("label-spelling", line, cell=f'"{cell}"', label=f'"{spelling}"')
            return spelling.strip()

        return read

    def keeps_null(self, cells: Sequence[str]) -> bool:
        if sum(map(is_null, cells)) < 2:
            return False
        column = Facts(None, cells)
        return bool(column.filled) and not column.holds_numbers(likely=False)

    def examine(self, rows: Sequence[Row], column: Column, findings: Findings) -> None:
        if len(column.labels) == 1:
            findings.add("one-class", None, column.name, label=shown(column.labels[0]))
            return
        if len(column.labels) > MOST_LABELS:
            findings.add("too-many-labels", None, column.name, count=len(column.labels), limit=MOST_LABELS)
            return
        if len(column.labels) > _MANY_LABELS:
            findings.add("many-labels", None, column.name, count=len(column.labels))
        report_imbalance(column, findings)
        once = {label for label, count in column.counts.items() if count == 1}
        for row in rows if once else ():
            label = row.labels[column.name]
            if label in once:
                findings.add("label-once", row.line, column.name, label=shown(label))

    def counts(self, values: Sequence[str]) -> Mapping[str, int]:
        return Counter(values)

    def score(
        self, spec: TaskSpec, truths: Sequence[str], answers: Sequence[Classes], words: Sequence[Sequence[tuple]]
    ) -> dict[str, Any]:
        """Accuracy, macro precision, recall and F1, `per_class`, `confusion` (rows true, columns predicted, in the
        order of the labels), and the expected calibration error."""
        import numpy as np
        from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

        labels, predicted = list(spec.labels), [answer.label for answer in answers]
        # Labels without rows are left out of the macro means.
        present = [label for label in labels if label in set(truths)]
        precision, recall, f1, support = precision_recall_fscore_support(
            truths, predicted, labels=present, zero_division=0
        )
        return {
            "accuracy": float(accuracy_score(truths, predicted)),
            "macro_precision": float(np.mean(precision)),
            "macro_recall": float(np.mean(recall)),
            "macro_f1": float(np.mean(f1)),
            "per_class": {
                label: {"precision": float(p), "recall": float(r), "f1": float(f), "rows": int(n)}
                for label, p, r, f, n in zip(present, precision, recall, f1, support, strict=True)
            },
            "labels": labels,
            "confusion": confusion_matrix(truths, predicted, labels=labels).tolist(),
            "calibration_error": calibration_error(
                np.array([max(answer.probabilities.values()) for answer in answers]),
                np.array([truth == label for truth, label in zip(truths, predicted, strict=True)]),
            ),
        }

    def written(self, answer: Classes) -> str:
        return answer.label

    def value_of(self, answer: Classes) -> str:
        return answer.label

    def probabilities(self, answer: Classes) -> Mapping[str, float]:
        return answer.probabilities

    def mistakes(self, truth: str, value: str) -> list[str]:
        return [f"{truth} → {value}"] if truth != value else []

    def guess(self, values: Sequence[str]) -> str:
        return Counter(values).most_common(1)[0][0]

    def answer_text(self, answer: Classes) -> str:
        ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
        return f"{answer.label} (" + ", ".join(f"{label} {p:.1%}" for label, p in ranked) + ")"


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over equal bins (Guo et al. 2017)."""
    import numpy as np

    bin_of = bins_of(confidence, bins)
    gaps = np.bincount(bin_of, confidence, bins) - np.bincount(bin_of, correct, bins)
    return float(np.abs(gaps).sum() / len(confidence))


def bins_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Which of so many equal bins each confidence is in, from 0."""
    import numpy as np

    return np.minimum((confidence * bins).astype(int), bins - 1)


def report_imbalance(column: Column, findings: Findings) -> None:
    # Labels with a single row are reported on their own.
    counts = {label: count for label, count in column.counts.items() if count > 1}
    if len(counts) < 2 or sum(counts.values()) < _ENOUGH_ROWS:
        return
    common, rare = max(counts, key=counts.get), min(counts, key=counts.get)
    if counts[common] >= _HEAVY * counts[rare]:
        facts = {"common": shown(common), "many": counts[common], "rare": shown(rare), "few": counts[rare]}
        findings.add("imbalance", None, column.name, **facts)


def label_key(cell: str, form: NumberFormat) -> str:
    """The same for all spellings of a label."""
    number = form.parse(cell)
    return repr(number) if number is not None else " ".join(visible(cell).casefold().split())
