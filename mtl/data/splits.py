"""Which rows of a table train and which are held out: as a column of the table says, else chosen by their texts."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl.config import KINDS, UserError, listed
from mtl.data.header import name_parts
from mtl.data.rows import Column, Findings, Row, place
from mtl.kinds.multilabel import LabelSet
from mtl.text.values import is_blank, plural, shown

if TYPE_CHECKING:
    from mtl.data.facts import Facts

# The role of a column that says which rows train.
SPLIT = "split"
# What is written there, without spaces and hyphens, and names that such a column has.
_TRAIN = frozenset({"train", "training"})
_HELD_OUT = frozenset(
    ("validation", "valid", "val", "dev", "devel", "development", "test", "testing", "eval", "evaluation")
    + ("heldout", "holdout")
)
_NAMES = frozenset({"split", "splits", "subset", "set", "partition", "fold", "usage", "phase"})
# The share of the cells that has to be such words, where the name says that it is a split; and for it to be asked.
_NEARLY_ALL, _HALF = 0.9, 0.5
# If more of the pairs are connected by their sentences, keeping them together would leave too few to hold out.
_TOO_CONNECTED = 0.8
_NONE_HELD_OUT = (
    "The split of the table holds no row out: mark some rows test, or give the column that says so another use."
)
_NONE_TRAINS = (
    "No row is left to train on, as every text is held out: mark some rows train, give the column that says so another "
    "use, or bring another file to test on."
)


# --- a column that says it ---


def is_held_out(word: str) -> bool | None:
    """Whether a row is held out of which a column of the table says this; None for a word that says neither."""
    plain = re.sub(r"[\s_-]+", "", word.casefold())
    return True if plain in _HELD_OUT else False if plain in _TRAIN else None


@dataclass(frozen=True)
class Evidence:
    """Why a column may say which rows train; `sure` where its name says so too."""

    reason: str
    sure: bool


def recognise(column: Facts) -> Evidence | None:
    """The evidence that a column says which rows train; None without any, and for one that puts all rows on one
    side."""
    named = not _NAMES.isdisjoint(name_parts(column.name or ""))
    if not column.filled or not (named or is_held_out(column.filled[0]) is not None):
        return None
    words, sides = Counter(column.filled), Counter()
    for word, count in words.items():
        sides[is_held_out(word)] += count
    share = (sides[True] + sides[False]) / len(column.filled)
    if not (sides[True] and sides[False]) or share < (_HALF if named else 1):
        return None
    return Evidence(_said(words), named and share >= _NEARLY_ALL)


def _said(words: Mapping[str, int]) -> str:
    """What each word was taken for, as in "trained on: train (80); held out: val (10) and test (10)"."""
    counts: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for word, count in words.items():
        if (side := is_held_out(word)) is not None:
            counts[side][word] += count
    return "; ".join(
        f"{'held out' if side else 'trained on'}: "
        + listed(f"{word} ({number:,})" for word, number in found.most_common())
        for side, found in counts.items()
    )


def read_split(cell: str, line: int, column: str, findings: Findings) -> bool | None:
    """Whether the row with this cell is held out; a row without a word trains. None, and a finding, for a word that is
    not understood."""
    if is_blank(cell):
        findings.add("split-blank", line, column)
        return False
    if (side := is_held_out(cell.strip())) is None:
        findings.add("split-unknown", line, column, word=shown(cell.strip()))
    return side


def report(rows: Sequence[Row], columns: Iterable[Column], words: Mapping[str, int], findings: Findings) -> None:
    """Say how many rows of a table train, and what of its split may mislead. `words`: how often each was read."""
    column = next((column.name for column in columns if column.role == SPLIT), None)
    if column is None:
        return
    findings.add("split", None, column, said=_said(words))
    train, held_out = _sides(rows)
    for row, other in on_both_sides((row for row in rows if not row.held_out), held_out):
        findings.add("split-both", row.line, column, other=place(other.line))
    for task in (column for column in columns if column.role == "task"):
        known, tested = (
            KINDS[task.kind].counts([row.labels[task.name] for row in side if task.name in row.labels])
            for side in (train, held_out)
        )
        for label in (label for label in task.labels if tested.get(label) and not known.get(label)):
            findings.add("split-label", None, task.name, label=shown(label), count=plural(tested[label], "row"))


def scorable(rows: Sequence[Row]) -> list[Row]:
    """The rows that a model may be scored on: without those of which the table says that they train."""
    return [row for row in rows if row.held_out is not False]


def on_both_sides(rows: Iterable[Row], held_out: Iterable[Row]) -> Iterator[tuple[Row, Row]]:
    """The rows with the same texts as one that is held out, each with that one."""
    taken: dict[str, Row] = {}
    for row in held_out:
        taken.setdefault(_same_texts(row), row)
    return ((row, taken[key]) for row in rows if (key := _same_texts(row)) in taken)


def _sides(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(training rows, held-out rows) as the table says. A text on both sides is not trained on."""
    held_out = [row for row in rows if row.held_out]
    texts = {_same_texts(row) for row in held_out}
    return [row for row in rows if not row.held_out and _same_texts(row) not in texts], held_out


def _refusal(train: int, held_out: int) -> str:
    """Why nothing can be trained on a table that says of so many rows that they train, and are held out; "" if it
    can."""
    return (_NONE_HELD_OUT if not held_out else _NONE_TRAINS if not train else "") if train + held_out else ""


# --- rows of a table that does not say it ---


def split(rows: Sequence[Row], share: float) -> tuple[list[Row], list[Row]]:
    """(training rows, validation rows). Rows whose texts differ only in case and spacing stay together, and so do pairs
    that share a sentence, directly or by way of other pairs, unless that leaves too few to hold out (see
    `share_sentences`).

    Whether a text is held out depends on the text alone, not on the file's order or the seed: rows of a sample that
    the default model was not trained on are held out from a visitor's run as well, and a larger share holds out the
    same texts and more. Stratified by label; of several labels, by the rarest. Each side gets at least one row if there
    are two texts or more.

    Where the table itself says which rows train, that counts instead, without training rows whose text is held out as
    well. Raises `UserError` if one side is then empty.
    """
    if any(row.held_out is not None for row in rows):
        train, held_out = _sides(rows)
        if refusal := _refusal(len(train), len(held_out)):
            raise UserError(refusal)
        return train, held_out
    strata = _strata(rows)
    chosen = _chosen([[_distinct(group) for group in stratum] for stratum in strata], share)
    held_out = {id(row) for stratum, places in zip(strata, chosen, strict=True) for i in places for row in stratum[i]}
    return [row for row in rows if id(row) not in held_out], [row for row in rows if id(row) in held_out]


@dataclass(frozen=True)
class RowCounts:
    """How many (texts, rows) each group of a table has that stays together, by stratum, in the order in which `split`
    holds groups out; or, where the table says which rows train, how many of them do and how many are held out."""

    strata: tuple[tuple[tuple[int, int], ...], ...] = ()
    given: tuple[int, int] | None = None

    @classmethod
    def of(cls, rows: Sequence[Row]) -> RowCounts:
        if any(row.held_out is not None for row in rows):
            return cls(given=tuple(map(len, _sides(rows))))
        return cls(tuple(tuple((_distinct(group), len(group)) for group in stratum) for stratum in _strata(rows)))

    @property
    def refusal(self) -> str:
        """Why `split` refuses the rows; "" if it does not."""
        return _refusal(*self.given) if self.given else ""

    @property
    def total(self) -> int:
        return sum(self.given) if self.given else sum(rows for stratum in self.strata for _, rows in stratum)

    def held_out(self, share: float) -> int:
        """How many rows `split` holds out. Raises `UserError` as that does."""
        if self.given:
            if self.refusal:
                raise UserError(self.refusal)
            return self.given[1]
        chosen = _chosen([[texts for texts, _ in stratum] for stratum in self.strata], share)
        return sum(stratum[i][1] for stratum, places in zip(self.strata, chosen, strict=True) for i in places)


def _strata(rows: Sequence[Row]) -> list[list[list[Row]]]:
    """The rows in groups that stay together, in strata of the same labels, the largest first."""
    groups = _connected(rows)
    if len(rows) > len(groups) and max(map(len, groups.values())) > _TOO_CONNECTED * len(rows):
        groups = {}
        for row in rows:
            groups.setdefault(_same_texts(row), []).append(row)
    strata: dict[tuple, list[str]] = {}
    labels_of = _telling_labels(rows)
    for name, group in groups.items():
        strata.setdefault(labels_of(group[0]), []).append(name)
    by_name = {labels: sorted(names, key=rank) for labels, names in strata.items()}
    size = {labels: sum(_distinct(groups[name]) for name in names) for labels, names in by_name.items()}
    order = sorted(by_name, key=lambda labels: (-size[labels], repr(labels)))
    return [[groups[name] for name in by_name[labels]] for labels in order]


def _distinct(group: Sequence[Row]) -> int:
    return len(set(map(_same_texts, group)))


def _chosen(strata: Sequence[Sequence[int]], share: float) -> list[list[int]]:
    """The places of the groups to hold out of each stratum, given how many texts each has; what rounding leaves over is
    carried to the next."""
    chosen: list[list[int]] = []
    due = 0.0
    for sizes in strata:
        due += sum(sizes) * share
        left, places = round(due), []
        for i, size in enumerate(sizes[: max(len(sizes) - 1, 1)]):
            if size <= left:
                places.append(i)
                left -= size
                due -= size
        chosen.append(places)
    groups = sum(map(len, strata))
    if share > 0 and groups > 1 and not any(chosen):
        chosen[0].append(0)
    if groups and sum(map(len, chosen)) == groups:
        chosen[-1].pop()
    return chosen


def _telling_labels(rows: Sequence[Row]) -> Callable[[Row], tuple]:
    """A function from a row to the labels by which rows are stratified."""
    counts = Counter(
        (task, label)
        for row in rows
        for task, value in row.labels.items()
        if isinstance(value, LabelSet)
        for label in value.labels
    )

    def stratum(row: Row) -> tuple:
        found = []
        for task, value in sorted(row.labels.items()):
            if isinstance(value, LabelSet):
                value = min(value.labels, key=lambda label: (counts[task, label], label), default="")
            if isinstance(value, str):
                found.append((task, value))
        return tuple(found)

    return stratum


def _connected(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows in groups that share no sentence, under the least text of each; of rows with one text, the same text."""
    above: dict[str, str] = {}

    def top(text: str) -> str:
        while above.setdefault(text, text) != text:
            above[text] = text = above[above[text]]
        return text

    for row in rows:
        first, *others = map(plain, row.texts)
        for other in others:
            low, high = sorted((top(first), top(other)))
            above[high] = low
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(top(plain(row.text)), []).append(row)
    return groups


def share_sentences(rows: Sequence[Row], held_out: Sequence[Row]) -> int:
    """How many pairs that are held out share a sentence with those that are not."""
    known = {plain(text) for row in rows if len(row.texts) > 1 for text in row.texts}
    return sum(any(plain(text) in known for text in row.texts) for row in held_out if len(row.texts) > 1)


def rank(text: str) -> bytes:
    """Where a text stands when some are to be chosen at random, but the same ones every time."""
    return hashlib.sha256(f"1 {text}".encode("utf-8", "surrogatepass")).digest()


def _same_texts(row: Row) -> str:
    return "\0".join(map(plain, row.texts))


def plain(text: str) -> str:
    """The same for texts that differ in case and spaces alone."""
    return " ".join(text.casefold().split())


def without(rows: Sequence[Row], held_out: Sequence[Row]) -> list[Row]:
    """The rows whose text is not among `held_out`; of pairs, those that share no sentence with any of its pairs."""
    texts = {_same_texts(row) for row in held_out}
    sentences = {plain(text) for row in held_out if len(row.texts) > 1 for text in row.texts}
    return [
        row
        for row in rows
        if _same_texts(row) not in texts
        and not (len(row.texts) > 1 and any(plain(text) in sentences for text in row.texts))
    ]
