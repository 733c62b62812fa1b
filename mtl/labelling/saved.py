"""A project as JSON, to keep in a visitor's folder or their browser, and back: whoever wrote it may be a stranger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtl.config import UserError, listed
from mtl.labelling.project import LONGEST_TEXT, MOST_CHANGES, MOST_TEXTS, Item, Offer, Project, Step
from mtl.labelling.scheme import Scheme
from mtl.text.cleaning import SURROGATE, is_blank
from mtl.text.values import cut

VERSION = 1
_LONGEST_NOTE = 200
_FLAGS = ("left_out", "picked")
_REFUSED = "This is no project of labelled texts"


def to_json(project: Project) -> dict[str, Any]:
    """All of a project, its steps included. An item of a step has a text only where the project lacks it."""
    present = len(project.items)
    return {
        "version": VERSION,
        "scheme": project.scheme.to_json(),
        "items": [item_json(item, project.scheme) for item in project.items],
        "past": [_step_json(step, project.scheme, present) for step in project.past],
        "future": [_step_json(step, project.scheme, present) for step in project.future],
    }


def item_json(item: Item, scheme: Scheme, with_text: bool = True) -> dict[str, Any]:
    """An item of a project; its text, unless it is known."""
    data: dict[str, Any] = {"text": item.text} if with_text else {}
    if item.value is not None:
        data |= {"value": scheme.of.to_json(item.value), "number": item.number}
    if item.offered:
        data["offered"] = [scheme.of.to_json(item.offered.value), item.offered.certainty, item.offered.by]
    return data | {name: True for name in _FLAGS if getattr(item, name)}


def _step_json(step: Step, scheme: Scheme, present: int) -> dict[str, Any]:
    items = [[place, item_json(item, scheme, place >= present)] for place, item in step.items.items()]
    data = {"said": step.said, "count": step.count, "items": items}
    return data | ({"scheme": step.scheme.to_json()} if step.scheme else {})


def from_json(data: Any) -> Project:
    """The project of `to_json`. Raises `UserError`, in one sentence, for anything else."""
    _require(isinstance(data, Mapping), "it is not a JSON object")
    _require(data.get("version") == VERSION, f"its version is {cut(repr(data.get('version')), 40)}, and not {VERSION}")
    scheme = Scheme.from_json(data.get("scheme"))
    items = tuple(_item(entry, scheme) for entry in _list(data, "items", MOST_TEXTS))
    return Project(scheme, items, _steps(data, "past", items, scheme), _steps(data, "future", items, scheme))


def _steps(data: Mapping[str, Any], side: str, items: Sequence[Item], scheme: Scheme) -> tuple[Step, ...]:
    """The steps of one side, each checked against the state that it is taken from; the first to take is the last."""
    found: list[Step] = []
    state, changes = dict(enumerate(items)), 0
    for entry in reversed(_list(data, side, MOST_CHANGES)):
        _require(isinstance(entry, Mapping), "a step is not an object")
        own = Scheme.from_json(entry["scheme"]) if "scheme" in entry else None
        _require(own is None or own.kind == scheme.kind, "a step changes the kind of task")
        scheme, count = own or scheme, _whole(entry, "count")
        _require(count <= MOST_TEXTS, "a step leads to more texts than a project holds")
        changed: dict[int, Item] = {}
        for pair in _list(entry, "items", MOST_TEXTS):
            _require(isinstance(pair, list) and len(pair) == 2, "an item of a step has no place")
            place, item = pair
            _require(type(place) is int and 0 <= place < count, "a step changes an item that is not there")
            text = items[place].text if place < len(items) else None
            changed[place] = _item(item, scheme, text)
        _require(changed.keys() >= {*range(len(state), count)}, "a step brings items without a text")
        unchanged = [item for place, item in state.items() if place < count and place not in changed]
        is_fit = own is None or all(item.value is None and item.offered is None for item in unchanged)
        _require(is_fit, "a step leaves values of another scheme")
        found.append(Step(_text(entry, "said", LONGEST_TEXT), count, changed, own))
        changes += found[-1].size
        _require(changes <= MOST_CHANGES + MOST_TEXTS, "it has more steps than are kept")
        for place in range(count, len(state)):
            del state[place]
        state |= changed
    return tuple(reversed(found))


def _item(data: Any, scheme: Scheme, text: str | None = None) -> Item:
    _require(isinstance(data, Mapping), "an item is not an object")
    text = _text(data, "text", LONGEST_TEXT) if text is None else text
    _require(not is_blank(text) and not SURROGATE.search(text), "a text is empty or broken")
    value = value_from_json(data["value"], text, scheme) if "value" in data else None
    number = _whole(data, "number") if "value" in data else 0
    _require((value is None) == (number == 0), "a label has no place in their order")
    offered = _offer(data["offered"], text, scheme) if "offered" in data else None
    flags = {name: data.get(name, False) for name in _FLAGS}
    _require(all(isinstance(flag, bool) for flag in flags.values()), f"{listed(_FLAGS, 'or')} is not true or false")
    return Item(text, value, number, offered, **flags)


def _offer(data: Any, text: str, scheme: Scheme) -> Offer:
    _require(isinstance(data, list) and len(data) == 3, "an offer is not complete")
    value, certainty, by = data
    _require(type(certainty) in (int, float) and 0 <= certainty <= 1, "a certainty is not from 0 to 1")
    _require(isinstance(by, str) and len(by) <= _LONGEST_NOTE, "an offer does not say whose it is")
    return Offer(value_from_json(value, text, scheme), float(certainty), by)


def value_from_json(data: Any, text: str, scheme: Scheme) -> Any:
    """A value for a text, from what `to_json` made of it. Raises `UserError` for what the text cannot have."""
    try:
        return scheme.value(scheme.of.from_json(data), text)
    except UserError:
        raise
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        raise UserError(f"{_REFUSED}: {cut(repr(data), 40)} is no answer to {scheme.name}.") from None


def _list(data: Mapping[str, Any], name: str, most: int) -> list:
    value = data.get(name)
    _require(isinstance(value, list) and len(value) <= most, f"{name} is not a list of up to {most:,}")
    return value


def _whole(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    _require(type(value) is int and value >= 0, f"{name} is not a whole number")
    return value


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    _require(isinstance(value, str) and len(value) <= longest, f"{name} is not a text of up to {longest:,} characters")
    return value


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise UserError(f"{_REFUSED}: {problem}.")
