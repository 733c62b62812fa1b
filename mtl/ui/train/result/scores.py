"""What a run that is over came to: its scores before and after, and what it forgot, as HTML.

Pure functions from a run's progress.
"""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import UndefinedError
from markupsafe import Markup

from mtl.kinds.kind import metric_named
from mtl.training.held_out import sentence
from mtl.training.progress import Progress
from mtl.training.scores import row_count
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.kinds.view import MACROS, change
from mtl.ui.names import trained
from mtl.ui.train.result import words
from mtl.ui.train.run.view import higher_elsewhere
from mtl.ui.widgets import markup


def summary(progress: Progress, name: str) -> Markup:
    """What it came to, in a sentence for each task, and the line about the run."""
    return _unless_damaged(
        lambda: templates.render(
            "result.html",
            line=words.summary(name, trained(progress.moved), progress),
            learnt=[sentence(task, progress.kinds[task], verdict) for task, verdict in progress.verdicts.items()],
            cautions=[*progress.cautions.values()],
            higher=higher_elsewhere(progress),
            chosen=progress.scored and progress.config is not None and progress.config.chooses_epoch,
            words=words,
        )
    )


def figures(progress: Progress) -> Markup:
    """All scores, and what it forgot."""
    return _unless_damaged(lambda: MACROS.beside(cards(progress) + forgetting(progress)))


def _unless_damaged(draw: Callable[[], Markup]) -> Markup:
    try:
        return draw()
    # Fields that are missing, or that cannot be true.
    except (KeyError, TypeError, ValueError, ArithmeticError, UndefinedError):
        return markup.note(
            "The scores of this run cannot be shown: its record is damaged. Its model may still be used."
        )


def cards(progress: Progress) -> Markup:
    """A card for each trained task: scores before, after and their difference; per label; the confusion matrix."""
    # Without a comparison there is no list of answers that a cell could open.
    compared = "comparison" not in progress.unmeasured
    scored = [
        (name, shown(progress.kinds[name]), progress.before.get(name), {**after, "opens": compared})
        for name, after in progress.validation.items()
        if name in progress.kinds
    ]
    stopped = "scores" in progress.unmeasured and not scored
    return templates.render(
        "scores.html",
        words=words,
        change=change,
        row_count=row_count,
        scored=scored,
        stopped=stopped,
        not_before=words.NEW_HEAD if compared else words.NOT_MEASURED,
    )


def forgetting(progress: Progress) -> Markup:
    """The forgetting meter: each task on the bundled sentences, before and after; and how far embeddings moved."""
    if not progress.forgetting:
        return Markup()
    # First those that the run left alone.
    tasks = sorted((progress.forgetting.get("tasks") or {}).items(), key=lambda item: item[1]["trained"])
    known = {"words": words, "change": change, "metric_named": metric_named}
    return templates.render("forgetting.html", tasks=tasks, cosine=progress.cosine, **known)
