"""What a table leaves open, and what its owner is asked: the rows as they are seen under each reading."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mtl.config import KINDS
from mtl.data.columns import TEXT_B, Guess, Role
from mtl.data.rows import Findings, Question, Reading
from mtl.text.values import cut

# So many readings are offered, with cells of so many characters.
_MOST_READINGS, _SHOWN = 4, 120
# More different tags than any data set has.
_MOST_TAGS = 500


def ask_for_header(first: Sequence[str], taken: bool) -> Question:
    cells = tuple(cut(" ".join(cell.split()), _SHOWN) for cell in first)
    yes = Reading("It names the columns.", {"header": True}, "--header", (cells,))
    no = Reading("It is a row like the others.", {"header": False}, "--no-header", (cells,))
    readings = (yes, no) if taken else (no, yes)
    return Question("Does the first line name the columns, or is it a row?", readings)


def ask_for_text(
    guess: Guess, names: Sequence[str], cells: Sequence[Sequence[str]], findings: Findings
) -> list[Question]:
    """The question which column is the text, if more than one may be it; or whether two of them belong together."""
    if not guess.texts:
        return []
    readings = []
    if guess.pair:
        first, second = (names[i] for i in guess.pair[:2])
        rows = list(zip(*(cells[i] for i in guess.pair[:2]), strict=True))[:3]
        sample = tuple(tuple(cut(" ".join(cell[:1000].split()), _SHOWN) for cell in row) for row in rows)
        arguments = {"text": first, "roles": {second: TEXT_B}}
        option = f"--text {shlex.quote(first)} --text-b {shlex.quote(second)}"
        readings.append(Reading(f"Both: {first} and {second} belong together.", arguments, option, sample))
    for name in guess.texts[:_MOST_READINGS]:
        sample = tuple((cut(" ".join(cell[:1000].split()), _SHOWN),) for cell in cells[names.index(name)][:3])
        readings.append(Reading(name, {"text": name}, f"--text {shlex.quote(name)}", sample))
    first, second = guess.texts[:2]
    findings.add("two-texts" if guess.pair else "which-text", None, first, other=second, option=readings[1].option)
    return [Question("Which column is the text?", tuple(readings))]


def ask_for_kind(name: str, role: Role, cells: Sequence[str]) -> Question:
    """The question what a column of a table of pairs says about the two texts: classes, or how alike they are."""
    sample = tuple((cut(cell, _SHOWN),) for cell in dict.fromkeys(cells[:1000]))[:3]
    readings = (
        Reading(KINDS[kind].about_pairs, {"roles": {name: kind}}, f"--role {shlex.quote(f'{name}={kind}')}", sample)
        for kind in (role.kind, *role.rivals)
    )
    return Question(f"What does {name} say about the two texts?", tuple(readings))


def ask_for_names(column: str) -> Question:
    numbers = ["O", *map(str, range(1, _MOST_TAGS))]
    option = f"--names {shlex.quote(f'{column}=O,1,2,...')}"
    reading = Reading("Use the numbers as names; 0 is no entity.", {"names": {column: numbers}}, option, ())
    return Question(f"What are the names of the tags in {column}?", (reading,), names_of=column)
