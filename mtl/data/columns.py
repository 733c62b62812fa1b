"""What each column of a table is used for: the text, a task of some kind, or nothing; each with the evidence.

Values decide. The name of a column is a hint, which breaks ties.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mtl.config import KINDS, UserError, listed
from mtl.data.facts import Facts, set_aside_coordinates, set_aside_doubts, set_aside_numbering
from mtl.data.header import (
    TEXT_NAMES,
    TEXT_PARTS,
    are_a_pair,
    are_a_triplet,
    name_parts,
    names_rows,
    rank_among_labels,
)
from mtl.data.splits import SPLIT, Evidence, recognise
from mtl.text.spans import parse_markup
from mtl.text.values import cut, plural
from mtl.text.wording import contained, shared

# Each guessed task gets a head of its own, so only this many are guessed; further ones have to be named.
MOST_GUESSED = 20
# When the evidence for two kinds differs by less than this, the second is reported as a rival.
_CLOSE = 0.2
# A column with so large a share of the evidence that the text has may be the text as well.
_RIVAL = 0.6
# Phrases have more words than that on average.
_PHRASE = 1.2
# Texts of a pair may differ more in length: so much if their names say that they are one, else less.
_IN_PAIR, _ALIKE, _AS_LONG = 0.1, 0.25, 2.5
# So many columns of texts are compared with each other.
_COMPARED_COLUMNS = 10
# By so much more a text has words in common with the other one of its row than with that of another row, if they
# belong together. If one has nearly all of the other's words in most rows, it is a copy.
_RELATED, _COPY = 0.1, 0.9
# What a name is worth beside the values: usual for a text, with such a word in it, typical of something else.
_TEXT_NAME, _TEXT_PART, _OTHER_NAME = 2.0, 1.5, 0.5
# Names of texts that often stand beside a longer one.
_SHORT_TEXTS = {"title", "headline", "description"}
_AS_YOU_SAID = "as you said"
# So many rows of two texts are compared, up to so many characters; and so many to see how numbers go along with words.
_COMPARED, _LOOKED_AT = 200, 10_000
_WORDED = 2000
# What a column may be used for that is not a task: the roles of texts beside the first, and none; and `SPLIT`.
TEXT_B, NEGATIVE, IGNORED = "text_b", "negative", "ignored"
USES = (IGNORED, TEXT_B, NEGATIVE, SPLIT)


@dataclass(frozen=True)
class Role:
    """What a column is used for. `confidence` goes from 0 to 1. `marked`: its texts have entities marked in them.
    `rivals`: other kinds of task with nearly as much evidence. `offered`: the kind of task that it can be, where it is
    left out for thin evidence; else ""."""

    role: str
    kind: str | None
    reason: str
    confidence: float = 1.0
    marked: bool = False
    rivals: tuple[str, ...] = ()
    offered: str = ""


@dataclass(frozen=True)
class Guess:
    """The role of each column. `texts`: the columns that may as well be the text, the one taken first; none if that is
    clear. Where none was taken, those that may be it. `pair`: the indices of two texts that belong together, so that a
    label is about both, and of a third that does not belong to the first; none if a row has one text. `unlabelled`: no
    column says anything about the pairs. `id`: the index of the column that tells the rows apart, or None. `split`: the
    column that may say which rows train, where that is not clear."""

    roles: list[Role]
    texts: tuple[str, ...] = ()
    pair: tuple[int, ...] = ()
    unlabelled: bool = False
    id: int | None = None
    split: str = ""


def guess_roles(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    text: str | None = None,
    roles: Mapping[str, str] | None = None,
    named: bool = True,
) -> Guess:
    """The role of each column, from its cells (one sequence per column, all rows) and its name.

    `named` is False when the names are made up. `text` names the text column, and `roles` maps columns to "ignored",
    "text_b" (the second text), "negative" (a text that does not belong to the first), "split" (it says which rows
    train) or a task's kind; both override the guess and must pass `check_overrides`.
    """
    overrides = roles or {}
    facts = [Facts(name if named else None, column) for name, column in zip(names, cells, strict=True)]
    set_aside_coordinates(facts)
    set_aside_numbering(facts)
    set_aside_doubts(facts)
    if text is not None:
        texts = {names.index(text): 1.0}
    else:
        texts = _texts(facts, cells, [i for i, name in enumerate(names) if name not in overrides])
    place = next(iter(texts), None)
    rivals = [i for i, score in texts.items() if i == place or score >= _RIVAL * texts[place]]
    others = [i for role in (TEXT_B, NEGATIVE) for i, name in enumerate(names) if overrides.get(name) == role]
    pair, is_sure = (), True
    if others and place is not None:
        if text is None:
            place = next((i for i in texts if are_a_pair(names[i], names[others[0]])), place)
        pair = (place, *others[:2])
    elif text is None:
        pair, is_sure = _related(names if named else [""] * len(names), facts, cells, texts)
    if pair:
        place, rivals = pair[0], [pair[0]] if is_sure else list(pair)
        wording = [shared(*both) for both in zip(*(cells[i][:_WORDED] for i in pair[:2]), strict=True)]
        for column in facts:
            column.wording = wording
    split, claim = _split(names, facts, overrides, texts)
    candidates = [i for i, column in enumerate(facts) if i != place and column.may_hold_labels]
    if claim and claim.sure:
        candidates = [i for i in candidates if i != split]
    result: list[Role] = []
    guessed = 0
    for i, (name, column) in enumerate(zip(names, facts, strict=True)):
        if i == place:
            reason = _AS_YOU_SAID if text is not None else _why_text(names, facts, list(texts))
            if pair and text is None:
                reason = "it is the first of the texts that belong together"
            result.append(Role("text", None, reason, 1.0 if len(rivals) == 1 else 0.5, column.has_marks and not pair))
        elif i in pair:
            reason = _AS_YOU_SAID if name in overrides else _why_related(names, cells, pair, i)
            result.append(Role((TEXT_B, NEGATIVE)[pair.index(i) - 1], None, reason, 1.0 if is_sure else 0.5))
        elif name in overrides:
            kind = overrides[name]
            result.append(Role(*(("task", kind) if kind in KINDS else (kind, None)), _AS_YOU_SAID))
        elif i == split and claim.sure:
            result.append(Role(SPLIT, None, claim.reason))
        elif i in texts:
            result.append(_other_text(column, "" if i in rivals else ", shorter than " + cut(names[place], 40)))
        else:
            role = _task_role(column, only=candidates == [i], texts=2 if pair else 1)
            if role.role == "task":
                guessed += 1
                if guessed > MOST_GUESSED:
                    reason = f"{MOST_GUESSED} columns before it hold labels, which are many already"
                    role = Role(IGNORED, None, reason)
            result.append(role)
    ignored = [i for i, role in enumerate(result) if role.role == IGNORED]
    own = next((i for i in ignored if names_rows(names[i]) and facts[i].all_differ(len(cells[i]))), None)
    if place is None:
        rivals = _phrases(facts, [i for i, name in enumerate(names) if name not in overrides])
    asked = tuple(names[i] for i in rivals) if place is None or len(rivals) > 1 else ()
    asked_split = names[split] if claim and not claim.sure else ""
    if not pair:
        return Guess(result, asked, id=own, split=asked_split)
    unlabelled = not any(role.role == "task" for role in result) and not any(
        overrides.get(names[i]) == IGNORED and _task_role(facts[i], only=False, texts=2).role == "task"
        for i in candidates
    )
    result = _most_telling(names if named else [""] * len(names), result)
    return Guess(result, asked, pair, unlabelled, own, asked_split)


def _split(
    names: Sequence[str], facts: Sequence[Facts], overrides: Mapping[str, str], texts: Collection[int]
) -> tuple[int | None, Evidence | None]:
    """The column that says, or may say, which rows train, and the evidence; the surest one, none if that was said."""
    if SPLIT in overrides.values():
        return None, None
    free = (i for i, name in enumerate(names) if name not in overrides and i not in texts)
    found = [(i, claim) for i in free if (claim := recognise(facts[i]))]
    return next((each for each in found if each[1].sure), found[0] if found else (None, None))


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
        if role not in (*USES, *KINDS):
            raise UserError(f"{name!r} cannot be {role!r}. A column is {', '.join((*USES, *KINDS))}.")
    seconds = [name for name, role in (roles or {}).items() if role in (TEXT_B, NEGATIVE)]
    if text in seconds:
        raise UserError(f"{text!r} cannot be both texts of a row: name another column for one of them.")
    if len({roles[name] for name in seconds}) < len(seconds):
        raise UserError(f"Only one column can be the second text, and one the {NEGATIVE} one; not {listed(seconds)}.")
    if len(splits := [name for name, role in (roles or {}).items() if role == SPLIT]) > 1:
        raise UserError(f"Only one column can say which rows train; not {listed(splits)}.")
    if text in splits:
        raise UserError(f"{text!r} cannot be the text and say which rows train: name another column for one of them.")
    if seconds and TEXT_B not in roles.values():
        raise UserError(f"{seconds[0]!r} is not to be like the text: say by {TEXT_B} which column is.")


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


def _related(
    names: Sequence[str], facts: Sequence[Facts], cells: Sequence[Sequence[str]], texts: Mapping[int, float]
) -> tuple[tuple[int, ...], bool]:
    """The columns of two texts that belong together, or of a triplet, and whether that is beyond doubt.

    By their names; else by what they say, if they are about as long: more words in common within a row than between
    rows."""
    named = sorted(texts)[:_COMPARED_COLUMNS]
    for triplet in itertools.permutations(named, 3):
        if are_a_triplet(*(names[i] for i in triplet)):
            return triplet, True
    pairs = [
        (i, j)
        for i, j in itertools.combinations(named, 2)
        if are_a_pair(names[i], names[j]) and _IN_PAIR * texts[i] <= texts[j] <= texts[i] / _IN_PAIR
    ]
    if pairs:
        # Of several pairs, such as texts and their parses, the one with the shortest names.
        return min(pairs, key=lambda pair: len(names[pair[0]])), True
    most = max(texts.values(), default=0.0)
    likely = [i for i in named if texts[i] >= _ALIKE * most]
    pairs = {pair: found for pair in itertools.combinations(likely, 2) if (found := _relation(facts, cells, *pair))}
    if not pairs:
        return (), True
    pair = tuple(likely) if len(likely) == len(pairs) == 3 else max(pairs, key=pairs.get)
    return pair, not any(names[i] for i in pair)


def _relation(facts: Sequence[Facts], cells: Sequence[Sequence[str]], i: int, j: int) -> float:
    """By how much more the texts of two columns are alike within a row than between rows; 0 if that is no evidence
    that they belong together."""
    lengths = sorted((facts[i].mean_words, facts[j].mean_words))
    if not (facts[i].is_prose and facts[j].is_prose) or lengths[1] > _AS_LONG * lengths[0]:
        return 0.0
    rows = [pair for pair in zip(cells[i][:_COMPARED], cells[j][:_COMPARED], strict=True) if all(map(str.strip, pair))]
    if len(rows) < 5 or 2 * sum(contained(*pair) >= _COPY for pair in rows) > len(rows):
        return 0.0
    others = [(rows[at][0], rows[at - 1][1]) for at in range(len(rows))]
    more = sum(shared(*pair) for pair in rows) - sum(shared(*pair) for pair in others)
    return more / len(rows) if more >= _RELATED * len(rows) else 0.0


def _why_related(names: Sequence[str], cells: Sequence[Sequence[str]], pair: Sequence[int], i: int) -> str:
    pairs = list(zip(cells[pair[0]][:_COMPARED], cells[i][:_COMPARED], strict=True))
    mean = sum(shared(*both) for both in pairs) / len(pairs) if pairs else 0.0
    return f"{mean:.0%} of its words and those in {cut(names[pair[0]], 40)} are the same, on average"


def _most_telling(names: Sequence[str], roles: Sequence[Role]) -> list[Role]:
    """The roles in a table of pairs, with columns left out that say less about the two texts than others: where they
    come from, or what a single annotator thought."""
    tasks = [i for i, role in enumerate(roles) if role.role == "task" and role.reason != _AS_YOU_SAID]
    if len(tasks) < 2:
        return list(roles)
    ranks = {i: rank_among_labels(names[i]) for i in tasks}
    best = max(tasks, key=lambda i: (ranks[i], roles[i].confidence))
    kept = {i for i in tasks if ranks[i] == ranks[best]} if ranks[best] else {best}
    reason = f"{names[best] or 'another column'} says more about the two texts; give this one a use to learn it too"
    return [Role(IGNORED, None, reason) if i in tasks and i not in kept else role for i, role in enumerate(roles)]


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


def _other_text(facts: Facts, size: str = "") -> Role:
    """The role of a column of texts beside the one that is read. `size`: how it compares with that one."""
    evidence = _evidence(facts, likely=True, texts=1) if facts.recurs else {}
    if not evidence:
        return Role(IGNORED, None, f"it holds another text{size}")
    kind = max(evidence, key=lambda name: evidence[name].score)
    return Role(IGNORED, None, "its texts come again and again, as labels do", offered=kind)


def _evidence(facts: Facts, likely: bool, texts: int) -> dict[str, Evidence]:
    """What each kind of task that is about so many `texts` finds in a column; see `Kind.recognise`."""
    kinds = {name: kind for name, kind in KINDS.items() if kind.texts == texts}
    return {name: claim for name, kind in kinds.items() if (claim := kind.recognise(facts, likely))}


def _task_role(facts: Facts, only: bool, texts: int) -> Role:
    """The role of a column that is not a text. `only`: no other column can hold labels; `texts`: how many a row has."""
    if not facts.filled:
        return Role(IGNORED, None, "it is empty")
    if facts.is_sparse and not only:  # alone it may be what a teacher is to answer for
        return Role(IGNORED, None, f"it is filled in {plural(len(facts.filled), 'row')} alone")
    likely = only or facts.promises_labels
    if not facts.entity_form:  # entities cannot be mistaken for anything else
        if facts.is_unnamed:
            return Role(IGNORED, None, "the first line gives it no name of its own")
        if facts.aside:
            return Role(IGNORED, None, f"it holds {facts.aside}")
        if facts.is_useless:
            return Role(IGNORED, None, "by its name it says nothing about the text")
        if facts.is_prose:
            return _other_text(facts)
    evidence = _evidence(facts, likely, texts)
    if not evidence:
        return Role(IGNORED, None, "it holds nothing that can be learned")
    name = max(evidence, key=lambda name: evidence[name].score)
    best = evidence.pop(name)
    if not best.score:
        return Role(IGNORED, None, best.reason)
    if best.is_thin:
        return Role(IGNORED, None, best.reason, offered=name)
    if facts.tells_circumstances and not (likely or facts.entity_form):
        reason = "by its name it is about where the texts come from or how far they spread, not about what they say"
        return Role(IGNORED, None, reason, offered=name)
    rivals = tuple(other for other, claim in evidence.items() if claim.score > best.score - _CLOSE)
    return Role("task", name, best.reason, best.score, rivals=rivals)
