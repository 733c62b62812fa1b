"""The thresholds of a run's heads for several labels, to be tried on the held-out rows and kept, as HTML."""

from __future__ import annotations

import json
from dataclasses import asdict

from markupsafe import Markup

from mtl.config import UserError
from mtl.training import thresholds
from mtl.training.progress import Progress
from mtl.ui import templates

# So many labels of a task can be changed here, those of most rows first.
MOST = 100


def page(progress: Progress) -> Markup:
    """For each such head its labels with their thresholds, whose figures assets/thresholds.js counts; and a line about
    heads that have none. Nothing where there is neither."""
    known = thresholds.read(progress.run.folder / thresholds.NAME)
    tasks = {}
    for task, own in known.items():
        most = sorted(own.items(), key=lambda item: -len(item[1].have))
        tasks[task] = ([(label, each, json.dumps(asdict(each))) for label, each in most[:MOST]], len(most[MOST:]))
    two = [task for task, scores in progress.validation.items() if "confusion" in scores and len(scores["labels"]) == 2]
    return templates.render("thresholds.html", tasks=tasks, two=two, low=thresholds.LOW, high=thresholds.HIGH)


def keep(progress: Progress, said: str) -> None:
    """Let the run's model answer by other thresholds: `said` as JSON, {"task": ..., "thresholds": {label: number, or
    null for the fitted one}}. Raises `UserError` where it cannot be that."""
    path = progress.run.folder / thresholds.NAME
    known = thresholds.read(path)
    try:
        choice = json.loads(said)
        found = thresholds.chosen(known, choice["task"], choice["thresholds"])
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(thresholds.STRANGE) from None
    thresholds.keep(progress.run.folder, found)
