"""Scores of a model on labelled rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtl.config import KINDS, TaskSpec
from mtl.data.rows import Row
from mtl.model import Encoded, MultiTaskModel, reads_words
from mtl.text.batches import Batch, Tokens


@dataclass
class Outcome:
    """A head's answers beside the labels, of the rows at `places`; `losses` are those of texts or words."""

    spec: TaskSpec
    places: list[int] = field(default_factory=list)
    truths: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    words: list = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def evaluate(
    model: MultiTaskModel,
    rows: Sequence[Row],
    tasks: Sequence[str] | None = None,
    cached: tuple[list[Tokens], Callable] | None = None,
    learning: bool = False,
) -> dict[str, dict[str, Any]]:
    """Scores per task on the rows that have a label for it; tasks without labels are left out.

    Each has `rows`, `loss`, and what `Kind.score` gives. Arguments as for `answered`."""
    return scored(answered(model, rows, tasks, cached, learning))


def answered(
    model: MultiTaskModel,
    rows: Sequence[Row],
    tasks: Sequence[str] | None = None,
    cached: tuple[list[Tokens], Callable] | None = None,
    learning: bool = False,
) -> list[Outcome]:
    """The outcome of each task that some of the rows have a label for.

    `cached` replaces the backbone if its outputs are cached: the rows' tokens, and a function like
    `MultiTaskModel.each_batch`. `learning`: nothing has been fitted to held-out rows yet (see `Kind.judged`).
    """
    chosen = [model.head(name).spec for name in (model.tasks if tasks is None else tasks)]
    chosen = [spec for spec in chosen if any(spec.name in row.labels for row in rows)]
    if cached is not None:
        kept, (tokens, each_batch) = range(len(rows)), cached
    else:
        names = {spec.name for spec in chosen}
        kept = [i for i, row in enumerate(rows) if names & row.labels.keys()]
        rows = [rows[i] for i in kept]
        tokens = model.tokenise([row.texts for row in rows], words=reads_words(chosen))
        each_batch = functools.partial(model.each_batch, tokens)
    outcomes = {spec.name: Outcome(spec) for spec in chosen}

    def collect(indices: list[int], batch: Batch, encoded: Encoded) -> None:
        for name, outcome in outcomes.items():
            places = [place for place, i in enumerate(indices) if name in rows[i].labels]
            if not places:
                continue
            head, labelled = model.head(name), [tokens[indices[place]] for place in places]
            truths, words = [rows[indices[place]].labels[name] for place in places], [row.words for row in labelled]
            logits = head.of_rows(model.logits(encoded, batch, name), batch, places)
            targets = [head.target(truth, each) for truth, each in zip(truths, words, strict=True)]
            outcome.places += [kept[indices[place]] for place in places]
            outcome.truths += truths
            outcome.answers += head.outcomes(logits, [row.text for row in labelled], words)
            outcome.words += words
            outcome.losses += head.losses(logits, targets).tolist()

    each_batch(collect)
    for spec in chosen if learning else ():
        outcome = outcomes[spec.name]
        outcome.answers = KINDS[spec.kind].judged(spec, outcome.truths, outcome.answers)
    return list(outcomes.values())


def scored(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """The scores of each task, as `evaluate` gives them."""
    return {
        each.spec.name: {
            "rows": len(each.truths),
            "loss": float(np.mean(each.losses)) if each.losses else 0.0,
            **KINDS[each.spec.kind].score(each.spec, each.truths, each.answers, each.words),
        }
        for each in outcomes
    }
