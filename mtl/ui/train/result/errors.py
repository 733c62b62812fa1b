"""The held-out rows of a run: one by one, what the models before and after answered; in slices; by confidence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mtl.config import KINDS
from mtl.kinds.kind import Kind
from mtl.sheets import csv_bytes
from mtl.text.values import cut
from mtl.training import held_out, slices, thresholds
from mtl.training.held_out import Answer, Judged
from mtl.training.progress import Progress
from mtl.training.reliability import bin_of
from mtl.training.slices import Slice
from mtl.ui import templates
from mtl.ui.kinds import shown
from mtl.ui.train.result import calibration, slicing, words
from mtl.ui.widgets import markup

# So many rows are shown at a time, and so many of them at once.
MOST, AT_ONCE = 50, 5
# Of mistakes and of labels so many can be chosen, the commonest first.
_MOST_CHOICES = 60
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
    """Which answers are shown: of a `task`, by what became of them, with a mistake or a `family` of them, with a label
    in the `truth` or in the `answer`, of a bin of confidence (`sure`), with words in the text. `by` is how answers are
    cut into slices, `cut_by` the words for that, and `part` the slice whose answers are shown."""

    task: str = ""
    which: str = WRONG
    family: str = ""
    mistake: str = ""
    truth: str = ""
    answer: str = ""
    sure: str = ""
    word: str = ""
    order: str = ""
    by: str = slices.LABEL
    cut_by: str = ""
    part: str = ""

    @classmethod
    def checked(cls, given: str) -> Filter:
        """What a browser sent; the default where that is no filter."""
        try:
            data = json.loads(given or "{}")
            return cls(**{name: str(data[name])[:200] for name in cls.__dataclass_fields__ if name in data})
        except (ValueError, TypeError, RecursionError):
            return cls()

    @property
    def narrowed(self) -> list[str]:
        """The fields by which only some of the answers pass."""
        return [name for name in ("family", "mistake", "truth", "answer", "sure") if getattr(self, name)]

    def of(self, answers: Iterable[Answer], kinds: Mapping[str, str]) -> list[Answer]:
        """The answers that pass, in the order that is asked for; the `task` and the `order` must be set."""
        answers = list(answers)
        own = [answer for answer in answers if answer.task == self.task]
        if self.part:
            parts = slices.cut(answers, kinds, self.task, self.by, self.cut_by)
            own = next((part.answers for part in parts if part.name == self.part), [])
        kind, passes = KINDS[kinds[self.task]], WHICH[self.which][1]
        found = [
            answer
            for answer in own
            if passes(answer)
            and (not self.family or self.family in _families(kind, answer))
            and (not self.mistake or self.mistake in answer.after.mistakes)
            and (not self.truth or self.truth in _labels_in(kind, answer.truth))
            and (not self.answer or self.answer in _labels_in(kind, answer.after.value))
            and (not self.sure or self.sure == _sure(answer))
            and (not self.word or slices.has_word(answer, self.word))
        ]
        return sorted(found, key=ORDERS[self.order][1])


def page(progress: Progress, asked: Filter) -> Markup:
    """The rows that pass a filter, below the choices of one, above their slices and their confidence. Nothing where the
    run held out no rows, or is too old."""
    answers, kinds = held_out.read(path(progress)), progress.kinds
    tasks = [task for task in kinds if any(answer.task == task for answer in answers)]
    if not tasks:
        return Markup()
    wrong = [task for task in tasks if any(answer.task == task and answer.after.error for answer in answers)]
    own_task = asked.task if asked.task in tasks else (wrong or tasks)[0]
    ways = slices.ways(answers, kinds, own_task)
    asked = _fitting(asked, own_task, kinds, ways)
    kind = KINDS[kinds[asked.task]]
    own = [answer for answer in answers if answer.task == asked.task]
    found = asked.of(answers, kinds)
    which = {name: title for name, (title, passes) in WHICH.items() if any(map(passes, own)) or name == asked.which}
    labels = _labels(kind.name, own)
    known = thresholds.read(progress.run.folder / thresholds.NAME)
    parts = slices.cut(answers, kinds, asked.task, asked.by, asked.cut_by)
    return templates.render(
        "errors.html",
        asked=asked,
        tasks={task: task for task in tasks},
        which=which if kind.right_or_wrong else {ALL: WHICH[ALL][0]},
        orders={name: ORDERS[name][0] for name in _orders(kinds[asked.task], own)},
        choices=_choices(kind, own, asked, labels),
        total=len(own),
        sized=not kind.right_or_wrong,
        count=len(found),
        rows=[_row(answer, kind.name, labels) for answer in found[:MOST]],
        at_once=AT_ONCE,
        slices=slicing.table(asked.task, kind, slices.whole(answers, kinds, asked.task), parts, ways, asked),
        calibration=calibration.page(asked.task, own, known.get(asked.task, {}).values()),
    )


def _choices(kind: Kind, own: Sequence[Answer], asked: Filter, labels: Sequence[str]) -> list[tuple[str, str, dict]]:
    """What more can be chosen of a task's answers: the field of the filter, what to call it, and its options with the
    number of rows of each; nothing where there is but one."""

    def sides(side: Callable[[Answer], Any]) -> Counter[str]:
        return _in_rows(_labels_in(kind, side(answer)) for answer in own) if labels else Counter()

    counted = (
        ("family", "Kind of mistake", _in_rows(_families(kind, answer) for answer in own)),
        ("mistake", "Mistake", _in_rows(answer.after.mistakes for answer in own)),
        ("truth", "Truth", sides(lambda answer: answer.truth)),
        ("answer", "Answer after", sides(lambda answer: answer.after.value)),
    )
    found = []
    for field, title, counts in counted:
        names = [name for name, _ in counts.most_common(_MOST_CHOICES) if name]
        chosen = getattr(asked, field)
        if names or chosen:
            options = {name: f"{name} ({counts[name]:,})" for name in dict.fromkeys((*names, *filter(None, [chosen])))}
            found.append((field, title, {"": "any", **options}))
    sure = Counter(place for answer in own if (place := _sure(answer)))
    if sure:
        ranked = sorted(sure, key=int, reverse=True)
        options = {place: f"{words.bin_name(int(place))} ({sure[place]:,})" for place in ranked}
        found.append(("sure", "Confidence", {"": "any", **options}))
    return found


def _in_rows(names: Iterable[Iterable[str]]) -> Counter[str]:
    """In how many rows each name is, given the names of each row."""
    return Counter(name for own in names for name in set(own))


def _families(kind: Kind, answer: Answer) -> set[str]:
    return {kind.mistake_family(mistake) for mistake in answer.after.mistakes}


def _labels_in(kind: Kind, value: Any) -> list[str]:
    return slices.labels_in(kind, kind.from_json(value))


def _sure(answer: Answer) -> str:
    """The bin of an answer's confidence, "" without one."""
    return "" if answer.after.confidence is None else str(bin_of(answer.after.confidence))


def path(progress: Progress) -> Path:
    return progress.run.folder / held_out.NAME


def _fitting(asked: Filter, task: str, kinds: Mapping[str, str], ways: Mapping[str, str]) -> Filter:
    """The filter with what does not suit this task replaced."""
    graded = not KINDS[kinds[task]].right_or_wrong
    which = ALL if graded else asked.which if asked.which in WHICH else WRONG
    order = asked.order if asked.order in ORDERS else "size" if graded else "sure"
    by = asked.by if asked.by in ways else slices.LABEL
    if task != asked.task:
        return Filter(task, which, word=asked.word, order=order, by=by, cut_by=asked.cut_by)
    return replace(asked, which=which, order=order, by=by, part=asked.part if by == asked.by else "")


def _orders(kind: str, answers: Sequence[Answer]) -> list[str]:
    by_size, sure = not KINDS[kind].right_or_wrong, any(answer.after.confidence is not None for answer in answers)
    return [*(["size"] if by_size else []), *(["sure", "unsure"] if sure else []), "file"]


def _row(answer: Answer, kind: str, labels: Sequence[str]) -> dict[str, Any]:
    text = answer.texts[0]
    after, before = (judged and side(judged, kind, text, labels) for judged in (answer.after, answer.before))
    found = {"truth": cell(answer.truth, kind, text, labels), "after": after, "before": before}
    return {"line": answer.line, "texts": cut_texts(answer.texts), **found}


def side(judged: Judged, kind: str, text: str, labels: Sequence[str]) -> dict[str, Any]:
    """What a model answered to a row, as the macro `judged` of parts.html shows it. `labels`: those of all rows."""
    sure = "" if judged.confidence is None else words.percent(judged.confidence)
    # Of one label the mistake is plain to see.
    mistakes = () if isinstance(judged.value, str) else judged.mistakes
    value = cell(judged.value, kind, text, labels)
    return {"cell": value, "sure": sure, "right": judged.error == 0, "mistakes": mistakes}


def cell(value: Any, kind: str, text: str, labels: Sequence[str]) -> Markup:
    """A truth or an answer, from JSON."""
    return shown(kind).preview_cell(KINDS[kind].from_json(value), text, labels)


def cut_texts(texts: Sequence[str]) -> list[str]:
    return [cut(text, markup.TEXT_SHOWN) for text in texts]


def _labels(kind: str, answers: Sequence[Answer]) -> list[str]:
    judged = [side for answer in answers for side in (answer.after, answer.before) if side]
    return labels_of(kind, [*(answer.truth for answer in answers), *(side.value for side in judged)])


def labels_of(kind: str, values: Iterable[Any]) -> list[str]:
    """Every label in values from JSON, in a fixed order for the colours of marks."""
    record = KINDS[kind]
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
    rows = []
    for answer in held_out.read(path(progress)):
        after, before = answer.after, answer.before
        first, second = (*answer.texts, "")[:2]
        now = (csv_cell(after.value), csv_error(after), "; ".join(after.mistakes), after.confidence)
        was = ("", "") if before is None else (csv_cell(before.value), csv_error(before))
        rows.append((answer.task, answer.line, first, second, csv_cell(answer.truth), *now, *was))
    return csv_bytes(headers, rows)


def csv_cell(value: Any) -> str | float:
    """A truth or an answer, from JSON, in a cell of a CSV."""
    return value if isinstance(value, (str, int, float)) else json.dumps(value, ensure_ascii=False)


def csv_error(judged: Judged) -> float:
    """How wrong an answer is, in a cell of a CSV: 0 or 1, or by how much where errors have a size."""
    return int(judged.error) if judged.error.is_integer() else judged.error


def slices_to_csv(progress: Progress, asked: Filter) -> bytes:
    """Every slice of every task, a row each; those by a word too, if one is `asked` for."""
    answers, rows = held_out.read(path(progress)), []
    for task, kind in progress.kinds.items():
        if not any(answer.task == task for answer in answers):
            continue
        figure = "share right" if KINDS[kind].right_or_wrong else "mean error"
        cuts: list[tuple[str, list[Slice]]] = [("", [slices.whole(answers, progress.kinds, task)])]
        for way, title in slices.ways(answers, progress.kinds, task).items():
            cuts.append((title, slices.cut(answers, progress.kinds, task, way, asked.cut_by)))
        for title, parts in cuts:
            for part in parts:
                sides = [(mean.value, mean.low, mean.high) if mean else ("",) * 3 for mean in (part.after, part.before)]
                rows.append((task, title, part.name, len(part.answers), figure, *sides[0], *sides[1]))
    headers = ("task", "sliced by", "slice", "rows", "figure")
    sides = [f"{name}{side}" for side in ("after", "before") for name in ("", "low ", "high ")]
    return csv_bytes((*headers, *sides), rows)
