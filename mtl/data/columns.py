"""What each column of a table is used for: the text, a task of some kind, or nothing; each with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl.config import KINDS, UserError
from mtl.data.facts import Facts
from mtl.data.header import TEXT_NAMES, TEXT_PARTS, name_parts
from mtl.text.values import cut

# Each guessed task gets a head of its own, so only this many are guessed; further ones have to be named.
MOST_GUESSED = 20
# When the evidence for two kinds differs by less than this, the second is reported as a rival.
_CLOSE = 0.2


@dataclass(frozen=True)
class Role:
    """What a column is used for. `marked`: its texts have entities marked in them. `rivals`: other kinds of task with
    nearly as much evidence."""

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

    `named` is False when the names are made up. `text` names the text column, and `roles` maps columns to "ignored" or
    a task's kind; both override the guess and must pass `check_overrides`.
    """
    overrides = roles or {}
    facts = [Facts(name if named else None, column) for name, column in zip(names, cells, strict=True)]
    if text is not None:
        text_index, reason = names.index(text), "as you said"
    else:
        text_index, reason = _find_text(facts, [i for i, name in enumerate(names) if name not in overrides])
    candidates = [i for i, column in enumerate(facts) if i != text_index and column.may_hold_labels]
    result: list[Role] = []
    guessed = 0
    for i, (name, column) in enumerate(zip(names, facts, strict=True)):
        if i == text_index:
            result.append(Role("text", None, reason, column.has_marks))
        elif overrides.get(name) == "ignored":
            result.append(Role("ignored", None, "as you said"))
        elif name in overrides:
            result.append(Role("task", overrides[name], "as you said"))
        else:
            role = _task_role(column, only=candidates == [i])
            guessed += role.role == "task"
            if guessed > MOST_GUESSED and role.role == "task":
                role = Role("ignored", None, f"{MOST_GUESSED} columns before it hold labels, which are many already")
            result.append(role)
    return result


def check_overrides(
    names: Sequence[str], text: str | None, roles: Mapping[str, str] | None, also: Sequence[str] = ()
) -> None:
    """Raise UserError for a column that is not in `names` (or, in `roles`, `also`), or an unknown role."""
    missing = [] if text is None or text in names else [text]
    missing += [name for name in roles or () if name not in names and name not in also]
    if missing:
        columns = cut(", ".join(map(repr, names)) or "none", 300)
        raise UserError(f"There is no column {missing[0]!r}. The columns are: {columns}.")
    for name, role in (roles or {}).items():
        if role not in ("ignored", *KINDS):
            raise UserError(f"{name!r} cannot be {role!r}. A column is ignored, {', '.join(KINDS)}.")


def _find_text(facts: Sequence[Facts], free: Sequence[int]) -> tuple[int | None, str]:
    """The index of the text column among the `free` ones, None when there is none; and the reason."""
    # A column of numbers or spans is not text, whatever its name.
    possible = [i for i in free if facts[i].number_share < 0.9 and facts[i].entity_form in ("", "markup")]
    if len(facts) == 1 and possible:
        return 0, "it is the only column"
    for name in TEXT_NAMES:
        for i in possible:
            if (facts[i].name or "").lower() == name:
                return i, "by its name"
    prose = [i for i in possible if facts[i].is_prose or facts[i].has_marks]
    named = [i for i in prose if not TEXT_PARTS.isdisjoint(name_parts(facts[i].name or ""))]
    # Short texts, such as phrases, have several words and repeat less often than labels.
    short = [
        i
        for i in possible
        if facts[i].is_varied
        and not facts[i].promises_labels
        and not facts[i].is_useless
        and any(" " in cell or not cell.isascii() for cell in facts[i].sample)
    ]
    columns = named or prose or short
    if not columns:
        return None, ""
    return max(columns, key=lambda i: facts[i].mean_length), "by its name" if named else "it has the longest texts"


def _task_role(facts: Facts, only: bool) -> Role:
    """The role of a column that is not the text. `only`: no other column can hold labels."""
    if not facts.filled:
        return Role("ignored", None, "it is empty")
    likely = only or facts.promises_labels
    if not facts.entity_form:  # entities cannot be mistaken for anything else
        if facts.is_unnamed:
            return Role("ignored", None, "the first line gives it no name of its own")
        if facts.is_useless:
            return Role("ignored", None, "by its name it says nothing about the text")
        if facts.is_prose:
            return Role("ignored", None, "it holds another text")
    evidence = {name: claim for name, kind in KINDS.items() if (claim := kind.recognise(facts, likely))}
    if not evidence:
        return Role("ignored", None, "it holds nothing that can be learned")
    name = max(evidence, key=lambda name: evidence[name].score)
    best = evidence.pop(name)
    if not best.score:
        return Role("ignored", None, best.reason)
    rivals = tuple(other for other, claim in evidence.items() if claim.score > best.score - _CLOSE)
    return Role("task", name, best.reason, rivals=rivals)
