"""What each column of a table is: the text, a task with its kind, or nothing of use; each with the reason."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtl.config import KINDS, UserError
from mtl.data.header import TEXT_NAMES, TEXT_PARTS, is_unnamed, is_useless, name_parts, promises_labels
from mtl.text.spans import is_bio, is_json, is_marked
from mtl.text.values import cut, is_blank, parse_number

# So many cells of a column are looked at closely.
_SAMPLE = 2000
# A table is taken to teach at most so many tasks, unless somebody says otherwise: each gets a head of its own.
MOST_GUESSED = 20
# A column that nothing but its few values speaks for has at most so many labels.
_FEW = 50
# Among fewer numbers than these, cells that are none are hardly faults.
_HANDFUL = 5


@dataclass(frozen=True)
class Role:
    """What a column is used for; `form` is how entities are written: "json", "markup" or "bio"."""

    role: str
    kind: str | None
    reason: str
    form: str = ""


def guess_roles(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    named: bool = True,
) -> list[Role]:
    """The role of each column, from its name and its cells (one sequence per column, all rows).

    `named` is False when the names are made up and say nothing. `text` names the text column and `roles`
    gives columns the role "ignored" or a task's kind; both overrule the guess and must pass
    `check_overrides`.
    """
    wanted = roles or {}
    facts = [_Facts(name if named else None, column) for name, column in zip(names, cells, strict=True)]
    if text is not None:
        text_index, reason = names.index(text), "as you said"
    else:
        text_index, reason = _find_text(facts, [i for i, name in enumerate(names) if name not in wanted])
    candidates = [i for i, column in enumerate(facts) if i != text_index and column.may_hold_labels]
    result: list[Role] = []
    guessed = 0
    for i, (name, column) in enumerate(zip(names, facts, strict=True)):
        if i == text_index:
            result.append(Role("text", None, reason, "markup" if column.has_marks else ""))
        elif wanted.get(name) == "ignored":
            result.append(Role("ignored", None, "as you said"))
        elif name in wanted:
            form = column.likeliest_form if wanted[name] == "tagging" else ""
            result.append(Role("task", wanted[name], "as you said", form))
        else:
            role = _task_role(column, only=candidates == [i])
            guessed += role.role == "task"
            if guessed > MOST_GUESSED and role.role == "task":
                role = Role("ignored", None, f"{MOST_GUESSED} columns before it hold labels, which are many already")
            result.append(role)
    return result


def check_overrides(
    names: Sequence[str],
    text: str | None,
    roles: Mapping[str, str] | None,
    also: Sequence[str] = (),
) -> None:
    """Raise UserError for a column that is not in `names` (or, in `roles`, `also`), or an unknown role."""
    columns = cut(", ".join(map(repr, names)) or "none", 300)
    if text is not None and text not in names:
        raise UserError(f"There is no column {text!r}. The columns are: {columns}.")
    for name, role in (roles or {}).items():
        if name not in names and name not in also:
            raise UserError(f"There is no column {name!r}. The columns are: {columns}.")
        if role not in ("ignored", *KINDS):
            raise UserError(f"{name!r} cannot be {role!r}. A column is ignored, {', '.join(KINDS)}.")


class _Facts:
    """What can be said about one column; `name` is None when it is made up."""

    def __init__(self, name: str | None, cells: Sequence[str]) -> None:
        self.name = name
        self.filled = [cell.strip() for cell in cells if not is_blank(cell)]
        self.sample = self.filled[:_SAMPLE]

    @property
    def promises_labels(self) -> bool:
        return self.name is not None and promises_labels(self.name)

    @property
    def is_useless(self) -> bool:
        return self.name is not None and is_useless(self.name)

    @property
    def is_unnamed(self) -> bool:
        return self.name is not None and is_unnamed(self.name)

    @property
    def may_hold_labels(self) -> bool:
        return bool(self.filled) and not self.is_useless and not self.is_prose

    @cached_property
    def mean_length(self) -> float:
        return statistics.fmean(map(len, self.sample)) if self.sample else 0.0

    @cached_property
    def numbers(self) -> list[float]:
        return [number for number in map(parse_number, self.sample) if number is not None]

    @property
    def number_share(self) -> float:
        return len(self.numbers) / len(self.sample) if self.sample else 0.0

    @property
    def has_faulty_amounts(self) -> bool:
        """Whether at least half of the cells are numbers, and such as no labels are.

        Labels are small whole numbers, or larger ones that repeat, such as the codes of a web server.
        """
        numbers = set(self.numbers)
        if self.number_share < 0.5 or len(numbers) < _HANDFUL:
            return False
        if not all(number.is_integer() for number in numbers):
            return True
        return max(map(abs, numbers)) > 10 and len(set(self.sample)) > 0.75 * len(self.sample)

    @cached_property
    def is_prose(self) -> bool:
        """Whether most cells are sentences: several words, or a script that writes without spaces."""
        return not self.entity_form and _share(self.sample, _is_sentence) > 0.5

    @cached_property
    def is_varied(self) -> bool:
        return 2 * len(set(self.sample)) > len(self.sample)

    @cached_property
    def entity_form(self) -> str:
        """How entities are written in most of the cells that have any; "" when the column is not about them."""
        json = bio = 0.0
        # A list without spans, or the word O, is no sign yet.
        if any(cell.startswith("[") and len(cell) > 2 for cell in self.sample):
            json = _share(self.sample, is_json)
        if any("-" in cell or " " in cell for cell in self.sample):
            bio = _share(self.sample, is_bio)
        if json + bio > 0.5:
            return "json" if json >= bio else "bio"
        return "markup" if self.has_marks else ""

    @property
    def likeliest_form(self) -> str:
        """How entities are written in most of the cells, given that they are."""
        shares = {"bio": _share(self.sample, is_bio), "json": _share(self.sample, is_json)}
        shares["markup"] = _share(self.sample, is_marked)
        return max(shares, key=shares.get)

    @cached_property
    def has_marks(self) -> bool:
        return _share(self.sample, is_marked) >= 0.1


def _share(cells: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, cells)) / len(cells) if cells else 0.0


def _is_sentence(cell: str) -> bool:
    return len(cell.split(None, 3)) >= 4 or (" " not in cell and not cell.isascii() and len(cell) >= 8)


def _find_text(facts: Sequence[_Facts], free: Sequence[int]) -> tuple[int | None, str]:
    """The index of the text column among the `free` ones, None when there is none; and why it is the one."""
    # A column of numbers or spans is no text, whatever it is called.
    possible = [i for i in free if facts[i].number_share < 0.9 and facts[i].entity_form in ("", "markup")]
    if len(facts) == 1 and possible:
        return 0, "it is the only column"
    for name in TEXT_NAMES:
        for i in possible:
            if (facts[i].name or "").lower() == name:
                return i, "by its name"
    prose = [i for i in possible if facts[i].is_prose or facts[i].has_marks]
    named = [i for i in prose if not TEXT_PARTS.isdisjoint(name_parts(facts[i].name or ""))]
    # Short texts, such as a list of phrases, are longer than labels and repeat less.
    short = [
        i
        for i in possible
        if facts[i].is_varied
        and not facts[i].promises_labels
        and not facts[i].is_useless
        and any(" " in cell or not cell.isascii() for cell in facts[i].sample)
    ]
    for columns, reason in (
        (named, "by its name"),
        (prose, "it has the longest texts"),
        (short, "it has the longest texts"),
    ):
        if columns:
            return max(columns, key=lambda i: facts[i].mean_length), reason
    return None, ""


_FORMS = {
    "json": "entity spans as JSON",
    "bio": "an entity tag per word",
    "markup": "texts with marked entities",
}


def _task_role(facts: _Facts, only: bool) -> Role:
    """The role of a column that is not the text; `only` says that no other column may hold labels."""
    if not facts.filled:
        return Role("ignored", None, "it is empty")
    if facts.entity_form:
        return Role("task", "tagging", f"it holds {_FORMS[facts.entity_form]}", facts.entity_form)
    if facts.is_unnamed:
        return Role("ignored", None, "the first line gives it no name of its own")
    if facts.is_useless:
        return Role("ignored", None, "by its name it says nothing about the text")
    if facts.is_prose:
        return Role("ignored", None, "it holds another text")
    likely = only or facts.promises_labels
    are_numbers = facts.number_share >= 0.8 or (likely and facts.has_faulty_amounts)
    return _number_role(facts, likely) if are_numbers else _label_role(facts, likely)


def _number_role(facts: _Facts, likely: bool) -> Role:
    numbers = [number for number in map(parse_number, facts.filled) if number is not None]
    distinct = set(numbers)
    low, high = min(distinct), max(distinct)
    if len(distinct) == 1 and not likely:
        return Role("ignored", None, "it is the same number in every row")
    whole = all(number.is_integer() for number in distinct)
    # Grades, stars, 0 and 1: a few small whole numbers are names of classes more often than amounts.
    if whole and low >= -10 and high <= 10 and (likely or 2 * len(distinct) <= len(numbers)):
        return Role("task", "classification", f"it has {_count(len(distinct), 'small whole number')}")
    unique = whole and len(numbers) >= 5 and len(distinct) > 0.9 * len(numbers)
    if unique and (high - low + 1 == len(numbers) or high > 1e5):
        return Role("ignored", None, "it numbers the rows")
    return Role("task", "regression", f"it has numbers from {low:g} to {high:g}")


def _label_role(facts: _Facts, likely: bool) -> Role:
    count = len(facts.filled)
    distinct = len({cell.casefold() for cell in facts.filled})
    found = f"it has {_count(distinct, 'distinct value')} in {_count(count, 'row')}"
    if distinct == 1 and count > 1 and not likely:
        return Role("ignored", None, "it is the same in every row")
    if distinct <= (_FEW if likely else 10 if count < 20 else 0) or 2 * distinct <= count:
        return Role("task", "classification", found)
    return Role("ignored", None, f"{found}, too many for labels")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
