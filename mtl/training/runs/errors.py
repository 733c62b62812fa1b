"""Error messages for users: why a run failed or died, and what to do about it."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
import signal
import time
from pathlib import Path

import psutil

from mtl.config import UserError
from mtl.files import json_or_nothing
from mtl.text.values import cut
from mtl.training.runs import folder as folders
from mtl.training.runs.folder import Run

_LONGEST = 400


def in_plain_words(error: Exception) -> tuple[str, str]:
    """(what happened, what to do about it), for a user."""
    text = cut(str(error), _LONGEST)
    if isinstance(error, UserError):
        return text, ""
    if isinstance(error, MemoryError) or "can't allocate memory" in text or type(error).__name__ == "OutOfMemoryError":
        return "There was not enough memory for this run.", "Use smaller batches, or freeze more layers."
    if disk_is_full(error):
        return "The disk is full: the run could not be written.", "Free some space, or delete old runs, then resume it."
    if isinstance(error, TimeoutError):
        return "The folder of runs is busy.", "Try again in a minute."
    if isinstance(error, OSError):
        # The file's name only: visitors must not learn the server's paths.
        where = f" ({Path(os.fsdecode(error.filename)).name})" if isinstance(error.filename, (str, bytes)) else ""
        reason = error.strerror or "no more is known"
        return f"A file could not be read or written: {reason}{where}.", "Fix that, then resume the run."
    return (
        f"Training ended with a fault in the program: {type(error).__name__}: {text or 'no more is known'}.",
        "The details are in traceback.txt in the run's folder.",
    )


def disk_is_full(error: Exception) -> bool:
    """Whether a library raised this because the disk is full."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    # safetensors gives the number in its message only, numpy not even there.
    return (
        getattr(error, "errno", None) in full
        or any(f"(os error {number})" in str(error) for number in full)
        or (isinstance(error, OSError) and "requested and" in str(error))
    )


def explain(run: Run) -> str:
    """A sentence or two about a run that failed, was killed or is silent, else ""."""
    if run.state == "failed":
        last = folders.last_event(run.folder, 0)
        if not run.damaged and last.get("event") == "error":
            message = cut(f"{last.get('message', '')} {last.get('hint', '')}".strip(), _LONGEST)
            return message or "The run failed, and did not say why. Resume it, or start it again."
        return f"The run's {run.damaged or 'record'} is damaged. Start the run again."
    if run.state == "killed":
        saved = any((run.folder / "state").glob("*.safetensors"))
        advice = "All up to its last whole epoch is kept: resume it to go on from there."
        return f"{_death(run.folder)} {advice if saved else 'It had finished no epoch yet; resume it to begin again.'}"
    if run.state == "running" and (silent := time.time() - folders.last_sign(run.folder)) > folders.SILENT_AFTER:
        return f"No sign of life for {silent:.0f} s: the computer may be asleep, or very busy."
    return ""


def _death(folder: Path) -> str:
    """Why a process ended without an event."""
    process = folders.process_of(folder) or {}
    code = json_or_nothing(folder / "exit.json").get("code")
    if not isinstance(code, int):
        code = None
    if process.get("host") == platform.node() and abs(psutil.boot_time() - process["booted"]) > 60:
        return "The computer was restarted while this run was training."
    if shutil.disk_usage(folder).free < 1_000_000:
        return "The training process ended without a word, and the disk is full. Free some space."
    kills = folders.memory_kills()
    if code in (None, -9) and None not in (kills, process.get("memory_kills")) and kills > process["memory_kills"]:
        return "The training process was killed, most likely by the system because memory ran out."
    if code == -9:
        return "The training process was killed from outside (signal 9)."
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"The training process crashed ({signal.Signals(-code).name}). See output.txt in the run's folder."
    if code:
        return f"The training process ended with status {code}. See output.txt in the run's folder."
    return "The training process ended without a word: it was killed, or it crashed."
