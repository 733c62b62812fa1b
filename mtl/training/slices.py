"""Held-out answers in slices: by the length of the text, by a word, by label, by another column; how right each is.

Free of torch, as `mtl.training.held_out` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS
from mtl.training.held_out import Answer, Judged
from mtl.training.significance import Mean, mean, share

if TYPE_CHECKING:
    from mtl.kinds.kind import Kind

LENGTH, LABEL, WORD = "length", "label", "word"
# Numbers and lengths are cut into so many ranges with about as many rows each.
_RANGES = 4
# Of labels and values so many become a slice of their own, the commonest first.
MOST_SLICES = 40
NONE = "none"

# The names of the slices that an answer is in.
Parts = Callable[[Answer], Iterable[str]]


@dataclass(frozen=True)
class Slice:
    """Some of a task's answers, and how right they are `after` the run and `before`: the share that is right, or the
    mean error where errors have a size. `before` is None where not all of them had an answer."""

    name: str
    answers: Sequence[Answer]
    after: Mean
    before: Mean | None


def ways(answers: Sequence[Answer], kinds: Mapping[str, str], task: str) -> dict[str, str]:
    """By what a task's answers can be cut: name -> what to call it. `answers` are those for all tasks, whose kinds
    are `kinds`; labels of other tasks are columns of the same rows."""
    own = [answer for answer in answers if answer.task == task]
    found = {LABEL: "label", LENGTH: "length of the text", WORD: "a word in the text"}
    lines = {_row(answer) for answer in own}
    others = {answer.task for answer in answers if answer.task != task and _row(answer) in lines}
    found |= {f"task {name}": name for name in kinds if name in others}
    return found | {f"column {name}": name for answer in own for name in answer.facets}


def cut(answers: Sequence[Answer], kinds: Mapping[str, str], task: str, way: str, word: str = "") -> list[Slice]:
    """The answers for a task in slices, by one of `ways`; those of which that is not known are in none. A row with
    several labels is in several slices."""
    own = [answer for answer in answers if answer.task == task]
    parts, order = _parts(answers, own, kinds, task, way, word)
    found: dict[str, list[Answer]] = {}
    for answer in own:
        for name in dict.fromkeys(parts(answer)):
            found.setdefault(name, []).append(answer)
    names = [name for name in order if name in found] or sorted(found, key=lambda name: (-len(found[name]), name))
    graded = not KINDS[kinds[task]].right_or_wrong
    return [_slice(name, found[name], graded) for name in names[:MOST_SLICES]]


def whole(answers: Sequence[Answer], kinds: Mapping[str, str], task: str) -> Slice:
    """All answers for a task, of which there is at least one, as one slice."""
    own = [answer for answer in answers if answer.task == task]
    return _slice("all held-out rows", own, not KINDS[kinds[task]].right_or_wrong)


def of(sides: Sequence[Judged], graded: bool) -> Mean:
    """How right some answers are, at least one: the share that is right, or of `graded` ones the mean error."""
    errors = [side.error for side in sides]
    return mean(errors) if graded else share(sum(error == 0 for error in errors), len(errors))


def _slice(name: str, answers: Sequence[Answer], graded: bool) -> Slice:
    before = [answer.before for answer in answers if answer.before]
    whole_before = of(before, graded) if len(before) == len(answers) else None
    return Slice(name, answers, of([answer.after for answer in answers], graded), whole_before)


# --- what parts them ---


def _parts(
    answers: Sequence[Answer], own: Sequence[Answer], kinds: Mapping[str, str], task: str, way: str, word: str
) -> tuple[Parts, Sequence[str]]:
    """Which slices an answer is in, and the order of all slices; none: the largest first."""
    if way == LENGTH:
        return _ranges({_row(answer): float(_length(answer)) for answer in own}, " characters")
    if way == WORD:
        said, other = f"with “{word}”", f"without “{word}”"
        return lambda answer: [said if has_word(answer, word) else other] if word else [], (said, other)
    if way.startswith("column "):
        name = way.removeprefix("column ")
        return lambda answer: [answer.facets[name]] if name in answer.facets else [], ()
    other = task if way == LABEL else way.removeprefix("task ")
    if other not in kinds:
        return lambda answer: (), ()
    kind = KINDS[kinds[other]]
    truths = {_row(answer): kind.from_json(answer.truth) for answer in answers if answer.task == other}
    if all(isinstance(truth, (int, float)) for truth in truths.values()):
        return _ranges(truths)
    labels = {row: labels_in(kind, truth) for row, truth in truths.items()}
    return lambda answer: labels.get(_row(answer), ()), ()


def labels_in(kind: Kind, value: Any) -> list[str]:
    """The labels in a row's value, each once; or that there is none."""
    return list(kind.counts([value])) or [NONE]


def has_word(answer: Answer, word: str) -> bool:
    return any(word.casefold() in text.casefold() for text in answer.texts)


def _ranges(numbers: Mapping[Any, float], unit: str = "") -> tuple[Parts, Sequence[str]]:
    """Slices by a number of each row: ranges of about as many rows each; equal numbers are never parted."""
    import numpy as np

    values = np.array(sorted(numbers.values()))
    if not len(values):
        return lambda answer: (), ()
    # The lowest number of each range.
    starts = sorted({values[len(values) * i // _RANGES] for i in range(_RANGES)} | {values[0]})
    places = {row: int(np.searchsorted(starts, number, side="right")) - 1 for row, number in numbers.items()}
    names = []
    for place in range(len(starts)):
        inside = values[np.searchsorted(starts, values, side="right") - 1 == place]
        low, high = f"{inside[0]:g}", f"{inside[-1]:g}"
        names.append((low if low == high else f"{low} to {high}") + unit)
    return lambda answer: [names[places[_row(answer)]]] if _row(answer) in places else [], names


def _length(answer: Answer) -> int:
    return sum(map(len, answer.texts))


def _row(answer: Answer) -> tuple:
    """The row that an answer is to: several may be on one line of a file."""
    return answer.set, answer.line, answer.texts
