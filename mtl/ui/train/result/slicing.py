"""Slices of held-out answers as a picture and a table in one: a row each, with dots and intervals before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mtl.kinds.kind import Kind
from mtl.training.significance import Mean
from mtl.training.slices import WORD, Slice
from mtl.ui import templates
from mtl.ui.train.result import words


def table(task: str, kind: Kind, whole: Slice, parts: Sequence[Slice], ways: Mapping[str, str], asked: Any) -> Markup:
    """The slices of a task, below the choice of how to cut them, with all rows first. `ways`: what to cut by. `asked`:
    the filter (see `mtl.ui.train.result.errors`), of which this shows how answers are cut."""
    graded = not kind.right_or_wrong
    means = [mean for part in (whole, *parts) for mean in (part.after, part.before) if mean]
    # Shares are drawn from 0 to 100 %, errors from none to the largest.
    most = max((mean.value if mean.high is None else mean.high for mean in means), default=0.0) if graded else 1.0

    def side(mean: Mean | None) -> dict[str, Any] | None:
        if mean is None:
            return None
        low, high = (mean.value if end is None else end for end in (mean.low, mean.high))
        places = [100 * number / (most or 1.0) for number in (mean.value, low, high)]
        return {"said": words.mean(mean, graded), "places": places}

    def row(part: Slice) -> dict[str, Any]:
        sides = {"after": side(part.after), "before": side(part.before)}
        return {"name": part.name, "rows": len(part.answers), "vague": part.after.is_vague, **sides}

    return templates.render(
        "slices.html",
        task=task,
        ways=ways,
        asked=asked,
        by_word=asked.by == WORD,
        graded=graded,
        ends=(words.figure(0.0, graded), words.figure(most, graded)),
        rows=[row(part) for part in (whole, *parts)],
        compared=whole.before is not None,
    )
