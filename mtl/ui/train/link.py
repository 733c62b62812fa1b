"""What an address carries of the Train tab: the data by its name, what its columns and labels are used for, settings
and start; never a row. What comes from outside is checked here, and settings as everywhere, by `TrainConfig`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from mtl.config import TrainConfig, UserError, settings_in
from mtl.ui.train.data.words import SAMPLE_NAMES

OWN, BACKBONE = "own", "backbone"
# More characters than that are lost by some programs for mail and chat.
LONGEST = 8_000
# What comes from outside is not read beyond so many.
_MOST = 200_000
_DAMAGED = "It is damaged: what it says cannot be read. Ask for a new one, or set the controls by hand."


@dataclass(frozen=True)
class Link:
    """`config` and `start` ("own" or "backbone", as no other model is to be had elsewhere): how to train. `name`: on
    which file, or `sample` of the page; "" where that is left open. `columns` are those of a file, () where it may have
    any. `reading`: as in `Source`. `validation`: the name of a file of rows to test on, "" without one. `again`: a page
    that was loaded again wrote it by itself."""

    config: TrainConfig = field(default_factory=TrainConfig)
    start: str = OWN
    name: str = ""
    sample: bool = False
    columns: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    validation: str = ""
    again: bool = False


def to_link(link: Link) -> str:
    """The part of an address that says this, as a query string."""
    data = {"sample": link.name} if link.sample else {"file": link.name, "columns": link.columns}
    data["validation"] = link.validation
    parts = {
        "train": _packed(link.config.to_json()),
        "start": link.start if link.start == BACKBONE else "",
        "data": _packed({key: value for key, value in {**data, "reading": link.reading}.items() if value}),
    }
    return "&".join(f"{name}={value}" for name, value in parts.items() if value or name == "train")


def shortened(link: Link) -> tuple[Link, list[str]]:
    """The same as long as a link may be, and the names of the fields that it leaves out for that."""
    left_out = []
    for name, nothing in (("columns", ()), ("reading", {}), ("config", TrainConfig())):
        if len(to_link(link)) > LONGEST:
            link = replace(link, **{name: nothing})
            left_out.append(name)
    return link, left_out


def from_link(query: str) -> Link | None:
    """What an address says, of which this is the query string or the part behind #; None where it says nothing.

    Raises `UserError` where it cannot be read."""
    try:
        parts = parse_qs(query.removeprefix("?")[: 2 * _MOST], keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return None
    if not {"train", "start", "data"} & parts.keys():
        return None
    train, start, data = (parts.get(name, [""])[0] for name in ("train", "start", "data"))
    try:
        if start not in ("", OWN, BACKBONE):
            raise UserError("It starts from a model that this page does not know.")
        config = TrainConfig.from_json(settings_in(_unpacked(train)))
        return Link(config, start or OWN, **_data_in(_unpacked(data)), again="again" in parts)
    except UserError as problem:
        raise UserError(f"The link was not applied; everything stays as it was. {problem}") from problem


def _packed(data: Mapping[str, Any]) -> str:
    if not data:
        return ""
    compact = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")
    return base64.urlsafe_b64encode(compact).decode().rstrip("=")


def _unpacked(text: str) -> Any:
    """What `_packed` has made; nothing of nothing. Raises `UserError`."""
    if len(text) > _MOST:
        raise UserError(_DAMAGED)
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return json.loads(content.decode()) if text else {}
    except (ValueError, RecursionError):
        raise UserError(_DAMAGED) from None


def _data_in(data: Any) -> dict[str, Any]:
    """The fields of `Link` that are about data."""
    if not data:
        return {}
    if not isinstance(data, dict) or not _are(_DATA, data) or ("sample" in data) == ("file" in data):
        raise UserError(_DAMAGED)
    if (sample := data.get("sample")) and sample not in SAMPLE_NAMES:
        raise UserError("It is about a sample that this page does not have.")
    columns = tuple(data.get("columns", ()))
    name = sample or data["file"][:200]
    about = {"name": name, "sample": bool(sample), "columns": columns, "reading": data.get("reading", {})}
    return {**about, "validation": data.get("validation", "")[:200]}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(test: Callable) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(test, value))


def _each(test: Callable) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(test, value.values()))


def _are(tests: Mapping[str, Callable], values: Any) -> bool:
    """Whether all these values have a test, and pass it."""
    return isinstance(values, dict) and all(name in tests and tests[name](value) for name, value in values.items())


_READING = {
    "text": _is_text,
    "text_b": _is_text,
    "header": lambda value: isinstance(value, bool),
    "roles": _each(_is_text),
    "mapping": _each(_each(lambda value: value is None or _is_text(value))),
    "names": _each(_list_of(_is_text)),
}
_DATA = {
    "sample": _is_text,
    "file": _is_text,
    "columns": _list_of(_is_text),
    "validation": _is_text,
    "reading": lambda value: _are(_READING, value),
}
