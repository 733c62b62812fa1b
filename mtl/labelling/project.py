"""The texts that somebody labels, and all that was done to them: values, never changed in place.

A function here takes a project and gives the next one. What a model offers counts as nothing until it is accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.config import UserError
from mtl.data.splits import plain
from mtl.labelling.scheme import Scheme
from mtl.text.cleaning import clean, is_blank
from mtl.text.values import plural, shown

MOST_TEXTS = 2_000
LONGEST_TEXT = 5_000
# The earliest steps are forgotten when all of them together are larger than that.
MOST_CHANGES = 20_000


@dataclass(frozen=True)
class Offer:
    """An answer that somebody may accept: its value, how certain it is, 0 to 1, and whose answer it is."""

    value: Any
    certainty: float
    by: str


@dataclass(frozen=True)
class Item:
    """A text, and the `value` that a person gave it, None where nobody has; the how-manieth that was, from 1; what was
    `offered`; and whether it is left out of everything, though it is kept.

    `picked`: it was labelled because of how certain a head's answer was, so how well such a head answers it says
    nothing of other texts.
    """

    text: str
    value: Any = None
    number: int = 0
    offered: Offer | None = None
    left_out: bool = False
    picked: bool = False


@dataclass(frozen=True)
class Step:
    """How to get from one state of a project to another: there are `count` items then, those of `items` at the places
    that are their keys, and the `scheme`, if it changes. `said`: what somebody did."""

    said: str
    count: int
    items: Mapping[int, Item]
    scheme: Scheme | None = None

    @property
    def size(self) -> int:
        """What it takes to keep and to check it."""
        return 1 + len(self.items) + (self.count if self.scheme else 0)


@dataclass(frozen=True)
class Project:
    """A scheme, the items, and the steps that lead back (`past`) and forth again (`future`), the next one last."""

    scheme: Scheme
    items: tuple[Item, ...] = ()
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    @property
    def values(self) -> list[Any]:
        """What people said of each text; None where nobody has, or the text is left out."""
        return [None if item.left_out else item.value for item in self.items]

    @property
    def in_order(self) -> list[int]:
        """The places of the labelled texts, in the order in which they were labelled."""
        labelled = (place for place, value in enumerate(self.values) if value is not None)
        return sorted(labelled, key=lambda place: self.items[place].number)

    @property
    def counts(self) -> dict[str, int]:
        """How many texts, or spans, have each label."""
        counts = self.scheme.of.counts([value for value in self.values if value is not None])
        return {label: counts.get(label, 0) for label in self.scheme.labels}


# --- what somebody does ---


@dataclass(frozen=True)
class Added:
    """A project with more texts, and in sentences what was left out of them."""

    project: Project
    notes: tuple[str, ...] = ()


def add(project: Project, texts: Iterable[str]) -> Added:
    """More texts, as many as there is room for."""
    return add_items(project, (Item(clean(text)) for text in texts))


def add_items(project: Project, items: Iterable[Item]) -> Added:
    """The same for items, whose values have to fit the scheme."""
    items, first = list(items), len(project.items)
    good = [item for item in items if not is_blank(item.text) and len(item.text) <= LONGEST_TEXT]
    blank = sum(is_blank(item.text) for item in items)
    long = len(items) - blank - len(good)
    kept = good[: MOST_TEXTS - first]
    notes = []
    if blank:
        notes.append(f"{plural(blank, 'blank text')} skipped.")
    if long:
        notes.append(
            f"{plural(long, 'text')} of more than {LONGEST_TEXT:,} characters left out: shorten or divide them."
        )
    if len(kept) < len(good):
        notes.append(f"{plural(len(good) - len(kept), 'text')} left out: a project holds {MOST_TEXTS:,}.")
    if not kept:
        return Added(project, tuple(notes))
    number = _last_number(project)
    fresh = {}
    for place, item in enumerate(kept, start=first):
        value = None if item.value is None else project.scheme.value(item.value, item.text)
        number += value is not None
        fresh[place] = replace(item, value=value, number=number if value is not None else 0)
    step = Step(f"Added {plural(len(kept), 'text')}", first + len(kept), fresh)
    return Added(_done(project, step), tuple(notes))


def give(project: Project, place: int, value: Any, picked: bool = False) -> Project:
    """The text at a place has this value; with None nothing is known of it any more. `picked`: see `Item`.

    Raises `UserError` for a value that the scheme or the text cannot have; nothing is lost then.
    """
    item = _at(project, place)
    if value is None:
        return _changed(project, f"Took the label from {shown(item.text)}", [place], _without_value)
    value = project.scheme.value(value, item.text)
    number = item.number or _last_number(project) + 1
    said = f"Labelled {shown(item.text)} {project.scheme.of.value_text(value)}"
    return _changed(project, said, [place], _giving(value, number, picked))


def leave_out(project: Project, places: Sequence[int], out: bool = True) -> Project:
    """These texts are left out of everything, or back in."""
    said = f"{'Left out' if out else 'Took back'} {plural(len(places), 'text')}"
    return _changed(project, said, places, lambda item: replace(item, left_out=out))


def offer(project: Project, offers: Mapping[int, Offer]) -> Project:
    """Answers to the texts at these places that nobody has labelled; earlier ones are replaced."""
    places = [place for place in offers if _at(project, place).value is None]
    checked = {
        place: replace(offers[place], value=project.scheme.value(offers[place].value, project.items[place].text))
        for place in places
    }
    changed = {place: replace(project.items[place], offered=own) for place, own in checked.items()}
    step = Step(f"Offered answers for {plural(len(changed), 'text')}", len(project.items), changed)
    return _done(project, step) if changed else project


def accept(project: Project, places: Sequence[int], picked: bool = False) -> Project:
    """What is offered for these texts is what they have, where nobody has said anything. `picked`: see `Item`."""
    number, changed = _last_number(project), {}
    for place in places:
        item = _at(project, place)
        if item.offered and item.value is None and place not in changed:
            number += 1
            changed[place] = _giving(item.offered.value, number, picked)(item)
    step = Step(f"Accepted {plural(len(changed), 'offer')}", len(project.items), changed)
    return _done(project, step) if changed else project


def change_scheme(project: Project, scheme: Scheme, meaning: Mapping[str, str | None] | None = None) -> Project:
    """Other labels, or the same in another order. `meaning`: what becomes of a label, by its old name; None if it is
    gone, with every value that has no other.

    Raises `UserError` where a value does not fit the scheme.
    """
    if scheme == project.scheme and not meaning:
        return project
    if scheme.kind != project.scheme.kind and any(item.value is not None for item in project.items):
        raise UserError("Texts are labelled already: another kind of task needs a project of its own.")
    meaning, changed = meaning or {}, {}
    for place, item in enumerate(project.items):
        value = _translated(item.value, item.text, project.scheme, scheme, meaning)
        offered = item.offered and _translated(item.offered.value, item.text, project.scheme, scheme, meaning)
        after = replace(item, value=value) if value is not None else _without_value(item)
        kept = None if offered is None else replace(item.offered, value=offered)
        after = replace(after, offered=kept)
        if item.value is not None or item.offered:
            changed[place] = after  # whatever has to fit a scheme is in the step that changes it
    return _done(project, Step("Changed the labels", len(project.items), changed, scheme))


def undo(project: Project) -> Project:
    """The project before the last step; the same where there is none."""
    if not project.past:
        return project
    before, back = _applied(project, project.past[-1])
    return replace(before, past=project.past[:-1], future=(*project.future, back))


def redo(project: Project) -> Project:
    """The project before the last `undo`; the same if something was done since."""
    if not project.future:
        return project
    after, back = _applied(project, project.future[-1])
    return replace(after, past=(*project.past, back), future=project.future[:-1])


# --- what is to be seen ---


@dataclass(frozen=True)
class Repeat:
    """The places of texts that differ in case and spaces at most, and whether people said different things of them."""

    places: tuple[int, ...]
    contradicts: bool


def repeats(project: Project) -> list[Repeat]:
    """The texts that are there several times, contradictions first."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(project.items):
        if not item.left_out:
            groups[plain(item.text)].append(place)
    found = []
    for places in groups.values():
        given = [project.items[place].value for place in places if project.items[place].value is not None]
        if len(places) > 1:
            found.append(Repeat(tuple(places), any(value != given[0] for value in given)))
    return sorted(found, key=lambda repeat: not repeat.contradicts)


@dataclass(frozen=True)
class Agreement:
    """Of the texts for which `by` offered an answer and that people then labelled, how many have just that value."""

    by: str
    same: int
    labelled: int


def agreement(project: Project) -> list[Agreement]:
    """How often people accepted what was offered, by who offered it."""
    pairs: dict[str, list[bool]] = defaultdict(list)
    for item in project.items:
        if item.offered and item.value is not None and not item.left_out:
            pairs[item.offered.by].append(item.value == item.offered.value)
    return [Agreement(by, sum(same), len(same)) for by, same in pairs.items()]


# --- steps ---


def _at(project: Project, place: int) -> Item:
    if not (isinstance(place, int) and 0 <= place < len(project.items)):
        raise UserError(f"There is no text number {place!r} in this project.")
    return project.items[place]


def _last_number(project: Project) -> int:
    return max((item.number for item in project.items), default=0)


def _giving(value: Any, number: int, picked: bool) -> Callable[[Item], Item]:
    """Gives an item a value; one that has some stays what it was picked for."""
    return lambda item: replace(item, value=value, number=number, picked=picked if item.value is None else item.picked)


def _without_value(item: Item) -> Item:
    return replace(item, value=None, number=0, picked=False)


def _translated(value: Any, text: str, old: Scheme, new: Scheme, meaning: Mapping[str, str | None]) -> Any:
    value = None if value is None else old.of.translate(value, meaning)
    return None if value is None else new.value(value, text)


def _changed(project: Project, said: str, places: Sequence[int], change: Callable[[Item], Item]) -> Project:
    after = {place: change(_at(project, place)) for place in places}
    changed = {place: item for place, item in after.items() if item != project.items[place]}
    return _done(project, Step(said, len(project.items), changed)) if changed else project


def _done(project: Project, step: Step) -> Project:
    after, back = _applied(project, step)
    past, changes = [], 0
    for earlier in (back, *reversed(project.past)):
        changes += earlier.size
        if changes > MOST_CHANGES:
            break
        past.append(earlier)
    return replace(after, past=tuple(reversed(past)), future=())


def _applied(project: Project, step: Step) -> tuple[Project, Step]:
    """The project after a step, and the step that leads back."""
    now = project.items
    touched = [place for place in step.items if place < len(now)]
    gone = range(step.count, len(now))
    scheme = None if step.scheme is None else project.scheme
    back = Step(step.said, len(now), {place: now[place] for place in (*touched, *gone)}, scheme)
    items = [*now[: step.count], *([None] * (step.count - len(now)))]
    for place, item in step.items.items():
        items[place] = item
    return replace(project, scheme=step.scheme or project.scheme, items=tuple(items)), back
