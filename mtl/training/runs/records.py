"""Checks for the fields of a run's files, which a disk, an editor or another program may have damaged.

Missing and unknown fields pass; code that needs a field reports it. Numbers must be finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mtl.config import KINDS

Check = Callable[[Any], bool]
# Larger integers are not exact as floats.
_LARGEST = 2**53
# The year 3000, which every system's calendar can represent.
_LAST_TIME = 32_503_680_000


def number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= _LARGEST if isinstance(value, int) else math.isfinite(value)


def whole(value: Any) -> bool:
    return isinstance(value, int) and number(value) and value >= 0


def time(value: Any) -> bool:
    """A Unix time."""
    return number(value) and 0 <= value <= _LAST_TIME


def of(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def by_name(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def fields(checks: Mapping[str, Check]) -> Check:
    """A check of an object's known fields."""

    def check(value: Any) -> bool:
        return isinstance(value, dict) and all(checks[name](value[name]) for name in checks.keys() & value.keys())

    return check


text, flag = of(str), of(bool)
_NUMBERS = by_name(number)
_SCORES = fields(
    {
        **{metric.name: number for kind in KINDS.values() for metric in kind.metrics},
        **dict.fromkeys(("loss", "calibration_error", "rows", "candidates"), number),
        "points": list_of(lambda point: list_of(number)(point) and len(point) == 2),
        "labels": list_of(text),
        "confusion": list_of(list_of(number)),
        "per_class": by_name(_NUMBERS),
    }
)
# By task, or by set of rows and task.
_ALL_SCORES = by_name(lambda part: _SCORES(part) or by_name(_SCORES)(part))
_TASK = fields({"name": text, "kind": lambda value: value in KINDS})
_FORGOTTEN = fields({"metric": text, "before": number, "after": number, "trained": flag})
_VERDICT = fields(
    {
        "rows": whole,
        "after": number,
        **dict.fromkeys(("before", "guess"), optional(number)),
        "guessed": text,
        "difference": optional(fields({"test": text, "p": number})),
    }
)
_EVENT = fields(
    {
        "event": text,
        **dict.fromkeys(("step", "steps", "epoch", "rows", "frozen_groups"), whole),
        **dict.fromkeys(("best", "resumed_after_epoch"), optional(whole)),
        **dict.fromkeys(("eta", "epoch_eta", "score"), optional(number)),
        **dict.fromkeys(("seconds", "encoding", "cache_mb"), number),
        **dict.fromkeys(("lr", "loss", "moved", "rates", "trainable", "frozen", "temperatures"), _NUMBERS),
        "validation_rows": _NUMBERS,
        "held_out": by_name(text),
        **dict.fromkeys(("notes", "tasks", "unmeasured"), list_of(text)),
        **dict.fromkeys(("message", "hint", "precision", "cache_note", "run"), text),
        "status": lambda value: value in ("done", "stopped"),
        "checkpoint": optional(text),
        "whole": flag,
        "config": fields(
            {
                "train": of(dict),
                "model": fields({"tasks": list_of(_TASK)}),
                "start_from": optional(text),
            }
        ),
        "train": by_name(_NUMBERS),
        **dict.fromkeys(("validation", "before"), _ALL_SCORES),
        "verdicts": by_name(_VERDICT),
        "forgetting": fields({"tasks": by_name(_FORGOTTEN), "cosine": optional(number)}),
    }
)
# The fields of ticket.json (see `mtl.training.runs.folder.Ticket`).
ticket = fields(
    {
        **dict.fromkeys(("owner", "content", "address"), text),
        "queued": time,
        "estimate": optional(number),
        **dict.fromkeys(("events_from", "epochs"), whole),
        "spent": number,
    }
)
# The contents of process.json.
process = fields(
    {
        "pid": lambda value: isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 2**31,
        "born": number,
        "booted": number,
        "host": text,
        "started": optional(time),
        "memory_kills": optional(number),
        "left": flag,
    }
)
# The contents of clock.json (see `mtl.training.runs.ages`).
clock = fields({"seen": time, "jumps": list_of(lambda jump: list_of(number)(jump) and len(jump) == 2)})


def event(value: Any) -> bool:
    """Whether it is an event whose fields can be used."""
    return _EVENT(value) and "event" in value
