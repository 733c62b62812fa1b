"""The held-out rows of a run one by one: what is right, what the models before and after answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.sheets import csv_bytes
from mtl.text.values import cut
from mtl.training import held_out
from mtl.training.held_out import Answer, Judged
from mtl.training.progress import Progress
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.result import words
from mtl.ui.widgets import markup

# So many rows are shown at a time.
MOST = 50
# Of the kinds of mistakes so many can be chosen.
_MOST_MISTAKES = 60
WRONG, MENDED, BROKEN, ALL = "wrong", "mended", "broken", "all"
WHICH: Mapping[str, tuple[str, Callable[[Answer], bool]]] = {
    WRONG: ("wrong after the run", lambda answer: answer.after.error > 0),
    MENDED: ("wrong before, right after", lambda a: a.before is not None and a.before.error > 0 == a.after.error),
    BROKEN: ("right before, wrong after", lambda a: a.before is not None and a.before.error == 0 < a.after.error),
    ALL: ("all", lambda answer: True),
}
ORDERS: Mapping[str, tuple[str, Callable[[Answer], float]]] = {
    "sure": ("surest first", lambda answer: -(answer.after.confidence or 0)),
    "unsure": ("least sure first", lambda answer: answer.after.confidence or 0),
    "size": ("largest error first", lambda answer: -answer.after.error),
    "file": ("as in the file", lambda answer: answer.line),
}


@dataclass(frozen=True)
class Filter:
    """Which answers are shown: of a task, by what became of them, of one kind of mistake, with a word in the text."""

    task: str = ""
    which: str = WRONG
    mistake: str = ""
    word: str = ""
    order: str = ""

    @classmethod
    def checked(cls, given: str) -> Filter:
        """What a browser sent; the default where that is no filter."""
        try:
            data = json.loads(given or "{}")
            return cls(**{name: str(data[name])[:200] for name in cls.__dataclass_fields__ if name in data})
        except (ValueError, TypeError, RecursionError):
            return cls()

    def of(self, answers: Iterable[Answer]) -> list[Answer]:
        """The answers that pass, in the order that is asked for; the `task` and the `order` must be set."""
        passes, word = WHICH[self.which][1], self.word.casefold()
        found = [
            answer
            for answer in answers
            if answer.task == self.task
            and passes(answer)
            and (not self.mistake or self.mistake in answer.after.mistakes)
            and (not word or any(word in text.casefold() for text in answer.texts))
        ]
        return sorted(found, key=ORDERS[self.order][1])


def page(progress: Progress, asked: Filter) -> Markup:
    """The rows that pass a filter, below the choices of one. Nothing where the run held out no rows, or is too old."""
    answers = held_out.read(path(progress))
    tasks = [task for task in progress.kinds if any(answer.task == task for answer in answers)]
    if not tasks:
        return Markup()
    asked = _fitting(asked, tasks, progress.kinds)
    kind = KINDS[progress.kinds[asked.task]]
    found = asked.of(answers)
    own = [answer for answer in answers if answer.task == asked.task]
    mistakes = Counter(mistake for answer in own for mistake in answer.after.mistakes)
    which = {name: title for name, (title, passes) in WHICH.items() if any(map(passes, own)) or name == asked.which}
    return templates.render(
        "errors.html",
        asked=asked,
        tasks={task: task for task in tasks},
        which=which if kind.right_or_wrong else {ALL: WHICH[ALL][0]},
        orders={name: ORDERS[name][0] for name in _orders(progress.kinds[asked.task], own)},
        mistakes=mistakes.most_common(_MOST_MISTAKES),
        total=len(own),
        sized=not kind.right_or_wrong,
        count=len(found),
        rows=[_row(answer, kind.name, _labels(kind.name, own)) for answer in found[:MOST]],
        words=words,
    )


def path(progress: Progress) -> Path:
    return progress.run.folder / held_out.NAME


def _fitting(asked: Filter, tasks: Sequence[str], kinds: Mapping[str, str]) -> Filter:
    """The filter with what does not suit these tasks replaced."""
    task = asked.task if asked.task in tasks else tasks[0]
    graded = not KINDS[kinds[task]].right_or_wrong
    which = ALL if graded else asked.which if asked.which in WHICH else WRONG
    order = asked.order if asked.order in ORDERS else "size" if graded else "sure"
    return Filter(task, which, asked.mistake if task == asked.task else "", asked.word, order)


def _orders(kind: str, answers: Sequence[Answer]) -> list[str]:
    by_size, sure = not KINDS[kind].right_or_wrong, any(answer.after.confidence is not None for answer in answers)
    return [*(["size"] if by_size else []), *(["sure", "unsure"] if sure else []), "file"]


def _row(answer: Answer, kind: str, labels: Sequence[str]) -> dict[str, Any]:
    def cell(value: Any) -> Markup:
        return shown(kind).preview_cell(KINDS[kind].from_json(value), answer.texts[0], labels)

    def side(judged: Judged | None) -> dict[str, Any] | None:
        if judged is None:
            return None
        sure = "" if judged.confidence is None else words.percent(judged.confidence)
        # Of one label the mistake is plain to see.
        mistakes = () if isinstance(judged.value, str) else judged.mistakes
        return {"cell": cell(judged.value), "sure": sure, "right": judged.error == 0, "mistakes": mistakes}

    sides = {"truth": cell(answer.truth), "after": side(answer.after), "before": side(answer.before)}
    return {"line": answer.line, "texts": [cut(text, markup.TEXT_SHOWN) for text in answer.texts], **sides}


def _labels(kind: str, answers: Sequence[Answer]) -> list[str]:
    """Every label in what is right and what was answered, for the colours of marks."""
    record = KINDS[kind]
    judged = [side for answer in answers for side in (answer.after, answer.before) if side]
    values = [*(answer.truth for answer in answers), *(side.value for side in judged)]
    return sorted(record.counts(list(map(record.from_json, values))))


def to_csv(progress: Progress) -> bytes:
    """Every held-out answer, a row each."""
    headers = (
        "task",
        "line",
        "text",
        "text_b",
        "truth",
        "after",
        "wrong after",
        "mistakes",
        "sure",
        "before",
        "wrong before",
    )

    def cell(value: Any) -> str | float:
        return value if isinstance(value, (str, int, float)) else json.dumps(value, ensure_ascii=False)

    rows = []
    for answer in held_out.read(path(progress)):
        after, before = answer.after, answer.before
        first, second = (*answer.texts, "")[:2]
        now = (cell(after.value), after.error, "; ".join(after.mistakes), after.confidence)
        was = ("", "") if before is None else (cell(before.value), before.error)
        rows.append((answer.task, answer.line, first, second, cell(answer.truth), *now, *was))
    return csv_bytes(headers, rows)
