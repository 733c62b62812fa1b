"""A run is a folder:

    ticket.json      whose it is, since when it waits, how long it should take   (runs that wait in a line have one)
    config.json      what to train: settings, start model, data file; once it has begun also the model and the data
    data/NAME        a copy of the file to learn from
    process.json     which process carries it out: there from the moment it is the run's turn
    heartbeat        touched every two seconds while that process lives
    events.jsonl     what happened, one JSON object per line; only whole lines count
    stop             somebody asked it to end
    state/           what is needed to go on after an interruption
    checkpoint/      the model, when it has ended
    reserve          room kept free while it trains, so that a full disk does not keep it from saying so
    exit.json        how the process ended, when it ended badly and its parent was there to see
    traceback.txt    where the program failed; output.txt: what the process printed

Everything about a run can be told from its files, so every process sees the same, and a new one too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mtl import files
from mtl.config import JsonData, UserError
from mtl.files import write_json
from mtl.training.runs import records

Event = dict[str, Any]
HEARTBEAT_EVERY = 2.0
# A process that was not heard of for so long is told to be silent, or taken for dead where it cannot be looked at.
SILENT_AFTER = 30.0
# No other module knows its name: everybody else asks for events.
_EVENTS = "events.jsonl"
UNFINISHED = ("queued", "running")
# What an owner's hash begins with in a ticket; tickets of earlier versions hold the secret itself.
_HIDDEN = "sha256:"


@dataclass(frozen=True)
class Ticket(JsonData):
    """A run's place in the line.

    `owner`: whose it is, by a secret that only its owner knows, of which the file holds a hash (see `hidden`).
    `queued`: since when it waits (Unix time); `estimate`: seconds it should take, if known; `content`: a SHA-256 of
    all that it trains on and how; `events_from`: the byte of events.jsonl where this attempt's events begin; `address`:
    a word for the network address that it came from.
    """

    owner: str
    queued: float
    estimate: float | None = None
    content: str = ""
    events_from: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        right = (
            records.text(self.owner),
            records.time(self.queued),
            records.optional(records.number)(self.estimate),
            records.text(self.content),
            records.whole(self.events_from),
            records.text(self.address),
        )
        if not all(right):
            raise UserError("A field of the ticket holds what it cannot.")


@dataclass(frozen=True)
class Run:
    """What the files of a run say at one moment. `owner` is hidden (see `hidden`), and "" where nobody is known.

    `state` is queued, running, done, stopped, failed (it says why in an `error` event) or killed (it ended without a
    word). Times are Unix times; `eta`: seconds that a running one still expects to need. `damaged`: the name of a
    file of it that holds what it cannot, else "". `begun`: it has written an event since it last entered the line.
    """

    folder: Path
    owner: str
    state: str
    queued: float
    started: float | None = None
    ended: float | None = None
    estimate: float | None = None
    eta: float | None = None
    content: str = ""
    damaged: str = ""
    address: str = ""
    begun: bool = False

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED


def hidden(owner: str) -> str:
    """An owner's secret as it may be written down: who reads it cannot pass for the owner. Of a hidden one, itself."""
    if not owner or owner.startswith(_HIDDEN):
        return owner
    return _HIDDEN + hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()


def read(folder: str | os.PathLike) -> Run:
    """Look at a run. Never raises for damaged or missing files: such a run has failed."""
    folder = Path(folder)
    record: dict[str, Any] = {}
    try:
        record = read_json(folder / "ticket.json")
        ticket = Ticket.from_json(record)
    except FileNotFoundError:
        ticket = Ticket("", 0.0)  # started by the command line: it waits in no line
    except UserError:
        owner = record.get("owner")  # who is to see what has become of it
        ended = _mtime(folder / "ticket.json")
        return Run(
            folder, hidden(owner) if records.text(owner) else "", "failed", 0.0, ended=ended, damaged="ticket.json"
        )
    damaged = ""
    process = process_of(folder)
    if process is not None and process["damaged"]:
        damaged = "process.json"
    # Asked before the events are read: a process that is dead by now has written all it ever will.
    alive = process is not None and _is_alive(folder, process)
    last = last_event(folder, ticket.events_from)
    if not records.event(last or {"event": ""}) or (last.get("event") == "end" and "status" not in last):
        damaged = _EVENTS
    if last.get("event") == "end":
        state = "failed" if damaged == _EVENTS else last["status"]
    elif last.get("event") == "error":
        state = "failed"
    elif process is not None:
        state = "running" if alive else "killed"
    else:
        state = "stopped" if stop_requested(folder) else "queued"
    eta = last.get("eta") if state == "running" and damaged != _EVENTS else None
    return Run(
        folder,
        hidden(ticket.owner),
        state,
        ticket.queued,
        started=process["started"] if process else None,
        ended=None if state in UNFINISHED else last_sign(folder),
        estimate=ticket.estimate,
        eta=eta,
        content=ticket.content,
        damaged=damaged,
        address=ticket.address,
        begun=bool(last),
    )


def hide_owner(folder: Path) -> None:
    """Replace the secret in a ticket of an earlier version; the ticket stays as old as it is."""
    path = folder / "ticket.json"
    with contextlib.suppress(OSError, UserError):
        record = read_json(path)
        owner = record.get("owner")
        if records.text(owner) and owner != hidden(owner):
            status = path.stat()
            write_json(path, {**record, "owner": hidden(owner)})
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def last_sign(folder: Path) -> float:
    """When the run was last heard of (Unix time)."""
    return max(_mtime(folder / name) for name in (_EVENTS, "heartbeat", "process.json", "ticket.json", "stop"))


# --- events ---


def write_event(folder: Path, event: Event) -> None:
    """Append an event. When that fails (a full disk), or failed half way before, no half line stays behind."""
    # A lone surrogate from a stranger's file becomes \udcXX, which JSON reads back as the same.
    line = (json.dumps(event, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    with (folder / _EVENTS).open("ab+", buffering=0) as log:
        size = _whole_lines(log)
        log.truncate(size)
        try:
            while line:
                line = line[log.write(line) :]
        except OSError:
            log.truncate(size)
            raise


def events(folder: str | os.PathLike) -> list[Event]:
    """All events of a run (see `new_events`)."""
    return new_events(folder, 0)[0]


def new_events(folder: str | os.PathLike, start: int) -> tuple[list[Event], int]:
    """The events of a run from byte `start` on, and the byte to go on from.

    A line that is still being written is left for the next call. A line that cannot be read, or an event with fields
    that cannot be what they should, is given as `{"event": "damaged"}`.
    """
    try:
        with (Path(folder) / _EVENTS).open("rb") as log:
            log.seek(start)
            *lines, half = log.read().split(b"\n")
            end = log.tell() - len(half)
    except OSError:  # there are none yet, or nobody can read them
        return [], start
    found = map(_parsed, lines)
    return [e if e is not None and records.event(e) else {"event": "damaged"} for e in found], end


def forget_events(folder: Path) -> None:
    """Delete the events of a former run in this folder."""
    (folder / _EVENTS).unlink(missing_ok=True)


def events_size(folder: Path) -> int:
    """The bytes of all whole lines of events so far."""
    try:
        with (folder / _EVENTS).open("rb") as log:
            return _whole_lines(log)
    except OSError:
        return 0


def _parsed(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _whole_lines(log) -> int:
    """The size of an open file up to its last line break."""
    at = log.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - 65536)
        log.seek(start)
        found = log.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def last_event(folder: Path, start: int) -> Event:
    """The last event at or after byte `start`, whatever its fields hold, else {}.

    Reads the end of the file only, as it may be long.
    """
    try:
        log = (folder / _EVENTS).open("rb")
    except OSError:
        return {}
    with log:
        end = _whole_lines(log)
        size = 4096
        while True:
            at = max(start, end - size)
            log.seek(at)
            lines = log.read(max(0, end - at)).split(b"\n")
            for line in reversed(lines if at == start else lines[1:]):  # the block may begin within a line
                if event := _parsed(line):
                    return event
            if at == start:
                return {}
            size *= 8


# --- asking it to stop ---


def request_stop(folder: str | os.PathLike) -> None:
    """Ask the run in `folder` to end after its current step, or not to begin."""
    (Path(folder) / "stop").touch()


def stop_requested(folder: Path) -> bool:
    return (folder / "stop").exists()


# --- the process ---


def write_process(folder: Path, pid: int) -> None:
    """Say that process `pid` carries out the run."""
    booted = psutil.boot_time()
    record = {
        "pid": pid,
        # A number of a process is used again; together with its birth it is its own. Counted from the start of the
        # computer, because the clock may be set meanwhile.
        "born": psutil.Process(pid).create_time() - booted,
        "booted": booted,
        "host": platform.node(),
        "started": time.time(),
        "memory_kills": memory_kills(),
    }
    write_json(folder / "process.json", record)


def held_by_another(folder: Path) -> int | None:
    """The number of another living process that carries out this run."""
    process = process_of(folder)
    if process is None or process["pid"] == os.getpid() or not _is_alive(folder, process):
        return None
    return process["pid"]


def is_for(folder: Path, pids: set[int]) -> bool | None:
    """Whether one of `pids` was chosen to carry out this run; None while nobody was."""
    process = process_of(folder)
    return None if process is None else process["pid"] in pids


def process_of(folder: Path) -> dict[str, Any] | None:
    """What process.json says, whole; `damaged` where it cannot be read or holds what it cannot. None: there is none."""
    try:
        record = read_json(folder / "process.json")
        damaged = not records.process(record)
    except FileNotFoundError:
        return None
    except UserError:
        damaged = True
    # Damaged: it was somebody's turn, and only the heartbeat can tell whether it still is.
    nobody = {"pid": -1, "born": 0.0, "booted": 0.0, "host": "", "started": None, "memory_kills": None}
    return {**nobody, **({} if damaged else record), "damaged": damaged}


def _is_alive(folder: Path, process: dict[str, Any]) -> bool:
    if process["host"] != platform.node():  # on another computer that shares this disk
        return time.time() - last_sign(folder) < SILENT_AFTER
    try:
        found = psutil.Process(process["pid"])
        same = abs(found.create_time() - psutil.boot_time() - process["born"]) < 0.1
        return same and found.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False


def memory_kills() -> int | None:
    """How many processes Linux has ended so far because memory ran out; None where that is not known."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/vmstat").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return None


# --- files ---


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a run. Raises FileNotFoundError, or `UserError` where it is damaged."""
    return files.read_json(path, f"{path.name} of the run {path.parent.name}")


def settings(folder: Path) -> dict[str, Any]:
    """What config.json says of the run; {} where it cannot be read."""
    return files.json_or_nothing(folder / "config.json")


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
