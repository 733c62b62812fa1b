"""All runs under one folder: start one, follow it, stop it, find it again, clean up, and whose turn is next.

Several servers may share the folder: a lock sees to it that a turn is given once, and what everybody has to know
stands in the runs' own folders (see `mtl.training.runs.folder`). A restarted server goes on where the old one ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from mtl.config import TrainConfig, UserError
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs.ages import Ages
from mtl.training.runs.errors import explain, in_plain_words
from mtl.training.runs.folder import Run, Ticket
from mtl.training.runs.queue import order, places
from mtl.training.runs.worker import Worker

_log = logging.getLogger(__name__)
# How often a server looks whether a run has ended that another server started, in seconds.
_LOOK_EVERY = 1.0
_PAUSE_AFTER_FAULT = 10.0
# How long to leave it after a waiting process died by itself: perhaps there is no memory for one.
_WARM_AGAIN_AFTER = 60.0
# A list of all runs is shared by everybody who asks within so many seconds.
_KEPT_FOR = 0.5
# Nothing but `resume` changes a run in one of these states. Why one was killed may be known only a while after.
_ENDED = ("done", "stopped", "failed")
# The progress of so many runs is remembered, 20 kB each; that of another is folded again from all of its events.
_FOLLOWED = 600


class Runs:
    """The runs in the folder `root`, carried out `at_once` at a time, once `open` was called.

    An `owner` is a secret of whoever starts a run, and is written down only as a hash. With `warm`, a process that has
    imported everything waits for the next run. One owner may have `most_waiting` runs in the line, all together
    `most_in_line`; a run that is expected to take more than `longest` seconds is refused, and any while less than
    `least_free` bytes of the disk are free. Runs that train are left alone when this closes. A folder that cannot be
    written gets no runs, and `start` says so.
    """

    def __init__(
        self,
        root: str | os.PathLike,
        at_once: int = 1,
        warm: bool = False,
        most_waiting: int = 20,
        most_in_line: float = math.inf,
        longest: float = math.inf,
        least_free: float = 0.0,
    ) -> None:
        self.root = Path(root).resolve()
        with contextlib.suppress(OSError):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.writable = self.root.is_dir() and os.access(self.root, os.W_OK | os.X_OK)
        if not self.writable:
            _log.warning("Nothing can be trained: the folder of runs, %s, cannot be written.", self.root)
        self.at_once, self.most_waiting, self.most_in_line = at_once, most_waiting, most_in_line
        self.longest, self.least_free = longest, least_free
        self._warm_wanted = warm
        self._warm: Worker | None = None
        self._warm_not_before = 0.0
        self._lock = filelock.FileLock(self.root / "queue.lock", timeout=60)
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._listing = threading.Lock()
        self._listed: tuple[float, list[Run]] = (-math.inf, [])
        self._over: dict[str, tuple[int, Run]] = {}
        self._following = threading.Lock()
        # How far the events of each run were read, and how it stood then.
        self._followed: OrderedDict[str, tuple[int, Progress]] = OrderedDict()
        self._named: set[str] = set()
        self._locked_up = False
        self._ages = Ages(self.root / "clock.json")

    def open(self) -> Runs:
        """Begin to give turns."""
        if self._thread is None and self.writable:
            self._thread = threading.Thread(target=self._give_turns, name="runs", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Give no more turns. Runs that train go on; those that wait keep their place for the next server."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._warm is not None:
            self._warm.dismiss()

    def __enter__(self) -> Runs:
        return self.open()

    def __exit__(self, *_) -> None:
        self.close()

    # --- what a person does with a run ---

    def start(
        self,
        owner: str,
        data: str | os.PathLike,
        config: TrainConfig | None = None,
        start_from: str | os.PathLike | None = None,
        estimate: float | None = None,
        address: str = "",
        **reading: Any,
    ) -> Run:
        """Put a run into the line: a folder with a copy of the file `data` and all else that its process needs.

        `start_from`, and the other keyword arguments (`reading`, JSON data), are those of `mtl.training.jobs.prepare`;
        `estimate`: seconds that it should take, where known; `address`: the network address of who asks, whose runs
        take turns with those of others. Raises `UserError` when `data` cannot be read, the disk is full, the line is or
        the owner has too many runs in it, it would take too long, or this very run is waiting or training already.
        """
        data = Path(data)
        if not data.is_file():
            raise UserError(f"{data.name} is not a file.")
        self._check_room(estimate)
        if start_from is not None and Path(start_from).is_dir():
            start_from = Path(start_from).resolve()
        if data.suffix == ".json":  # a recipe names files beside itself
            reading["data_dir"] = str(Path(reading.get("data_dir") or data.parent).resolve())
        settings = {
            "start_from": None if start_from is None else str(start_from),
            "file": f"data/{data.name}",
            "reading": reading,
            **({"train": config.to_json()} if config else {}),
        }
        now = time.time()  # ids sort by time
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{int(now % 1 * 1e6):06}-{secrets.token_hex(3)}"
        making = self.root / f".new-{name}"
        with _in_words(), _removed_after(making):
            making.mkdir(mode=0o700)  # nobody else on this computer is to read what a visitor has given
            (making / "data").mkdir()
            shutil.copyfile(data, making / settings["file"])
            content = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
            content.update((making / settings["file"]).read_bytes())
            folders.write_json(making / "config.json", settings)
            with self._lock:
                queued = time.time()
                ticket = Ticket(
                    folders.hidden(owner), queued, estimate, content.hexdigest(), address=folders.hidden(address)
                )
                self._check_line(ticket)
                folders.write_json(making / "ticket.json", ticket.to_json())
                making.rename(self.root / name)
        self._changed()
        return folders.read(self.root / name)

    def get(self, run_id: str, owner: str | None = None) -> Run:
        """A run by its id; with `owner`, only one of theirs. Raises `UserError` where there is none."""
        # An id comes from a browser: it must not lead out of the folder.
        folder = self.root / run_id
        if re.fullmatch(r"[0-9a-z][0-9a-z-]{0,100}", run_id) and (folder / "ticket.json").is_file():
            run = self._read(folder)
            if owner is None or _own(run, owner):
                return run
        raise UserError("There is no such run. Old runs are deleted after a while.")

    def find(self, owner: str | None = None) -> list[Run]:
        """All runs (of `owner`), oldest first."""
        return [run for run in self._all(anew=True) if owner is None or _own(run, owner)]

    def progress(self, run_id: str, owner: str | None = None) -> Progress:
        """A run as it stands. Raises `UserError` where there is no such run."""
        return self._progress(self.get(run_id, owner))

    def progress_of_all(self, owner: str) -> list[Progress]:
        """Every run of `owner` as it stands, oldest first."""
        return [replace(self._progress(run), number=number) for number, run in enumerate(self.find(owner), 1)]

    def stop(self, run_id: str, owner: str | None = None) -> None:
        """End a run after its current step, with a usable checkpoint; one that waits never begins."""
        run = self.get(run_id, owner)
        with _in_words():
            folders.request_stop(run.folder)
        self._changed()

    def resume(self, run_id: str, owner: str | None = None) -> Run:
        """Put a run that was stopped or killed, or has failed, into the line again: it goes on after its last epoch.

        Its events go on in the same file, with a new `start` event. Raises `UserError` where it is not over, or done.
        """
        with _in_words(), self._lock:
            run = self.get(run_id, owner)
            if run.unfinished or run.state == "done":
                raise UserError(f"This run is {run.state}: only one that was stopped, killed or failed can be resumed.")
            if run.damaged == "ticket.json":
                raise UserError(explain(run))
            ticket = Ticket.from_json(folders.read_json(run.folder / "ticket.json"))
            ticket = replace(ticket, owner=run.owner, queued=time.time(), events_from=folders.events_size(run.folder))
            self._check_line(ticket)
            for name in ("stop", "exit.json", "process.json"):
                (run.folder / name).unlink(missing_ok=True)
            folders.write_json(run.folder / "ticket.json", ticket.to_json())
        self._changed()
        return folders.read(run.folder)

    def clean_up(self, max_age: float = math.inf, max_bytes: float = math.inf, keep: Collection[str] = ()) -> list[str]:
        """Delete runs that ended more than `max_age` seconds ago, then the oldest until `max_bytes` are left.

        A clock that was set meanwhile makes none older (see `mtl.training.runs.ages`). Never one that waits or trains,
        that another of these starts from, or whose id is in `keep` (chosen ones). Returns the ids of the deleted runs.
        """
        deleted: list[str] = []
        if not self.writable:
            return deleted
        with self._lock:
            self._ages.look()
            self._lock_up()
            runs = self._all(anew=True)
            needed = {self.root / run_id for run_id in keep}
            for run in runs:
                if run.unfinished:
                    with contextlib.suppress(OSError, UserError):
                        path = folders.read_json(run.folder / "config.json").get("start_from")
                        if isinstance(path, str):
                            needed.update((Path(path), *Path(path).parents))
            sizes = {run: _size(run.folder) for run in runs}
            total = sum(sizes.values())
            for run in sorted(runs, key=lambda run: run.ended or math.inf):
                if run.unfinished or run.folder in needed:
                    continue
                if self._ages.of(run.ended) > max_age or total > max_bytes:
                    with contextlib.suppress(OSError):  # still in use, where open files cannot be moved
                        # Moved first: a run is there as a whole, or not at all.
                        run.folder.rename(self.root / f".old-{run.id}")
                        total -= sizes[run]
                        deleted.append(run.id)
        for rest in (*self.root.glob(".old-*"), *self.root.glob(".new-*")):
            with contextlib.suppress(OSError):  # another server deletes it at this moment
                if rest.name.startswith(".old-") or self._ages.of(rest.stat().st_mtime) > 3600:
                    shutil.rmtree(rest, ignore_errors=True)
        self._changed()
        return deleted

    def _lock_up(self) -> None:
        """Once: hide the secrets that earlier versions wrote down, and close folders that they left open to all."""
        if not self._locked_up:
            self._locked_up = True
            for ticket in self.root.glob("*/ticket.json"):
                folders.hide_owner(ticket.parent)
                with contextlib.suppress(OSError):
                    ticket.parent.chmod(0o700)

    # --- turns ---

    @property
    def warm(self) -> bool:
        """Whether a process waits that has imported and rehearsed everything."""
        return self._warm is not None and self._warm.ready.is_set() and self._warm.alive

    def _give_turns(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            pause = _LOOK_EVERY
            try:
                self._give_next_turns()
                self._get_warm()
            except Exception:  # a full disk, say: it must not end the line for good
                _log.exception("The next run could not be started; trying again.")
                pause = _PAUSE_AFTER_FAULT
            self._wake.wait(pause)

    def _give_next_turns(self) -> None:
        if not any(run.state == "queued" for run in self._all(anew=True)):
            return
        with self._lock:
            runs = self._all(anew=True)
            free = self.at_once - sum(run.state == "running" for run in runs)
            for run in order(runs)[: max(0, free)]:
                try:
                    worker = self._hand_over(run.folder)
                except OSError as error:
                    message = f"The training process could not be started: {error.strerror or error}."
                    hint = "Close other programs or free some space, then resume the run."
                    folders.write_event(run.folder, {"event": "error", "message": message, "hint": hint})
                else:
                    threading.Thread(target=self._watch, args=(worker, run.folder), daemon=True).start()

    def _hand_over(self, folder: Path) -> Worker:
        threads = max(1, cores() // self.at_once)
        worker, self._warm = self._warm, None
        if worker is not None:
            with contextlib.suppress(OSError):
                worker.give(folder)
                return worker
        waits = any(run.state == "queued" for run in self._all(anew=True) if run.folder != folder)
        return Worker(threads, folder, alone=not waits)

    def _watch(self, worker: Worker, folder: Path) -> None:
        if status := worker.wait():
            with contextlib.suppress(OSError):
                folders.write_json(folder / "exit.json", {"code": status})
        self._wake.set()

    def _get_warm(self) -> None:
        if self._warm is not None and not self._warm.alive:
            self._warm, self._warm_not_before = None, time.monotonic() + _WARM_AGAIN_AFTER
        if not self._warm_wanted or self._warm is not None or time.monotonic() < self._warm_not_before:
            return
        # Getting warm takes half of the speed of a run that trains meanwhile: so only where another waits for its turn.
        states = {run.state for run in self._all(anew=True)}  # one of them may have got its turn just now
        if "running" not in states or "queued" in states:
            self._warm = Worker(max(1, cores() // self.at_once), alone="queued" not in states)

    # --- what there is ---

    def _check_room(self, estimate: float | None) -> None:
        if not self.writable:
            raise UserError("This server cannot train: its folder for runs cannot be written. Tell whoever runs it.")
        if estimate is not None and estimate > self.longest:
            raise UserError(
                f"This run would take about {_hours(estimate)}, and a run here may take {_hours(self.longest)} at "
                "most. Use fewer epochs or fewer rows; frozen layers cost less, too."
            )
        with _in_words():
            free = shutil.disk_usage(self.root).free
        if free < self.least_free:
            raise UserError(
                "The server's disk is nearly full, so no run can be started now. Try again later, or tell whoever "
                "runs this server."
            )

    def _check_line(self, ticket: Ticket) -> None:
        runs = self._all(anew=True)
        if sum(run.state == "queued" for run in runs) >= self.most_in_line:
            raise UserError(
                f"{self.most_in_line:.0f} runs are waiting already, as many as fit in the line. Try again in a while."
            )
        mine = [run for run in runs if run.owner == ticket.owner and run.unfinished]
        if any(run.content == ticket.content for run in mine):
            raise UserError("This very run, with the same data and settings, is waiting or training already.")
        if sum(run.state == "queued" for run in mine) >= self.most_waiting:
            raise UserError(f"You have {self.most_waiting} runs waiting: let one of them begin, or stop one, first.")

    def _changed(self) -> None:
        """What this server has just done is seen at once."""
        with self._listing:
            self._listed = (-math.inf, [])
        self._wake.set()

    def _read(self, folder: Path) -> Run:
        """A run, whatever its files hold: one that harms nobody else. The log names each once."""
        try:
            run = folders.read(folder)
        except Exception:  # what nobody thought of must not end the line for everybody
            run = Run(folder, "", "failed", 0.0, ended=0.0, damaged="record")
        if run.damaged and run.id not in self._named:
            self._named.add(run.id)
            _log.warning("The run %s is set aside: its %s is damaged.", run.id, run.damaged)
        return run

    def _progress(self, run: Run) -> Progress:
        """How a run stands: only events that were not there at the last look are read, and none once it is over."""
        with self._following:
            known = self._followed.get(run.id)
        end, progress = known or (0, _as_asked_for(run.folder))
        if run == progress.run and run.state in _ENDED:
            return progress
        events, end = folders.new_events(run.folder, end)
        place, wait = None, None
        if run.state == "queued":
            place, wait = places(self._all(), self.at_once).get(run.id, (None, None))
        stopping = run.unfinished and folders.stop_requested(run.folder)
        progress = fold(progress, events)
        progress = replace(progress, run=run, place=place, wait=wait, message=explain(run), stopping=stopping)
        with self._following:
            self._followed[run.id] = (end, progress)
            self._followed.move_to_end(run.id)
            while len(self._followed) > _FOLLOWED:
                self._followed.popitem(last=False)
        return progress

    def _all(self, anew: bool = False) -> list[Run]:
        """Every run, oldest first. One that said that it is over is read once: nothing but `resume` changes it."""
        with self._listing:
            when, runs = self._listed
            if not anew and time.monotonic() - when < _KEPT_FOR:
                return runs
            found, over = [], {}
            for entry in os.scandir(self.root) if self.root.is_dir() else ():
                try:
                    version = os.stat(os.path.join(entry.path, "ticket.json")).st_mtime_ns
                except OSError:
                    continue
                if entry.name.startswith("."):
                    continue
                known = self._over.get(entry.name)
                run = known[1] if known and known[0] == version else self._read(Path(entry.path))
                if run.state in _ENDED:
                    over[run.id] = (version, run)
                found.append(run)
            self._over = over
            found.sort(key=lambda run: run.id)
            self._listed = (time.monotonic(), found)
            return found


def _as_asked_for(folder: Path) -> Progress:
    """A run before its events: its file, start model and settings, as far as config.json says so."""
    settings = folders.settings(folder)
    file, start_from = (found if isinstance(found := settings.get(key), str) else "" for key in ("file", "start_from"))
    config = None
    with contextlib.suppress(UserError, KeyError):
        config = TrainConfig.from_json(settings["train"])
    return Progress(config=config, start_from=start_from, file=Path(file).name)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What goes wrong with files is told to the person who asked, without the server's paths."""
    try:
        yield
    except OSError as error:
        raise UserError(" ".join(in_plain_words(error))) from error


@contextlib.contextmanager
def _removed_after(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(1, round(seconds / 60))} min"


def _own(run: Run, owner: str) -> bool:
    """Whether a run belongs to who knows the secret `owner`; what a ticket says of an owner does not open it."""
    return owner != run.owner and run.owner == folders.hidden(owner)


def cores() -> int:
    """How many processor cores this process may use: a container's share can be far below the machine's number."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, math.ceil(int(quota) / int(period)))
    return max(1, count)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
