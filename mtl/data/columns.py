"""What each column of a table is: the text, a task with its kind, or nothing of use; each with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl.config import KINDS, UserError
from mtl.data.facts import Facts
from mtl.data.header import TEXT_NAMES, TEXT_PARTS, name_parts
from mtl.text.values import cut

# A table is taken to teach at most so many tasks, unless somebody says otherwise: each gets a head of its own.
MOST_GUESSED = 20
# Evidence for two kinds of task that differs by less than this does not decide between them.
_CLOSE = 0.2


@dataclass(frozen=True)
class Role:
    """What a column is used for. `marked`: its texts have entities marked in them. `rivals` are other kinds of task
    that the cells speak for about as strongly."""

    role: str
    kind: str | None
    reason: str
    marked: bool = False
    rivals: tuple[str, ...] = ()


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
    facts = [Facts(name if named else None, column) for name, column in zip(names, cells, strict=True)]
    if text is not None:
        text_index, reason = names.index(text), "as you said"
    else:
        text_index, reason = _find_text(facts, [i for i, name in enumerate(names) if name not in wanted])
    candidates = [i for i, column in enumerate(facts) if i != text_index and column.may_hold_labels]
    result: list[Role] = []
    guessed = 0
    for i, (name, column) in enumerate(zip(names, facts, strict=True)):
        if i == text_index:
            result.append(Role("text", None, reason, column.has_marks))
        elif wanted.get(name) == "ignored":
            result.append(Role("ignored", None, "as you said"))
        elif name in wanted:
            result.append(Role("task", wanted[name], "as you said"))
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


def _find_text(facts: Sequence[Facts], free: Sequence[int]) -> tuple[int | None, str]:
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


def _task_role(facts: Facts, only: bool) -> Role:
    """The role of a column that is not the text; `only` says that no other column may hold labels."""
    if not facts.filled:
        return Role("ignored", None, "it is empty")
    likely = only or facts.promises_labels
    if not facts.entity_form:  # entities are unmistakable
        if facts.is_unnamed:
            return Role("ignored", None, "the first line gives it no name of its own")
        if facts.is_useless:
            return Role("ignored", None, "by its name it says nothing about the text")
        if facts.is_prose:
            return Role("ignored", None, "it holds another text")
    claims = {name: found for name, kind in KINDS.items() if (found := kind.recognise(facts, likely))}
    if not claims:
        return Role("ignored", None, "it holds nothing that could be learnt")
    name = max(claims, key=lambda name: claims[name].score)
    if not claims[name].score:
        return Role("ignored", None, claims[name].reason)
    best = claims.pop(name)
    rivals = tuple(other for other, claim in claims.items() if claim.score > best.score - _CLOSE)
    return Role("task", name, best.reason, rivals=rivals)
