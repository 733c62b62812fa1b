"""What each column of a table is used for: the text, a task of some kind, or nothing; each with the evidence.

Values decide. The name of a column is a hint, which breaks ties.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl.config import KINDS, UserError
from mtl.data.facts import Facts, set_aside_coordinates, set_aside_numbering
from mtl.data.header import TEXT_NAMES, TEXT_PARTS, are_a_pair, name_parts, names_rows
from mtl.text.spans import parse_markup
from mtl.text.values import cut, plural

# Each guessed task gets a head of its own, so only this many are guessed; further ones have to be named.
MOST_GUESSED = 20
# When the evidence for two kinds differs by less than this, the second is reported as a rival.
_CLOSE = 0.2
# A column with so large a share of the evidence that the text has may be the text as well.
_RIVAL = 0.6
# Phrases have more words than that on average.
_PHRASE = 1.2
# Texts of a pair may differ more in length.
_IN_PAIR = 0.25
# What a name is worth beside the values: usual for a text, with such a word in it, typical of something else.
_TEXT_NAME, _TEXT_PART, _OTHER_NAME = 2.0, 1.5, 0.5
# Names of texts that often stand beside a longer one.
_SHORT_TEXTS = {"title", "headline", "description"}
_AS_YOU_SAID = "as you said"
# So many rows of two texts are compared, up to so many characters.
_COMPARED, _LOOKED_AT = 200, 10_000


@dataclass(frozen=True)
class Role:
    """What a column is used for. `confidence` goes from 0 to 1. `marked`: its texts have entities marked in them.
    `rivals`: other kinds of task with nearly as much evidence."""

    role: str
    kind: str | None
    reason: str
    confidence: float = 1.0
    marked: bool = False
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guess:
    """The role of each column. `texts`: the columns that may as well be the text, the one taken first; none if that is
    clear. Where none was taken, those that may be it. `are_a_pair`: two of them belong together, so that a label is
    about both. `id`: the index of the column that tells the rows apart, or None."""

    roles: list[Role]
    texts: tuple[str, ...] = ()
    are_a_pair: bool = False
    id: int | None = None


def guess_roles(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    named: bool = True,
) -> Guess:
    """The role of each column, from its cells (one sequence per column, all rows) and its name.

    `named` is False when the names are made up. `text` names the text column, and `roles` maps columns to "ignored" or
    a task's kind; both override the guess and must pass `check_overrides`.
    """
    overrides = roles or {}
    facts = [Facts(name if named else None, column) for name, column in zip(names, cells, strict=True)]
    set_aside_coordinates(facts)
    set_aside_numbering(facts)
    if text is not None:
        texts = {names.index(text): 1.0}
    else:
        texts = _texts(facts, cells, [i for i, name in enumerate(names) if name not in overrides])
    place = next(iter(texts), None)
    rivals = [i for i, score in texts.items() if i == place or score >= _RIVAL * texts[place]]
    pair = text is None and _pair(names, texts)
    if pair:
        place, rivals = pair[0], list(pair)
    candidates = [i for i, column in enumerate(facts) if i != place and column.may_hold_labels]
    result: list[Role] = []
    guessed = 0
    for i, (name, column) in enumerate(zip(names, facts, strict=True)):
        if i == place:
            reason = _AS_YOU_SAID if text is not None else _why_text(names, facts, list(texts))
            result.append(Role("text", None, reason, 1.0 if len(rivals) == 1 else 0.5, column.has_marks))
        elif name in overrides:
            kind = overrides[name]
            result.append(Role(*(("ignored", None) if kind == "ignored" else ("task", kind)), _AS_YOU_SAID))
        elif i in texts:
            size = "" if i in rivals else ", shorter than " + cut(names[place], 40)
            result.append(Role("ignored", None, f"it holds another text{size}"))
        else:
            role = _task_role(column, only=candidates == [i])
            if role.role == "task":
                guessed += 1
                if pair:
                    role = Role("ignored", None, "it is about two texts: say which one is to be read")
                elif guessed > MOST_GUESSED:
                    reason = f"{MOST_GUESSED} columns before it hold labels, which are many already"
                    role = Role("ignored", None, reason)
            result.append(role)
    ignored = [i for i, role in enumerate(result) if role.role == "ignored"]
    own = next((i for i in ignored if names_rows(names[i]) and facts[i].all_differ(len(cells[i]))), None)
    if place is None:
        rivals = _phrases(facts, [i for i, name in enumerate(names) if name not in overrides])
    asked = rivals if place is None or len(rivals) > 1 else []
    return Guess(result, tuple(names[i] for i in asked), bool(pair), own)


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


# --- the text ---


def _texts(facts: Sequence[Facts], cells: Sequence[Sequence[str]], free: Sequence[int]) -> dict[int, float]:
    """The columns among the `free` ones that may be the text, with their evidence, best first."""
    scores = {i: _text_score(facts[i], only=len(facts) == 1) for i in free}
    texts = {i: scores[i] for i in sorted(scores, key=lambda i: -scores[i]) if scores[i]}
    if not texts:
        texts = {i: 1e-6 for i in free if _may_be_text(facts[i])}
    # The same text again, with entities marked in it, is a column of entities.
    marked = [
        i for i in texts if facts[i].has_marks and any(_is_marked_copy(cells[i], cells[j]) for j in texts if j != i)
    ]
    return {i: score for i, score in texts.items() if i not in marked}


def _may_be_text(facts: Facts) -> bool:
    """Whether a column can be the text of a table that has no other: single words, or addresses, that differ."""
    words = facts.number_share < 0.1 and not facts.entity_form and facts.distinct_share > 0.9 and len(facts.sample) > 5
    return words and not facts.holds_lists and facts.aside in ("", "web addresses", "e-mail addresses", "user names")


def _phrases(facts: Sequence[Facts], free: Sequence[int]) -> list[int]:
    """The columns of phrases among the `free` ones of a table without a text, likeliest first."""
    words = [i for i in free if facts[i].mean_words > _PHRASE and not (facts[i].aside or facts[i].entity_form)]
    scores = {i: facts[i].mean_words * facts[i].distinct_share for i in words if facts[i].number_share < 0.1}
    most = max(scores.values(), default=0.0)
    return sorted((i for i, score in scores.items() if score >= _RIVAL * most), key=lambda i: -scores[i])


def _is_marked_copy(marked: Sequence[str], plain: Sequence[str]) -> bool:
    pairs = list(zip(marked[:_COMPARED], plain[:_COMPARED], strict=True))
    same = sum(parse_markup(cell[:_LOOKED_AT])[0].strip() == text[:_LOOKED_AT].strip() for cell, text in pairs)
    return 2 * same >= len(pairs) and any(cell != text for cell, text in pairs)


def _text_score(facts: Facts, only: bool) -> float:
    """The words of a cell that other cells do not repeat, more or less by the column's name; 0 for what is no text."""
    if facts.number_share >= 0.9 or facts.entity_form not in ("", "markup") or facts.aside or facts.holds_lists:
        return 0.0
    name, by_name = (facts.name or "").lower(), 1.0
    if name in TEXT_NAMES - _SHORT_TEXTS:
        by_name = _TEXT_NAME
    elif not TEXT_PARTS.isdisjoint(name_parts(facts.name or "")):
        by_name = _TEXT_PART
    elif facts.is_useless or facts.promises_labels:
        by_name = _OTHER_NAME
    # Short texts, such as phrases, have several words and repeat less often than labels.
    varied = facts.is_varied and any(" " in cell or not cell.isascii() for cell in facts.sample)
    likely = facts.is_prose or facts.has_marks or name in TEXT_NAMES or (varied and by_name != _OTHER_NAME)
    if not (likely or only) or (facts.surely_several and by_name != _TEXT_NAME):
        return 0.0
    return max(facts.mean_words * facts.distinct_share * facts.fill_share * by_name, 1e-6)


def _pair(names: Sequence[str], texts: Mapping[int, float]) -> tuple[int, int] | None:
    """Two columns of texts that belong together by their names and are about as long."""
    likely = [i for i, score in texts.items() if score >= _IN_PAIR * max(texts.values())]
    pairs = ((i, j) for i, j in itertools.combinations(sorted(likely), 2) if are_a_pair(names[i], names[j]))
    # Of several pairs, such as texts and their parses, the one with the shortest names.
    return min(pairs, key=lambda pair: len(names[pair[0]]), default=None)


def _why_text(names: Sequence[str], facts: Sequence[Facts], texts: Sequence[int]) -> str:
    """The evidence for the first of `texts`."""
    first = facts[texts[0]]
    if len(facts) == 1:
        return "it is the only column"
    distinct = plural(len(set(first.filled)), "distinct text")
    reason = f"{distinct}, {first.mean_words:.0f} words on average"
    if len(texts) == 1:
        return reason
    shorter = cut(", ".join(names[i] for i in texts[1:3]), 80)
    return f"{reason}; {shorter} {'is' if len(texts) == 2 else 'are'} left out"


# --- tasks ---


def _task_role(facts: Facts, only: bool) -> Role:
    """The role of a column that is not the text. `only`: no other column can hold labels."""
    if not facts.filled:
        return Role("ignored", None, "it is empty")
    likely = only or facts.promises_labels
    if not facts.entity_form:  # entities cannot be mistaken for anything else
        if facts.is_unnamed:
            return Role("ignored", None, "the first line gives it no name of its own")
        if facts.aside:
            return Role("ignored", None, f"it holds {facts.aside}")
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
    return Role("task", name, best.reason, best.score, rivals=rivals)
