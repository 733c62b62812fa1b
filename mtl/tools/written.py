"""The training rows that were written for the default model: templates with slots, and lists of words to fill them.

They are the TOML files in the default model's folder `written`; its README says how they look. One table is made of
each file of templates.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any

from mtl import checkpoint
from mtl.text.spans import parse_markup

FOLDER = checkpoint.DEFAULT_FOLDER / "written"
LISTS = "lists.toml"
SENTIMENTS = ("negative", "neutral", "positive")
# Templates of no sentiment: each text comes with every label, which teaches a model to be unsure.
ANY = "any"
_SLOT = re.compile(r"\{([^{}]*)\}")
# A mark, whose slots are filled without marks of their own, or a slot.
_PIECE = re.compile(rf"\[(?P<marked>[^\[\]]+)\](?=\([A-Z]+\))|{_SLOT.pattern}")
# An "a" before a vowel, as in "a {good} meal"; not before "European" or "useless".
_VOWEL = re.compile(r"(?<=\b[aA])(?= \[?(?!eu|one)[aeio])", re.IGNORECASE)
_CASES = {"": str, "lower": str.lower, "upper": str.upper}


@dataclass(frozen=True)
class Template:
    """A sentence with slots: `{city}` is filled from the list of that name, `{tea|coffee}` with one of the words.

    `sentiment` is a label, `ANY`, or None for no label; `intensity` and `topic` may be None as well. With `entities`
    all names are marked, as lists mark their words by themselves. `rows`: how many rows are made of it at most. Where
    `same` names a list, its words alone differ between these rows, which share an id: their answers should be equal.
    """

    kind: str
    text: str
    held_out: bool = False
    sentiment: str | None = None
    intensity: float | None = None
    topic: str | None = None
    entities: bool = False
    case: str = ""
    rows: int = 6
    same: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.kind}\0{self.text}".encode()).hexdigest()

    @property
    def slots(self) -> list[str]:
        return _SLOT.findall(self.text)


@dataclass(frozen=True)
class WordList:
    """Words for a slot, and the type of entity that they are, "" for none."""

    words: tuple[str, ...]
    label: str = ""


def lists() -> dict[str, WordList]:
    """The lists by name."""
    data = tomllib.loads((FOLDER / LISTS).read_text(encoding="utf-8"))
    return {name: WordList(tuple(entry["words"]), entry.get("entity", "")) for name, entry in data.items()}


def tables() -> list[str]:
    """The names of the files of templates, without their ending."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.name != LISTS)


def templates(table: str) -> list[Template]:
    """The templates of one file, in its order."""
    parts = tomllib.loads((FOLDER / f"{table}.toml").read_text(encoding="utf-8"))["parts"]
    return [template for part in parts for template in _templates(part)]


def _templates(part: Mapping[str, Any]) -> Iterator[Template]:
    """The templates of a part. Its lists of texts are named after a sentiment, an intensity or "unlabelled"; of each a
    fifth is held out, chosen by their own words, so that their order does not matter."""
    settings = {name: value for name, value in part.items() if not isinstance(value, list)}
    for name, texts in ((name, value) for name, value in part.items() if isinstance(value, list)):
        sentiment, intensity = _meaning(name)
        made = [Template(text=text, sentiment=sentiment, intensity=intensity, **settings) for text in texts]
        held_out = {each.text for each in sorted(made, key=attrgetter("digest"))[: max(1, round(len(made) / 5))]}
        yield from (replace(each, held_out=each.text in held_out) for each in made)


def _meaning(name: str) -> tuple[str | None, float | None]:
    if name in (*SENTIMENTS, ANY, "unlabelled"):
        return None if name == "unlabelled" else name, 0.0 if name == "neutral" else None
    value = float(name)
    return SENTIMENTS[(value > 0) - (value < 0) + 1], value


class _Words:
    """Deals the words of the lists, each list shuffled anew when it is used up: every word comes as often as the others
    with each sentiment, held out or not, so that none is tied to one."""

    def __init__(self, known: Mapping[str, WordList]) -> None:
        self._known = known
        self._left: dict[tuple, list[str]] = {}
        self._rounds: Counter[tuple] = Counter()

    def of(self, slot: str) -> WordList:
        return WordList(tuple(slot.split("|"))) if "|" in slot else self._known[slot]

    def deal(self, slot: str, template: Template, taken: list[str]) -> str:
        """The next word that is not `taken`, if there is one."""
        key, words = (slot, template.sentiment, template.held_out), self.of(slot).words
        left = self._left.setdefault(key, [])
        if all(word in taken for word in left):
            self._rounds[key] += 1
            more = [*words]
            Random(f"{key} {self._rounds[key]}").shuffle(more)
            left[:0] = more
        free = [i for i, word in enumerate(left) if word not in taken]
        return left.pop(free[-1] if free else -1)


def rows(table: str) -> list[dict[str, Any]]:
    """The rows of one table, as `write` writes them."""
    words = _Words(lists())
    return [row for template in templates(table) for row in _rows(template, words)]


def _rows(template: Template, words: _Words) -> Iterator[dict[str, Any]]:
    fillings = _fillings(template, words)
    seen = set()
    for number, filling in enumerate(fillings):
        text, spans = parse_markup(_filled(template.text, filling, words))
        text = _CASES[template.case](text)
        if text in seen:
            continue
        seen.add(text)
        part = 0 if template.same else number
        row: dict[str, Any] = {"id": f"{template.kind.replace(' ', '-')}-{template.digest[:8]}-{part}", "text": text}
        row["split"] = "held-out" if template.held_out else "train"
        if template.intensity is not None:
            row["intensity"] = template.intensity
        if template.topic:
            row["topic"] = template.topic
        if template.entities:
            row["entities"] = [{"start": span.start, "end": span.end, "label": span.label} for span in spans]
        for sentiment in SENTIMENTS if template.sentiment == ANY else (template.sentiment,):
            yield row | ({"sentiment": sentiment} if sentiment else {})


def _fillings(template: Template, words: _Words) -> Iterator[list[str]]:
    """A word for each slot, for each row."""
    slots = template.slots
    fixed: list[str] = []
    varied: list[str] = []
    for _ in range(template.rows if slots else 1):
        filling: list[str] = []
        for place, slot in enumerate(slots):
            if template.same and slot != template.same and fixed:
                filling.append(fixed[place])
                continue
            taken = varied if slot == template.same else [w for s, w in zip(slots, filling, strict=False) if s == slot]
            filling.append(words.deal(slot, template, taken))
            if slot == template.same:
                varied.append(filling[-1])
        fixed = fixed or filling
        yield filling


def _filled(text: str, filling: list[str], words: _Words) -> str:
    """The text with its slots filled, as marked text."""
    left = iter(filling)

    def piece(match: re.Match) -> str:
        if match["marked"]:
            return f"[{_SLOT.sub(lambda _: next(left), match['marked'])}]"
        slot, word = words.of(match[2]), next(left)
        if not slot.label:
            return word
        article = "the " if word.startswith("the ") else ""  # no part of a name
        return f"{article}[{word.removeprefix(article)}]({slot.label})"

    filled = _VOWEL.sub("n", _PIECE.sub(piece, text))
    return filled[:1].upper() + filled[1:] if text[0] == "{" and filled[-1] in ".!?" else filled


def write(folder: Path) -> dict[str, int]:
    """Write the tables as JSON Lines into a folder, one row a line; the number of rows by file name."""
    counts = {}
    for table in tables():
        made = rows(table)
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in made]
        (folder / f"{table}.jsonl").write_text("".join(lines), encoding="utf-8")
        counts[f"{table}.jsonl"] = len(made)
    return counts
