"""What two models answer to the rows that a run held out: the model that it began with, and the one that it left.

A run writes them beside its checkpoint, a row a line. Free of torch, so that the page can read them before it has
loaded a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS
from mtl.files import replacing
from mtl.text.values import plural
from mtl.training.significance import Difference, compare

if TYPE_CHECKING:
    from mtl.data.rows import Row
    from mtl.training.metrics import Outcome

NAME = "held_out.jsonl"
_PLACE = itemgetter(0)
# Of each set of rows at most so many are kept, evenly spaced.
MOST = 5_000


@dataclass(frozen=True)
class Judged:
    """What a model answers to a row: the `value` as JSON, in the form that labels have; its `error`, 0 or 1 or how far
    off it is; its `mistakes`; and the probability of the answer, None without one."""

    value: Any
    error: float
    mistakes: tuple[str, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """A task's answers to a held-out row. `before` is None where the model that the run began with had no such head;
    `facets`: see `mtl.data.rows.Row`."""

    set: str
    line: int
    texts: tuple[str, ...]
    task: str
    truth: Any
    after: Judged
    before: Judged | None = None
    facets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """How wrong answers are for a task on `rows` held-out rows, as means of `Kind.error`: of the model `after` the run,
    of the one `before`, of always answering what is commonest in training (`guess`, `guessed`); None where there is
    none. `difference` is that of `after` from `before`, or else from `guess`."""

    rows: int
    after: float
    before: float | None = None
    guess: float | None = None
    guessed: str = ""
    difference: Difference | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Fields that are not known are ignored."""
        difference = data.get("difference")
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        return cls(**{**known, "difference": difference and Difference(difference["test"], difference["p"])})


def answers(name: str, rows: Sequence[Row], before: Iterable[Outcome], after: Iterable[Outcome]) -> Iterator[Answer]:
    """The answers to the rows of the set `name`, for every task whose answers can be compared row by row."""
    step = -(-len(rows) // MOST) or 1
    former = {outcome.spec.name: _judged(outcome) for outcome in before}
    for outcome in after:
        spec, kind = outcome.spec, KINDS[outcome.spec.kind]
        truths = _truths(outcome)
        for place, judged in _judged(outcome).items():
            if place % step == 0:
                row, was = rows[place], former.get(spec.name, {}).get(place)
                truth = kind.to_json(truths[place])
                yield Answer(name, row.line, row.texts, spec.name, truth, judged, was, row.facets)


def _judged(outcome: Outcome) -> dict[int, Judged]:
    """The answers by the place of their row, in that order; none where they cannot be compared with labels."""
    kind, found = KINDS[outcome.spec.kind], {}
    for place, truth, answer in sorted(zip(outcome.places, outcome.truths, outcome.answers, strict=True), key=_PLACE):
        if (value := kind.value_of(answer)) is None:
            return {}
        probabilities = kind.probabilities(answer)
        confidence = probabilities.get(value) if isinstance(value, str) else None
        mistakes = tuple(kind.mistakes(truth, value))
        found[place] = Judged(kind.to_json(value), kind.error(truth, value), mistakes, confidence)
    return found


def verdicts(
    before: Sequence[Outcome], after: Sequence[Outcome], learned: Mapping[str, Sequence[Any]]
) -> dict[str, Verdict]:
    """The verdict on each task whose answers can be compared row by row; outcomes of several sets of rows count
    together. `learned`: the values that were trained on, by task."""
    result = {}
    for task, kind in {outcome.spec.name: KINDS[outcome.spec.kind] for outcome in after}.items():
        own = [outcome for outcome in after if outcome.spec.name == task]
        errors = _errors(own)
        if not errors:
            continue
        former, guess, guessed = _errors(o for o in before if o.spec.name == task), [], ""
        if (value := kind.guess(learned[task])) is not None:
            guess = [kind.error(truth, value) for outcome in own for truth in _truths(outcome).values()]
            guessed = kind.value_text(value)
        rivals = former if len(former) == len(errors) else guess
        difference = compare(errors, rivals, kind.right_or_wrong) if rivals else None
        result[task] = Verdict(len(errors), fmean(errors), _mean(former), _mean(guess), guessed, difference)
    return result


def _truths(outcome: Outcome) -> dict[int, Any]:
    """The labels by the place of their row, in that order."""
    return dict(sorted(zip(outcome.places, outcome.truths, strict=True), key=_PLACE))


def _errors(outcomes: Iterable[Outcome]) -> list[float]:
    return [judged.error for outcome in outcomes for judged in _judged(outcome).values()]


def _mean(errors: Sequence[float]) -> float | None:
    return fmean(errors) if errors else None


def sentence(task: str, kind: str, verdict: Verdict, with_test: bool = True) -> str:
    """What a run did for a task, in a sentence or two. `kind` is the name of the task's kind; `with_test`: it names the
    test by which a difference is more than chance, too."""
    record, difference = KINDS[kind], verdict.difference
    rival = verdict.guess if verdict.before is None else verdict.before
    clear = difference is not None and difference.is_clear
    better = rival is not None and verdict.after < rival
    if not clear:
        begin = f"{task}: "
    elif verdict.before is None:
        begin = f"It learnt {task}: " if better else f"It did not learn {task}: "
    else:
        begin = f"It got {'better' if better else 'worse'} at {task}: "
    rows = f"{plural(verdict.rows, 'text')} it has never seen"

    def figure(error: float) -> str:
        return str(round(verdict.rows * (1 - error))) if record.right_or_wrong else f"{error:.2f}"

    said = record.right_said.format(figure(verdict.after), rows)
    others = [f"before the run: {figure(verdict.before)}"] if verdict.before is not None else []
    if verdict.guess is not None:
        others.append(f"always answering {verdict.guessed}: {figure(verdict.guess)}")
    text = f"{begin}{said} ({'; '.join(others)})." if others else f"{begin}{said}."
    if difference is None:
        return text
    if verdict.after == rival:
        return f"{text} No difference."
    return f"{text} {difference.said}" if with_test else f"{text} {difference.verdict}."


# --- several runs ---


@dataclass(frozen=True)
class Shared:
    """A row that several runs held out, and what the model of each answers after its run."""

    texts: tuple[str, ...]
    truth: Any
    sides: tuple[Judged, ...]

    @property
    def is_disputed(self) -> bool:
        """Whether the models answer differently."""
        return any(side.value != self.sides[0].value for side in self.sides)


def shared(runs: Sequence[Sequence[Answer]], task: str) -> list[Shared]:
    """The rows with the same texts and the same label for a task that all of these runs held out, in the order of the
    first."""
    found = [{_content(answer): answer for answer in answers if answer.task == task} for answers in runs]
    return [
        Shared(answer.texts, answer.truth, tuple(own[content].after for own in found))
        for content, answer in found[0].items()
        if all(content in own for own in found)
    ]


def _content(answer: Answer) -> tuple:
    return answer.texts, json.dumps(answer.truth, sort_keys=True)


# --- files ---


def write(path: Path, found: Iterable[Answer]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for answer in found:
            file.write(json.dumps(asdict(answer), ensure_ascii=False, separators=(",", ":")) + "\n")


def read(path: Path) -> list[Answer]:
    """The answers in a file; without those that a disk or an editor has damaged. Empty if there is none."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    for line in lines:
        try:
            data = json.loads(line)
            sides = {side: _read_judged(data[side]) for side in ("before", "after") if data[side]}
            # Files of earlier versions lack the facets.
            facets = {str(name): str(value) for name, value in data.get("facets", {}).items()}
            found.append(Answer(**{**data, "texts": tuple(map(str, data["texts"])), "facets": facets, **sides}))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return found


def _read_judged(data: Mapping[str, Any]) -> Judged:
    return Judged(**{**data, "error": float(data["error"]), "mistakes": tuple(map(str, data["mistakes"]))})
