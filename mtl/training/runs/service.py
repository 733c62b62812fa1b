"""All runs under one folder: start, follow, stop, resume and delete them, and start the next one in the queue.

Several servers may share the folder: a lock ensures that each run is started once, and all state is in the runs'
folders (see `mtl.training.runs.folder`), so that a restarted server continues where the old one ended.
"""

from __future__ import annotations

import contextlib
import contextvars
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
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from mtl.config import TrainConfig, UserError
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs import zerogpu
from mtl.training.runs.ages import Ages
from mtl.training.runs.bucket import Bucket
from mtl.training.runs.errors import explain, in_plain_words
from mtl.training.runs.folder import Run, Ticket
from mtl.training.runs.nodes import NO_CLUSTER, Given, Nodes
from mtl.training.runs.queue import before, giving_way, line, order
from mtl.training.runs.worker import Worker

_log = logging.getLogger(__name__)
# How often to check whether runs that other servers started have ended, in seconds.
_LOOK_EVERY = 1.0
_PAUSE_AFTER_FAULT = 10.0
# When the waiting process died by itself, there may be too little memory for one: wait before starting another.
_WARM_AGAIN_AFTER = 60.0
# How long somebody who arrives waits for runs that are being copied back, in seconds.
_PATIENCE = 10.0
# How long the places of all queued runs are cached, in seconds.
_CACHED_FOR = 0.5
# Only `resume` changes a run in one of these states. The reason why one was killed may become known later.
_ENDED = ("done", "stopped", "failed")
# The number of runs whose progress is cached, 20 kB each; for others it is folded again from all events.
_FOLLOWED = 600


class Runs:
    """The runs in the folder `root`; after `open` they are carried out, `at_once` at a time.

    An `owner` is a secret, stored only as a hash. With `warm`, a process that has imported everything waits for the
    next run. One owner may have `most_waiting` queued runs, all owners together `most_in_line`. `start` refuses a run
    that is expected to take more than `longest` seconds, and any run if less than `least_free` bytes of the disk are
    free or the folder is not writable. Closing does not stop runs that train. `bucket`: a folder that outlives the
    disk, such as the mounted bucket of a Space, where runs that have ended are copied to, and back after a restart.
    `nodes`: the cluster that carries out the runs, as many at a time as it has places for, instead of this machine.
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
        bucket: str | os.PathLike | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        self.root = Path(root).resolve()
        with contextlib.suppress(OSError):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.writable = self.root.is_dir() and os.access(self.root, os.W_OK | os.X_OK)
        if not self.writable:
            _log.warning("Nothing can be trained: the folder of runs, %s, cannot be written.", self.root)
        self.at_once, self.most_waiting, self.most_in_line = at_once, most_waiting, most_in_line
        self.longest, self.least_free = longest, least_free
        self._nodes = nodes
        self._warm_wanted = warm and not zerogpu.HERE and nodes is None
        # The process that waits for a run, how many are not done with theirs, and who may change either.
        self._warm: Worker | None = None
        self._busy = 0
        self._resting = threading.Lock()
        self._warm_not_before = 0.0
        # What each run of ZeroGPU was started in, by its id (see `zerogpu.Turns`).
        self._contexts: dict[str, contextvars.Context] = {}
        self._lock = filelock.FileLock(self.root / "queue.lock", timeout=60)
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._placing = threading.Lock()
        # When it was computed, and the line (see `line`).
        self._placed: tuple[float, dict[str, tuple[int, float | None]]] = (-math.inf, {})
        # (the ticket's time, run) of those that have ended.
        self._ended: dict[str, tuple[int, Run]] = {}
        self._following = threading.Lock()
        # (bytes of events read, progress after them) by run.
        self._followed: OrderedDict[str, tuple[int, Progress]] = OrderedDict()
        self._logged: set[str] = set()
        self._secured = False
        self._ages = Ages(self.root / "clock.json")
        self.bucket = Bucket(Path(bucket), self.root, ["browser.key"]) if bucket else None
        self._copying: threading.Thread | None = None

    def open(self) -> Runs:
        """Begin to carry out runs."""
        if self._thread is None and self.writable:
            self._thread = threading.Thread(target=self._give_turns, name="runs", daemon=True)
            self._thread.start()
            if self._nodes is not None:
                self._nodes.open()
            self.restore()
        return self

    def restore(self) -> None:
        """Begin to copy back what the bucket has, in the background, before `open` does."""
        if self.bucket is not None and self.bucket.mounted and self._copying is None:
            self._copying = self.bucket.begin(self._all, self._closed)

    def close(self) -> None:
        """Start no more runs. Those that train go on; queued ones keep their place for the next server."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._nodes is not None:
            self._nodes.close()
        if self._copying is not None:
            self._copying.join()
        with self._resting:
            if self._warm is not None:
                self._warm.dismiss()

    def __enter__(self) -> Runs:
        return self.open()

    def __exit__(self, *_) -> None:
        self.close()

    # --- actions ---

    def start(
        self,
        owner: str,
        data: str | os.PathLike,
        config: TrainConfig | None = None,
        start_from: str | os.PathLike | None = None,
        estimate: float | None = None,
        address: str = "",
        validation: str | os.PathLike | None = None,
        **reading: Any,
    ) -> Run:
        """Queue a run: make its folder, with copies of the files `data` and `validation` (of rows to test on, None:
        without one) and everything else that its process needs.

        `start_from` and `reading` (JSON data) are arguments of `mtl.training.jobs.prepare`. `estimate`: seconds that it
        should take, if known. `address`: the owner's network address (addresses take turns). Raises `UserError` when
        `data` cannot be read, the disk or the queue is full, the owner has too many runs queued, the run would take too
        long, or the same run is queued or training already.
        """
        data = Path(data)
        if not data.is_file():
            raise UserError(f"{data.name} is not a file.")
        self.check_room(estimate)
        if start_from is not None and Path(start_from).is_dir():
            start_from = Path(start_from).resolve()
        if data.suffix == ".json":  # a recipe names files beside itself
            reading["data_dir"] = str(Path(reading.get("data_dir") or data.parent).resolve())
        settings = {
            "start_from": None if start_from is None else str(start_from),
            "file": f"data/{data.name}",
            "reading": reading,
            **({"validation": f"validation/{Path(validation).name}"} if validation else {}),
            **({"train": config.to_json()} if config else {}),
        }
        now = time.time()  # ids sort by time
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{int(now % 1 * 1e6):06}-{secrets.token_hex(3)}"
        temporary = self.root / f".new-{name}"
        with _os_errors_explained(), contextlib.ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, temporary, ignore_errors=True)
            temporary.mkdir(mode=0o700)  # other users of this computer must not read a visitor's data
            digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
            for file, copy in ((data, settings["file"]), (validation, settings.get("validation"))):
                if copy:
                    (temporary / copy).parent.mkdir()
                    shutil.copyfile(file, temporary / copy)
                    digest.update((temporary / copy).read_bytes())
            folders.write_json(temporary / "config.json", settings)
            owner, address, content = folders.hashed(owner), folders.hashed(address), digest.hexdigest()
            with self._lock:
                epochs = config.epochs if config else 1
                ticket = Ticket(owner, time.time(), estimate, content, address=address, epochs=epochs)
                self._check_line(ticket)
                folders.write_json(temporary / "ticket.json", ticket.to_json())
                self._remember_context(name)
                temporary.rename(self.root / name)
        self._changed()
        return folders.read(self.root / name)

    def get(self, run_id: str, owner: str | None = None) -> Run:
        """A run by its id; with `owner`, only one of theirs. Raises `UserError` if there is none."""
        # Ids come from browsers and must not lead out of the folder.
        folder = self.root / run_id
        if re.fullmatch(r"[0-9a-z][0-9a-z-]{0,100}", run_id) and (folder / "ticket.json").is_file():
            run = self._read(folder)
            if owner is None or _is_owned_by(run, owner):
                return run
        raise UserError("There is no such run. Old runs are deleted after a while.")

    def find(self, owner: str | None = None) -> list[Run]:
        """All runs (of `owner`), oldest first."""
        return [run for run in self._all() if owner is None or _is_owned_by(run, owner)]

    def newest(self, owner: str) -> Run | None:
        """The newest run of `owner` that is not over, or else the newest.

        Waits for some seconds where runs are just being copied back."""
        if self._copying is not None:
            self.bucket.restored.wait(_PATIENCE)
        runs = self.find(owner) if owner else []
        return next(iter([run for run in runs if run.unfinished][-1:] or runs[-1:]), None)

    def progress(self, run_id: str, owner: str | None = None) -> Progress:
        """The progress of a run. Raises `UserError` if there is no such run."""
        return self._progress(self.get(run_id, owner))

    def progress_of_all(self, owner: str) -> list[Progress]:
        """The progress of every run of `owner`, oldest first."""
        return [replace(self._progress(run), number=number) for number, run in enumerate(self.find(owner), 1)]

    def stop(self, run_id: str, owner: str | None = None, at_once: bool = False) -> None:
        """End a run within seconds, with a usable checkpoint: the model as it is now, or `at_once` that of its last
        whole epoch, without measuring anything. A queued one never begins."""
        run = self.get(run_id, owner)
        with _os_errors_explained():
            folders.request_stop(run.folder, at_once)
        self._changed()

    def resume(self, run_id: str, owner: str | None = None) -> Run:
        """Queue a run again that was stopped or killed, or has failed: it goes on after its last epoch.

        Its events go on in the same file, with a new `start` event. Raises `UserError` if it is unfinished or done.
        """
        with _os_errors_explained(), self._lock:
            run = self.get(run_id, owner)
            if run.unfinished or run.state == "done":
                raise UserError(f"This run is {run.state}: only one that was stopped, killed or failed can be resumed.")
            if run.damaged == "ticket.json":
                raise UserError(explain(run))
            ticket = replace(run.ticket, queued=time.time(), events_from=folders.events_size(run.folder))
            self._check_line(ticket)
            self._remember_context(run.id)
            for name in ("stop", "give-way", "exit.json", "process.json"):
                (run.folder / name).unlink(missing_ok=True)
            folders.write_json(run.folder / "ticket.json", ticket.to_json())
        self._changed()
        return folders.read(run.folder)

    def clean_up(self, max_age: float = math.inf, max_bytes: float = math.inf, keep: Collection[str] = ()) -> list[str]:
        """Delete runs that ended more than `max_age` seconds ago, then the oldest until `max_bytes` are left.

        Setting the clock makes no run older (see `mtl.training.runs.ages`). Unfinished runs stay, as do those that an
        unfinished one starts from or whose id is in `keep`. Returns the ids of the deleted runs.
        """
        deleted: list[str] = []
        if not self.writable:
            return deleted
        with self._lock:
            self._ages.look()
            self._secure()
            runs = self._all()
            needed = {self.root / run_id for run_id in keep}
            for run in runs:
                if run.unfinished and isinstance(path := folders.settings(run.folder).get("start_from"), str):
                    needed.update((Path(path), *Path(path).parents))
            sizes = {run: _size(run.folder) for run in runs}
            total = sum(sizes.values())
            for run in sorted(runs, key=lambda run: run.ended or math.inf):
                if run.unfinished or run.folder in needed:
                    continue
                if self._ages.of(run.ended) > max_age or total > max_bytes:
                    with contextlib.suppress(OSError):  # still in use, on systems that cannot move open files
                        # Moved first, so that a run is never half deleted.
                        run.folder.rename(self.root / f".old-{run.id}")
                        total -= sizes[run]
                        deleted.append(run.id)
        for rest in (*self.root.glob(".old-*"), *self.root.glob(".new-*")):
            with contextlib.suppress(OSError):  # another server may be deleting it
                if rest.name.startswith(".old-") or self._ages.of(rest.stat().st_mtime) > 3600:
                    shutil.rmtree(rest, ignore_errors=True)
        self._changed()
        return deleted

    def _secure(self) -> None:
        """Once: hash the secrets that earlier versions stored, and make their folders private."""
        if not self._secured:
            self._secured = True
            for ticket in self.root.glob("*/ticket.json"):
                folders.hash_owner(ticket.parent)
                with contextlib.suppress(OSError):
                    ticket.parent.chmod(0o700)

    # --- the queue ---

    @property
    def warm(self) -> bool:
        """Whether a process is waiting that has warmed up."""
        worker = self._warm
        return worker is not None and worker.ready.is_set() and worker.alive

    def _give_turns(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            pause = _LOOK_EVERY
            try:
                self._give_next_turns()
                self._get_warm()
            except Exception:  # such as a full disk: the queue must go on
                _log.exception("The next run could not be started; trying again.")
                pause = _PAUSE_AFTER_FAULT
            self._wake.wait(pause)

    def _give_next_turns(self) -> None:
        if self._nodes is not None and self._nodes.places:
            self.at_once = self._nodes.places
        runs = self._all()
        if not any(run.state == "queued" for run in runs):
            self._ask_to_give_way(runs)
            return
        with self._lock:
            runs = self._all()
            free = self.at_once - max(self._busy, sum(run.state == "running" for run in runs))
            waiting = order(runs)
            if self._why_it_waits:
                waiting = [run for run in waiting if run.stopping]
            self._ask_to_give_way(runs)
            for run in waiting[: max(0, free)]:
                try:
                    worker = self._hand_over(run.folder)
                except OSError as error:
                    message = f"The training process could not be started: {error.strerror or error}."
                    hint = "Close other programs or free some space, then resume the run."
                    folders.write_event(run.folder, {"event": "error", "message": message, "hint": hint})
                else:
                    with self._resting:
                        self._busy += 1
                    threading.Thread(target=self._watch, args=(worker, run.folder), daemon=True).start()

    def _ask_to_give_way(self, runs: Sequence[Run]) -> None:
        """Ask the run that should let a shorter one go first, and no other."""
        if not zerogpu.HERE and self._nodes is None:  # where runs train in turns, or many at a time
            longest = giving_way(runs, self.at_once)
            for run in runs:
                if run.state == "running":
                    folders.ask_to_give_way(run.folder, run is longest)

    def _remember_context(self, run_id: str) -> None:
        if zerogpu.HERE:
            self._contexts[run_id] = contextvars.copy_context()

    def _hand_over(self, folder: Path) -> Worker | zerogpu.Turns | Given:
        if self._nodes is not None and not folders.stop_requested(folder):  # saving what there is takes no node
            return self._nodes.give(folder)
        if zerogpu.HERE:
            turns = zerogpu.Turns(self._contexts.pop(folder.name, contextvars.Context()))
            turns.give(folder)
            return turns
        with self._resting:
            worker, self._warm = self._warm, None
        if worker is not None:
            with contextlib.suppress(OSError):
                worker.give(folder)
                return worker
        worker = self._worker()
        worker.give(folder)
        return worker

    def _worker(self) -> Worker:
        return Worker(max(1, cores() // self.at_once), alone=self.at_once == 1)

    def _watch(self, worker: Worker | zerogpu.Turns | Given, folder: Path) -> None:
        if status := worker.wait():
            with contextlib.suppress(OSError):
                folders.write_json(folder / "exit.json", {"code": status})
        with self._resting:
            self._busy -= 1
            if isinstance(worker, Worker) and worker.ready.is_set():
                if self._warm_wanted and self._warm is None and not self._closed.is_set():
                    self._warm = worker
                else:
                    worker.dismiss()
        self._wake.set()

    def _get_warm(self) -> None:
        if not self._warm_wanted or time.monotonic() < self._warm_not_before:
            return
        # Warming up halves the speed of a run that trains at the same time, and who carries that out waits afterwards.
        idle = not any(run.state == "running" for run in self._all())
        with self._resting:
            idle = idle and not self._busy
            if self._warm is not None and not self._warm.alive:
                self._warm, self._warm_not_before = None, time.monotonic() + _WARM_AGAIN_AFTER
            elif self._warm is None and idle:
                self._warm = self._worker()

    def line(self) -> dict[str, tuple[int, float | None]]:
        """Each queued run's place and the seconds until it begins, as of half a second ago at most."""
        with self._placing:
            when, found = self._placed
            if time.monotonic() - when >= _CACHED_FOR:
                found = line(self._all(), self.at_once)
                self._placed = (time.monotonic(), found)
            return found

    def before(self, owner: str, estimate: float | None, address: str = "") -> tuple[int, float | None]:
        """How many runs would come before one that is started now, and the seconds until it would begin, if known."""
        ticket = Ticket(folders.hashed(owner), time.time(), estimate, address=folders.hashed(address))
        return before(ticket, self._all(), self.at_once)

    # --- checks and state ---

    def check_room(self, estimate: float | None) -> None:
        """Raise `UserError` where no run can be started, or none that takes so many seconds."""
        if not self.writable:
            raise UserError("This server cannot train: its folder for runs cannot be written. Tell whoever runs it.")
        if estimate is not None and estimate > self.longest:
            raise UserError(
                f"This run would take about {_hours(estimate)}, and a run here may take {_hours(self.longest)} at "
                "most. Use fewer epochs or fewer rows; frozen layers cost less, too."
            )
        with _os_errors_explained():
            free = shutil.disk_usage(self.root).free
        if free < self.least_free:
            raise UserError(
                "The server's disk is nearly full, so no run can be started now. Try again later, or tell whoever "
                "runs this server."
            )

    @property
    def _why_it_waits(self) -> str:
        """Why no queued run begins, "" if the next one may."""
        return NO_CLUSTER if self._nodes is not None and not self._nodes.places else ""

    def _check_line(self, ticket: Ticket) -> None:
        runs = self._all()
        if sum(run.state == "queued" for run in runs) >= self.most_in_line:
            raise UserError(
                f"{self.most_in_line:.0f} runs are waiting already, as many as fit in the line. Try again in a while."
            )
        mine = [run for run in runs if run.ticket.owner == ticket.owner and run.unfinished]
        if any(run.ticket.content == ticket.content for run in mine):
            raise UserError("This very run, with the same data and settings, is waiting or training already.")
        if sum(run.state == "queued" for run in mine) >= self.most_waiting:
            raise UserError(f"You have {self.most_waiting} runs waiting: let one of them begin, or stop one, first.")

    def _changed(self) -> None:
        """Drop the cached places and wake the thread, so that a change takes effect at once."""
        with self._placing:
            self._placed = (-math.inf, self._placed[1])
        self._wake.set()

    def _read(self, folder: Path) -> Run:
        """A run, failed if its files are damaged, which is logged once."""
        try:
            run = folders.read(folder)
        except Exception:  # an unforeseen fault of one run must not stop all others
            run = Run(folder, folders.NO_TICKET, "failed", ended=0.0, damaged="record")
        if run.damaged and run.id not in self._logged:
            self._logged.add(run.id)
            _log.warning("The run %s is set aside: its %s is damaged.", run.id, run.damaged)
        return run

    def _progress(self, run: Run) -> Progress:
        """The progress of a run. Reads only events that are new since the last call, and none once it has ended."""
        with self._following:
            cached = self._followed.get(run.id)
        end, progress = cached or (0, _before_events(run.folder))
        if run == progress.run and run.state in _ENDED:
            return progress
        events, end = folders.new_events(run.folder, end)
        place, wait = None, None
        if run.state == "queued":
            place, wait = self.line().get(run.id, (None, None))
        progress = replace(
            fold(progress, events),
            run=run,
            place=place,
            wait=wait,
            message=self._why_it_waits if run.state == "queued" else explain(run),
            stopping=run.unfinished and folders.stop_requested(run.folder),
            at_once=run.unfinished and folders.stop_at_once_requested(run.folder),
        )
        with self._following:
            self._followed[run.id] = (end, progress)
            self._followed.move_to_end(run.id)
            while len(self._followed) > _FOLLOWED:
                self._followed.popitem(last=False)
        if progress.eta is not None:  # it was told with the last event
            progress = replace(progress, eta=max(0.0, progress.eta - folders.since_last_event(run.folder)))
        return progress

    def _all(self) -> list[Run]:
        """Every run, oldest first. Runs that have ended are read once."""
        runs, ended = [], {}
        for folder in self.root.glob("[!.]*"):
            try:
                version = (folder / "ticket.json").stat().st_mtime_ns
            except OSError:
                continue
            cached = self._ended.get(folder.name)
            run = cached[1] if cached and cached[0] == version else self._read(folder)
            if run.state in _ENDED:
                ended[run.id] = (version, run)
            runs.append(run)
        self._ended = ended
        return sorted(runs, key=lambda run: run.id)


def _before_events(folder: Path) -> Progress:
    """The progress of a run before its events: its file, start model and settings, as far as config.json has them."""
    settings = folders.settings(folder)
    file, start_from = (value if isinstance(value := settings.get(key), str) else "" for key in ("file", "start_from"))
    config = None
    with contextlib.suppress(UserError, KeyError):
        config = TrainConfig.from_json(settings["train"])
    return Progress(config=config, start_from=start_from, file=Path(file).name)


@contextlib.contextmanager
def _os_errors_explained() -> Iterator[None]:
    """Turn an OSError into a UserError without the server's paths."""
    try:
        yield
    except OSError as error:
        raise UserError(" ".join(in_plain_words(error))) from error


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(1, round(seconds / 60))} min"


def _is_owned_by(run: Run, owner: str) -> bool:
    """Whether a run belongs to the one who knows the secret `owner`; the hash in the ticket is not accepted."""
    return owner != run.ticket.owner and run.ticket.owner == folders.hashed(owner)


def cores() -> int:
    """How many cores this process may use; a container may have far fewer than the machine."""
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
