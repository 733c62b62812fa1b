"""Settings to take away and to bring back: the command line, run.json, a link. What comes from outside is checked as
settings are checked everywhere, through `TrainConfig`."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from mtl.config import TrainConfig, UserError, settings, settings_in
from mtl.files import json_bytes
from mtl.ui.train.settings import words

# Longer than any settings that a person makes; what comes from outside is not read beyond it.
_MOST = 200_000


# --- the command line ---


def command(source: str, config: TrainConfig, start_from: str | None = None, reading: Mapping | None = None) -> str:
    """The command that trains on the file `source` with these settings; `start_from` and `reading` as `Runs.start`
    takes them."""
    reading = reading or {}
    parts = [] if start_from is None else _option("--model", start_from)
    parts += _option("--text", reading["text"]) if reading.get("text") else []
    for column, role in (reading.get("roles") or {}).items():
        parts += _option("--role", f"{column}={role}")
    for column, labels in (reading.get("mapping") or {}).items():
        for found, known in labels.items():
            parts += _option("--label", f"{column}:{found}={known or ''}")
    for column, names in (reading.get("names") or {}).items():
        parts += _option("--names", f"{column}={','.join(names)}")
    if (header := reading.get("header")) is not None:
        parts.append("--header" if header else "--no-header")
    about = settings(type(config))
    for name, value in config.to_json().items():
        flag = about[name].flag(name)
        if isinstance(value, bool):
            parts.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, dict):
            parts += [part for key, number in value.items() for part in _option(flag, f"{key}={_number(number)}")]
        elif name == "unfreeze":
            parts += [part for epoch, lowest in value for part in _option(flag, f"{epoch}:{lowest}")]
        elif isinstance(value, list):
            parts += [part for key in value for part in _option(flag, key)]
        else:
            parts += [flag, value if isinstance(value, str) else _number(value)]
    return shlex.join(["python", "-m", "mtl", "train", f"./{source}" if source.startswith("-") else source, *parts])


def _option(flag: str, value: str) -> list[str]:
    """An option and its value; one that begins with a dash would be taken for an option itself."""
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def _number(value: float) -> str:
    """As short as it can be written without becoming another number: 2e-5."""
    return repr(value).replace("e-0", "e-")


# --- run.json ---


def to_file(config: TrainConfig) -> bytes:
    """What run.json holds: the settings that are not the usual ones, as `--config` takes them."""
    return json_bytes(config.to_json())


def from_file(path: Path, name: str) -> TrainConfig:
    """The settings of a run.json, or of the config.json of a run's folder. Raises `UserError`."""
    try:
        content = path.read_bytes()[: _MOST + 1]
        return TrainConfig.from_json(settings_in(_json(content)))
    except (OSError, UserError) as problem:
        raise UserError(words.no_settings(name, str(problem))) from problem


def _json(content: bytes) -> Any:
    if len(content) > _MOST:
        raise UserError(words.TOO_LONG)
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise UserError(words.NOT_JSON) from None


# --- a link ---

OWN, BACKBONE = "own", "backbone"


def to_link(config: TrainConfig, start: str | None = None) -> str:
    """The query string of a link that sets these settings: only what differs from the usual ones.

    `start`: "backbone" to begin with the bare backbone; anything else is the page's own model, because a model that
    was trained here is nowhere else.
    """
    changed = config.to_json()
    parts = []
    if changed:
        compact = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
        parts.append("train=" + base64.urlsafe_b64encode(compact).decode().rstrip("="))
    if start == BACKBONE:
        parts.append(f"start={quote(start)}")
    return "?" + "&".join(parts or ["train="])


def from_link(query: str) -> tuple[TrainConfig, str] | None:
    """The settings and the start ("own" or "backbone") that the query string of an address carries.

    None where it carries none. Raises `UserError` where they cannot be read.
    """
    try:
        values = parse_qs(query.removeprefix("?")[: 2 * _MOST], keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return None
    if not {"train", "start"} & values.keys():
        return None
    text, start = values.get("train", [""])[0], values.get("start", [OWN])[0]
    try:
        if start not in (OWN, BACKBONE):
            raise UserError("It starts from a model that this page does not know.")
        if not text:
            return TrainConfig(), start
        try:
            content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            data = _json(content)
        except ValueError:  # a UserError is a ValueError: whatever was wrong, the link is damaged
            raise UserError(
                "It is damaged: its settings cannot be read. Ask for a new one, or set the controls by hand."
            ) from None
        return TrainConfig.from_json(settings_in(data)), start
    except UserError as problem:
        raise UserError(words.no_settings("The link", str(problem))) from problem
