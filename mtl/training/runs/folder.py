"""A run is a folder:

    ticket.json      owner, time of queueing, estimated seconds (only runs that were queued have one)
    config.json      what to train: settings, start model, data file; once it has begun also the model and the data
    data/NAME        a copy of the data file
    validation/NAME  a copy of the file of rows to test on, if there is one
    process.json     the process that carries it out, written when its turn comes
    heartbeat        touched every two seconds while that process lives
    events.jsonl     what happened, one JSON object per line; only whole lines count
    stop             there when the run was asked to stop; "now" in it: at once, with its last whole epoch
    give-way         there when it shall let a shorter run go first after its epoch: then it waits in line again
    state/           what is needed to resume it
    checkpoint/      the model, when the run has ended
    held_out.jsonl   what the models before and after answer to the held-out rows (see `mtl.training.held_out`)
    thresholds.json  the thresholds of labels, and what they find in those rows (see `mtl.training.thresholds`)
    reserve          disk space that is freed when the disk is full, so that the error can still be written
    exit.json        the exit status of a process that ended badly, if its parent was there to see
    traceback.txt    where the program failed; output.txt: what the process printed

The files hold everything about a run, so that every process, a restarted server too, sees the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from mtl import files
from mtl.config import JsonData, UserError
from mtl.files import write_json
from mtl.training.runs import records

Event = dict[str, Any]
HEARTBEAT_EVERY = 2.0
# After so many seconds without a heartbeat a process is reported as silent, or considered dead if on another computer.
SILENT_AFTER = 30.0
EVENTS = "events.jsonl"
UNFINISHED = ("queued", "running")
# The prefix of an owner's hash in a ticket; tickets of earlier versions hold the secret itself.
_HASHED = "sha256:"
_AT_ONCE = "now"
_GIVE_WAY = "give-way"


@dataclass(frozen=True)
class Ticket(JsonData):
    """A run's place in the queue.

    `owner`: a hash of a secret that only the owner knows (see `hashed`), "" if unknown. `queued`: when it was queued
    (Unix time). `estimate`: the seconds it should take, if known. `content`: SHA-256 of data and settings.
    `events_from`: the byte of events.jsonl where this attempt's events begin. `address`: a hash of the network address
    it came from. `spent`: the seconds of its turns before it gave way. `epochs`: how many it
    has, after each of which it may give way.
    """

    owner: str
    queued: float
    estimate: float | None = None
    content: str = ""
    events_from: int = 0
    address: str = ""
    spent: float = 0.0
    epochs: int = 1

    def __post_init__(self) -> None:
        if not records.ticket(vars(self)):
            raise UserError("A field of the ticket holds what it cannot.")


# That of a run that was started by the command line, without a queue.
NO_TICKET = Ticket("", 0.0)


@dataclass(frozen=True)
class Run:
    """The state of a run according to its files.

    `state` is queued, running, done, stopped, failed (with an `error` event) or killed (without one). Times are Unix
    times. `eta`: seconds that it still expects to need, `epoch_eta`: until the end of its epoch, if it has begun.
    `damaged`: the name of a file with impossible contents, else "". `begun`: it has written an event since it was last
    queued by its owner. `paused`: since when one that has begun waits in line again, as it gave way to a shorter one.
    `stopping`: it was asked to stop, and has a model to save first. `encoding`: the seconds of one that has ended in
    which it computed what later runs on the same texts need not.
    """

    folder: Path
    ticket: Ticket
    state: str
    started: float | None = None
    ended: float | None = None
    eta: float | None = None
    damaged: str = ""
    begun: bool = False
    epoch_eta: float | None = None
    paused: float | None = None
    stopping: bool = False
    encoding: float = 0.0

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def queued(self) -> float:
        return self.ticket.queued

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED


def hashed(owner: str) -> str:
    """The hash of an owner's secret, which does not let a reader of the file pass for the owner. Idempotent."""
    if not owner or owner.startswith(_HASHED):
        return owner
    return _HASHED + hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()


def read(folder: str | os.PathLike) -> Run:
    """Read a run's files. Never raises for damaged or missing ones: such a run has failed."""
    folder = Path(folder)
    record: dict[str, Any] = {}
    try:
        record = read_json(folder / "ticket.json")
        ticket = Ticket.from_json(record)
        ticket = replace(ticket, owner=hashed(ticket.owner))
    except FileNotFoundError:
        ticket = NO_TICKET
    except UserError:
        owner = record.get("owner")  # who still has to see that it failed
        ticket = Ticket(hashed(owner), 0.0) if records.text(owner) else NO_TICKET
        return Run(folder, ticket, "failed", ended=_mtime(folder / "ticket.json"), damaged="ticket.json")
    process = process_of(folder)
    damaged = "process.json" if process is not None and process["damaged"] else ""
    # Before the events are read: a process that is dead by now has written all of them.
    alive = process is not None and _is_alive(folder, process)
    last = last_event(folder, ticket.events_from)
    if not records.event(last or {"event": ""}) or (last.get("event") == "end" and "status" not in last):
        damaged = EVENTS
    if last.get("event") == "end":
        state = "failed" if damaged == EVENTS else last["status"]
    elif last.get("event") == "error":
        state = "failed"
    elif process is not None:
        state = "running" if alive else "killed"
    else:
        state = "stopped" if stop_requested(folder) and not last else "queued"
    ahead = last if state in UNFINISHED and damaged != EVENTS else {}
    return Run(
        folder,
        ticket,
        state,
        started=process["started"] if process else None,
        ended=None if state in UNFINISHED else last_sign(folder),
        eta=ahead.get("eta"),
        damaged=damaged,
        begun=bool(last),
        epoch_eta=ahead.get("epoch_eta"),
        paused=_mtime(folder / EVENTS) if state == "queued" and last else None,
        stopping=state in UNFINISHED and stop_requested(folder),
        encoding=last.get("encoding", 0.0) if damaged != EVENTS else 0.0,
    )


def hash_owner(folder: Path) -> None:
    """Replace the secret in a ticket of an earlier version by its hash; the file keeps its time."""
    path = folder / "ticket.json"
    with contextlib.suppress(OSError, UserError):
        record = read_json(path)
        owner = record.get("owner")
        if records.text(owner) and owner != hashed(owner):
            status = path.stat()
            write_json(path, {**record, "owner": hashed(owner)})
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def since_last_event(folder: Path) -> float:
    """Seconds since the last event of a run was written."""
    return max(0.0, time.time() - _mtime(folder / EVENTS))


def last_sign(folder: Path) -> float:
    """When the run last wrote anything (Unix time)."""
    return max(_mtime(folder / name) for name in (EVENTS, "heartbeat", "process.json", "ticket.json", "stop"))


# --- events ---


def write_event(folder: Path, event: Event) -> None:
    """Append an event. If that fails (a full disk), or failed half way before, the partial line is removed."""
    # A lone surrogate from someone's file becomes \udcXX, which JSON reads back as the same.
    line = (json.dumps(event, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    with (folder / EVENTS).open("ab+", buffering=0) as log:
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
    """The events of a run from byte `start` on, and the byte to continue from.

    A line that is still being written is left for the next call. An unreadable line, or an event whose fields have
    impossible values, becomes `{"event": "damaged"}`.
    """
    try:
        with (Path(folder) / EVENTS).open("rb") as log:
            log.seek(start)
            *lines, half = log.read().split(b"\n")
            end = log.tell() - len(half)
    except OSError:  # none yet, or unreadable
        return [], start
    return [e if records.event(e) else {"event": "damaged"} for e in map(_parsed, lines)], end


def raw_events(folder: Path, start: int) -> bytes:
    """The whole lines of events from byte `start` on, as they are."""
    with contextlib.suppress(OSError), (folder / EVENTS).open("rb") as log:
        end = _whole_lines(log)
        log.seek(start)
        return log.read(max(0, end - start))
    return b""


def append_events(folder: Path, lines: bytes) -> None:
    """Append whole lines that `raw_events` of the same run elsewhere has given."""
    if lines:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / EVENTS).open("ab") as log:
            log.write(lines)


def delete_events(folder: Path) -> None:
    """Delete the events of an earlier run in this folder."""
    (folder / EVENTS).unlink(missing_ok=True)


def events_size(folder: Path) -> int:
    """The bytes of all whole lines of events so far."""
    return new_events(folder, 0)[1]


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
        if (last := log.read(at - start).rfind(b"\n")) >= 0:
            return start + last + 1
        at = start
    return 0


def last_event(folder: Path, start: int) -> Event:
    """The last event at or after byte `start`, whatever its fields, else {}. Reads only the end of the file."""
    with contextlib.suppress(OSError), (folder / EVENTS).open("rb") as log:
        at = end = log.seek(0, os.SEEK_END)
        size = 4096
        while at > start:
            at = max(start, end - size)
            log.seek(at)
            *lines, _ = log.read(end - at).split(b"\n")  # the last may be half a line
            for line in reversed(lines if at == start else lines[1:]):  # the block may begin within a line
                if event := _parsed(line):
                    return event
            size *= 8
    return {}


# --- stopping ---


def request_stop(folder: str | os.PathLike, at_once: bool = False) -> None:
    """Ask the run in `folder` to end within seconds, or not to begin (see `mtl.stopping.Stop`)."""
    file = Path(folder) / "stop"
    file.touch()
    if at_once:
        file.write_text(_AT_ONCE)


def stop_requested(folder: Path) -> bool:
    return (folder / "stop").exists()


def stop_at_once_requested(folder: Path) -> bool:
    try:
        return bool((folder / "stop").stat().st_size)
    except OSError:
        return False


def epochs(folder: Path) -> int:
    """How many epochs the run has told of."""
    return sum(event["event"] == "epoch" for event in events(folder))


def fail(folder: Path, message: str, hint: str) -> None:
    """Write down that the run has failed, if that can be."""
    with contextlib.suppress(OSError):
        write_event(folder, {"event": "error", "message": message, "hint": hint})


# --- giving way ---


def ask_to_give_way(folder: Path, wanted: bool) -> None:
    """Ask the run in `folder` to let a shorter one go first after its epoch, or no longer."""
    if wanted:
        (folder / _GIVE_WAY).touch()
    else:
        (folder / _GIVE_WAY).unlink(missing_ok=True)


def asked_to_give_way(folder: Path) -> bool:
    return (folder / _GIVE_WAY).exists()


def put_back(folder: Path) -> None:
    """Put a run that has begun back in line: its process leaves it."""
    with contextlib.suppress(OSError, UserError):  # then the wait is estimated a little worse
        ticket = read_json(folder / "ticket.json")
        spent = ticket.get("spent", 0.0) + time.time() - process_of(folder)["started"]
        write_json(folder / "ticket.json", {**ticket, "spent": max(0.0, spent)})
    ask_to_give_way(folder, False)
    (folder / "process.json").unlink(missing_ok=True)


# --- the process ---


def write_process(folder: Path, pid: int) -> None:
    """Record that process `pid` carries out the run."""
    booted = psutil.boot_time()
    record = {
        "pid": pid,
        # Pids are reused; the time of birth, which counts from the boot as the clock may be set, tells them apart.
        "born": psutil.Process(pid).create_time() - booted,
        "booted": booted,
        "host": platform.node(),
        "started": time.time(),
        "memory_kills": memory_kills(),
    }
    write_json(folder / "process.json", record)


def let_go(folder: Path) -> None:
    """Record that the process which carries out the run does so no longer, though it may live on."""
    write_json(folder / "process.json", {**read_json(folder / "process.json"), "left": True})


def held_by_another(folder: Path) -> int | None:
    """The pid of another living process that carries out this run, else None."""
    process = process_of(folder)
    if process is None or process["pid"] == os.getpid() or not _is_alive(folder, process):
        return None
    return process["pid"]


def process_of(folder: Path) -> dict[str, Any] | None:
    """The contents of process.json, None if there is none; `damaged`: it is unreadable or has impossible values."""
    try:
        record = read_json(folder / "process.json")
        damaged = not records.process(record)
    except FileNotFoundError:
        return None
    except UserError:
        damaged = True
    # If damaged, only the heartbeat can tell whether the process lives.
    unknown = {"pid": -1, "born": 0.0, "booted": 0.0, "host": "", "started": None, "memory_kills": None}
    return {**unknown, **({} if damaged else record), "damaged": damaged}


def _is_alive(folder: Path, process: dict[str, Any]) -> bool:
    if process.get("left"):
        return False
    if process["host"] != platform.node():  # on another computer that shares this disk
        return time.time() - last_sign(folder) < SILENT_AFTER
    try:
        candidate = psutil.Process(process["pid"])
        same = abs(candidate.create_time() - psutil.boot_time() - process["born"]) < 0.1
        return same and candidate.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False


def memory_kills() -> int | None:
    """How many processes Linux has killed so far because memory ran out; None if unknown."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/vmstat").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return None


# --- files ---


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a run. Raises FileNotFoundError, or `UserError` if it is damaged."""
    return files.read_json(path, f"{path.name} of the run {path.parent.name}")


def settings(folder: Path) -> dict[str, Any]:
    """The run's config.json; {} if it cannot be read."""
    return files.json_or_nothing(folder / "config.json")


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
