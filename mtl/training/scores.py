"""The scores of tasks, as `mtl.training.metrics.evaluate` gives them and events, cards and terminal show them.

Free of torch, so that the page can read them before it has loaded a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mtl.config import KINDS
from mtl.text.values import plural

# Scores of fewer rows than this are mostly chance.
FEW = 10
# All scores of each task.
Scores = Mapping[str, Mapping[str, Any]]


def headlines(scores: Scores, kinds: Mapping[str, str]) -> dict[str, float]:
    """The headline score of each task of `kinds` (task -> kind) that has one."""
    metrics = {task: KINDS[kind].headline.name for task, kind in kinds.items()}
    return {task: scores[task][metric] for task, metric in metrics.items() if metric in scores.get(task, ())}


def row_count(scores: Mapping[str, Any], which: str = " held out") -> str:
    """From how many rows the scores of a task are, and whether that is too few."""
    count = f"{plural(scores['rows'], 'row')}{which}"
    return f"{count}: this says little" if scores["rows"] < FEW else count


def by_set(scores: Mapping[str, Scores]) -> Mapping[str, Any]:
    """Scores of sets of rows as events give them: by task where there is one set, as usual; else by set and task."""
    return next(iter(scores.values())) if len(scores) == 1 else scores


def each_task(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(set of rows, task, its scores) of scores in the form of `by_set`; the set is "" where there is only one."""
    for name, own in scores.items():
        if "rows" in own:
            yield "", name, own
        else:
            yield from ((name, task, each) for task, each in own.items())
