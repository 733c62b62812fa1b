"""What a person does to a project, as the browser tells it: small, and the same each time it is done to the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mtl.config import UserError
from mtl.labelling import project as labelling
from mtl.labelling.project import Added, Project
from mtl.labelling.queue import BY_HAND, ORDERS, picks
from mtl.labelling.saved import value_from_json
from mtl.labelling.scheme import Scheme
from mtl.ui.train.label import words


def carry_out(project: Project, action: Mapping[str, Any]) -> Added:
    """The project after an action, and what is to be said. Raises `UserError` where it cannot be."""
    try:
        done = _ACTIONS[action["do"]](project, action)
    except UserError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError):
        raise UserError(words.UNKNOWN_ACTION) from None
    return done if isinstance(done, Added) else Added(done)


def places_of(action: Mapping[str, Any]) -> list[int]:
    """The places of the texts that an action is about, as far as it says so."""
    places = action.get("places") or [action.get("place")]
    return [place for place in places if type(place) is int] if isinstance(places, list) else []


def _add(project: Project, action: Mapping[str, Any]) -> Added:
    if not all(isinstance(text, str) for text in action["texts"]):
        raise TypeError
    return labelling.add(project, action["texts"])


def _give(project: Project, action: Mapping[str, Any]) -> Project:
    place = action["place"]
    if type(place) is not int or not 0 <= place < len(project.items):
        raise LookupError
    text, value = project.items[place].text, action["value"]
    if value is not None:
        value = value_from_json(value, text, project.scheme)
    return labelling.give(project, place, value, _is_picked(action, text))


def _accept(project: Project, action: Mapping[str, Any]) -> Project:
    places = places_of(action)
    # Offers that are accepted together are those that look right.
    is_picked = len(places) > 1 or any(_is_picked(action, project.items[place].text) for place in places)
    return labelling.accept(project, places, is_picked)


def _is_picked(action: Mapping[str, Any], text: str) -> bool:
    how = action.get("how")
    return how in (*ORDERS, BY_HAND) and picks(how, text)


def _leave_out(project: Project, action: Mapping[str, Any]) -> Project:
    return labelling.leave_out(project, places_of(action), bool(action["out"]))


def _change_scheme(project: Project, action: Mapping[str, Any]) -> Project:
    meaning = action.get("meaning") or {}
    if not all(isinstance(new, str | None) for new in meaning.values()):
        raise TypeError
    return labelling.change_scheme(project, Scheme.from_json(action["scheme"]), meaning)


_ACTIONS: Mapping[str, Callable[[Project, Mapping[str, Any]], Project | Added]] = {
    "add": _add,
    "give": _give,
    "accept": _accept,
    "leave out": _leave_out,
    "scheme": _change_scheme,
    "undo": lambda project, _: labelling.undo(project),
    "redo": lambda project, _: labelling.redo(project),
}
