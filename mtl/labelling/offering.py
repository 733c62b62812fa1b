"""A start that is labelled already: a model's answers, offered for texts that nobody has labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtl.config import UserError
from mtl.kinds.multilabel import Labels
from mtl.labelling.learning import margins
from mtl.labelling.project import Added, Offer, Project, offer
from mtl.text.values import plural


def offer_answers(
    project: Project,
    answers: Sequence[Any],
    by: str,
    certainty: Sequence[float] | None = None,
    meaning: Mapping[str, str | None] | None = None,
) -> Added:
    """The project with the answer to each of its texts offered, None for no answer; and what could not be.

    `answers`: as heads of the scheme's kind give them, a model's or one that learns while somebody labels; `by`: whose
    they are. `certainty`: of each, for a head that says it; else it follows from the answer (see `certainty_of`).
    `meaning`: the scheme's label for each of the model's (see `mtl.data.labels.match_labels`), None for one that has
    none.
    """
    scheme, offers, problems = project.scheme, {}, []
    for place, (item, answer) in enumerate(zip(project.items, answers, strict=True)):
        if answer is None or item.value is not None or item.left_out:
            continue
        value = scheme.of.translate(scheme.of.value_of(answer), meaning or {})
        sure = certainty_of(answer) if certainty is None else float(certainty[place])
        try:
            if value is None:
                raise UserError(f"{scheme.name} has no label for {scheme.of.written(answer)!r}.")
            offers[place] = Offer(scheme.value(value, item.text), sure, by)
        except UserError as problem:
            problems.append(str(problem))
    note = f"{plural(len(problems), 'answer')} not offered: {problems[0]}" if problems else ""
    return Added(offer(project, offers), (note,) if note else ())


def certainty_of(answer: Any) -> float:
    """How certain an answer of a model is, 0 to 1, by its own probabilities: by how much the likeliest label is before
    the next, or the least certain label or span is. 0 for a number, of which nothing is known."""
    if isinstance(answer, tuple):
        return min((float(entity.score) for entity in answer), default=1.0)
    shares = np.array([[*getattr(answer, "probabilities", {}).values()]], dtype=float)
    if not shares.size:
        return 0.0
    sure = np.abs(2 * shares - 1).min() if isinstance(answer, Labels) else margins(shares)[0]
    return float(np.clip(sure, 0, 1))
