"""Settings to take away and to bring back: the command line and run.json."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtl.config import TrainConfig, UserError, settings, settings_in
from mtl.data.options import option, to_arguments
from mtl.files import json_bytes
from mtl.ui.train.settings import words

# Longer than any settings that a person makes; a file is not read beyond it.
_MOST = 200_000


# --- the command line ---


def command(
    config: TrainConfig, model: str | None = None, reading: Mapping[str, Any] | None = None, validation: bool = False
) -> list[str]:
    """The command that trains with these settings, for a POSIX shell, around what only its reader knows: pieces, of
    which every second one is the name of what stands there, "path" (of the file), "model" (its folder) or, with
    `validation`, that: a file of rows to test on.

    `model`: what to begin with, as `mtl.load` names it; "" for one whose folder is another one elsewhere. `reading`:
    as in `Source`. assets/take-away.js puts the pieces together.
    """
    if validation:  # no share of the rows is held out then
        config = replace(config, validation=TrainConfig.validation)
    return _pieces("train", "", model, [*to_arguments(reading or {}), *_options(config)], validation)


def predict_command(model: str | None, reading: Mapping[str, Any], heads: Sequence[str] | None = None) -> list[str]:
    """The command that answers every row of a file, with these `heads` alone (None: all), as pieces (see `command`)."""
    chosen = [] if heads is None else option("--tasks", ",".join(heads))
    return _pieces("predict", " answers.csv", model, [*to_arguments(reading), *chosen])


def _pieces(name: str, out: str, model: str | None, arguments: Sequence[str], validation: bool = False) -> list[str]:
    known = option("--model", model) if model else ()
    rest = "".join(f" {shlex.quote(each)}" for each in (*known, *arguments))
    pieces = [f"python -m mtl {name} ", "path"]
    for asked in ["model"] * (model == "") + ["validation"] * validation:
        pieces += [f"{out} --{asked} ", asked]
        out = ""
    return [*pieces, out + rest]


def _options(config: TrainConfig) -> list[str]:
    """An option for every setting that is not the usual one."""
    about, parts = settings(type(config)), []
    for name, value in config.to_json().items():
        flag = about[name].flag(name)
        if isinstance(value, bool):
            parts.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, dict):
            parts += [part for key, number in value.items() for part in option(flag, f"{key}={_number(number)}")]
        elif name == "unfreeze":
            parts += [part for epoch, lowest in value for part in option(flag, f"{epoch}:{lowest}")]
        elif isinstance(value, list):
            parts += [part for key in value for part in option(flag, key)]
        else:
            parts += [flag, value if isinstance(value, str) else _number(value)]
    return parts


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
