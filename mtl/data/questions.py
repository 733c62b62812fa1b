"""What a table leaves open, and what its owner is asked: the rows as they are seen under each reading."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.config import KINDS
from mtl.data.columns import TEXT_B, Guess, Role
from mtl.data.facts import Facts
from mtl.data.options import in_a_shell
from mtl.data.rows import Findings, Question, Reading
from mtl.data.splits import SPLIT
from mtl.kinds.classification import Classification
from mtl.kinds.multilabel import NONE, Multilabel
from mtl.text.values import cut, is_blank

# So many readings are offered, with cells of so many characters.
_MOST_READINGS, _SHOWN = 4, 120
# So many words with their tags are shown.
_WORDS = 12
# More different tags than any data set has.
_MOST_TAGS = 500


def ask_for_header(rows: Sequence[Sequence[str]], taken: bool) -> Question:
    """The question whether the first of these `rows` of a table names its columns."""
    first, *others = (tuple(cut(" ".join(cell.split()), _SHOWN) for cell in row) for row in rows)
    named = tuple(tuple(f"{name}: {cell}" for name, cell in zip(first, row, strict=False)) for row in others)
    yes = Reading("It names the columns.", {"header": True}, "--header", named)
    no = Reading("It is a row like the others.", {"header": False}, "--no-header", (first, *others))
    readings = (yes, no) if taken else (no, yes)
    return Question("Does the first line name the columns, or is it a row?", readings)


def ask_for_text(
    guess: Guess, names: Sequence[str], cells: Sequence[Sequence[str]], findings: Findings
) -> list[Question]:
    """The question which column is the text, if more than one may be it, or none is certain enough to be taken; or
    whether two of them belong together."""
    if not guess.texts:
        return []
    is_taken = any(role.role == "text" for role in guess.roles)
    readings = []
    if guess.pair:
        first, second = (names[i] for i in guess.pair[:2])
        rows = list(zip(*(cells[i] for i in guess.pair[:2]), strict=True))[:3]
        sample = tuple(tuple(cut(" ".join(cell[:1000].split()), _SHOWN) for cell in row) for row in rows)
        arguments = {"text": first, "roles": {second: TEXT_B}}
        option = in_a_shell(text=first, text_b=second)
        readings.append(Reading(f"Both: {first} and {second} belong together.", arguments, option, sample))
    for name in guess.texts[:_MOST_READINGS]:
        sample = tuple((cut(" ".join(cell[:1000].split()), _SHOWN),) for cell in cells[names.index(name)][:3])
        readings.append(Reading(name, {"text": name}, in_a_shell(text=name), sample))
    if is_taken:
        first, second = guess.texts[:2]
        code = "two-texts" if guess.pair else "which-text"
        findings.add(code, None, first, other=second, option=readings[1].option)
    return [Question("Which column is the text?", tuple(readings))]


def ask_for_split(
    guess: Guess, names: Sequence[str], cells: Sequence[Sequence[str]], findings: Findings
) -> list[Question]:
    """The question whether a column says which rows train, if only its words or only its name say so."""
    if not guess.split:
        return []
    name, place = guess.split, names.index(guess.split)
    role = guess.roles[place]
    now, sample = role.kind or role.role, tuple((cut(cell, _SHOWN),) for cell in dict.fromkeys(cells[place]))[:3]
    ways = {
        now: "It is labels." if role.kind else "Nothing that matters here.",
        SPLIT: "Which rows train, and which are held out.",
    }
    readings = tuple(
        Reading(title, {"roles": {name: use}}, in_a_shell(roles={name: use}), sample) for use, title in ways.items()
    )
    findings.add("may-be-split", None, name, use=now, option=readings[1].option)
    return [Question(f"What does {name} say?", readings)]


def ask_for_several(name: str, role: Role, cells: Sequence[str]) -> list[Question]:
    """The question whether the cells of a column hold one label each or several, if either may be."""
    several = Facts(None, cells).several if Multilabel.name in (role.kind, *role.rivals) and role.rivals else None
    if several is None:
        return []
    divided = list(dict.fromkeys(cell for cell in cells if len(several.read(cell)) != 1 and not is_blank(cell)))[:3]
    ways = {
        Classification.name: ("One label.", [(cell,) for cell in divided]),
        Multilabel.name: ("Several labels.", [tuple(several.read(cell)) or (NONE,) for cell in divided]),
    }
    readings = [
        Reading(title, {"roles": {name: kind}}, in_a_shell(roles={name: kind}), tuple(sample))
        for kind, (title, sample) in sorted(ways.items(), key=lambda way: way[0] != role.kind)
    ]
    return [Question(f"Does a cell of {name} hold one label or several?", tuple(readings))]


def ask_for_kind(name: str, role: Role, cells: Sequence[str]) -> Question:
    """The question what a column of a table of pairs says about the two texts: classes, or how alike they are."""
    sample = tuple((cut(cell, _SHOWN),) for cell in dict.fromkeys(cells[:1000]))[:3]
    readings = (
        Reading(KINDS[kind].about_pairs, {"roles": {name: kind}}, in_a_shell(roles={name: kind}), sample)
        for kind in (role.kind, *role.rivals)
    )
    return Question(f"What does {name} say about the two texts?", tuple(readings))


def ask_for_names(column: str, tagged: Sequence[tuple[str, str]]) -> Question:
    """The question for the names of the integer tags of a column, with words and their tags."""
    highest = max((int(tag) for _, tag in tagged if tag.isdecimal()), default=0)
    first = next((place for place, (_, tag) in enumerate(tagged) if tag not in ("", "0")), 0)
    start = max(0, first - _WORDS // 3)
    numbers = ["O", *map(str, range(1, _MOST_TAGS))]
    option = in_a_shell(names={column: ["O", "1", "2", "..."]})
    shown = tuple(f"{cut(word, _SHOWN)} {tag}" for word, tag in tagged[start : start + _WORDS])
    reading = Reading("Use the numbers as names; 0 is no entity.", {"names": {column: numbers}}, option, (shown,))
    seen = f"Numbers from 0 to {highest} were seen, so there are at least {highest + 1} names."
    text = f"What are the names of the tags in {column}? {seen}"
    return Question(text, (reading,), names_of=column)
