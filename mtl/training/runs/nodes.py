"""Runs on the nodes of a Ray cluster. The run's folder stays where the server has it, as nodes share no disk.

A process beside the server, `python -m mtl.training.runs.nodes`, is the cluster's client for all runs: a client of Ray
may end with its cluster, and the server must not. For each run it starts a worker on a node, hands it the folder's
files, and writes back what the worker changes, files first and then the events that tell of them. So the folder is
always a run as it was left at some moment, and when a node ends another one goes on after the last whole epoch.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mtl import rays
from mtl.config import UserError
from mtl.files import json_or_nothing, write_bytes, write_json
from mtl.places import HOME
from mtl.training.runs import folder as folders
from mtl.training.runs import worker
from mtl.training.runs.worker import Worker

_log = logging.getLogger(__name__)
# How often a run's news are asked for, and how often how many cores there are, in seconds.
_ASK_EVERY, _COUNT_EVERY = 0.5, 2.0
# Calls of a cluster that has gone may never return, and a client may connect again after so many seconds.
_PATIENCE, _AGAIN_AFTER = 60.0, 10.0
# A run whose worker has ended so many times without a whole epoch in between is given up; so many seconds lie between
# two tries, as Ray goes on placing workers on a node for a while after it has ended.
_MOST_TRIES, _BETWEEN_TRIES = 4, 5.0
# Files that say where a run is carried out, which is here, and not on the node.
_OF_THE_SERVER = ("heartbeat", "process.json", "stop", "give-way", "exit.json", "reserve")
# The folder on a node for the model that a run starts from, where that is a checkpoint of the server's.
_START = "start"
# The cores that each run has on its node, unless MTL_RAY_CORES says otherwise.
CORES = 1
NO_CLUSTER = "The cluster that trains is not there. The run waits for it, and goes on by itself."


def cores_per_run() -> int:
    """The cores that each run has on its node. Raises `UserError` where MTL_RAY_CORES is no number of them."""
    said = os.environ.get("MTL_RAY_CORES") or str(CORES)
    if not said.isdecimal() or not int(said):
        raise UserError(f"MTL_RAY_CORES must be a number of cores; it is {said!r}.")
    return int(said)


# --- in the server ---


class Nodes:
    """The cluster, for a server's runs; used as a source of workers (see `mtl.training.runs.service.Runs`).

    `places`: how many runs it can carry out at a time, 0 while it is not there. Raises `UserError` where Ray is not
    installed. Runs whose cluster has gone wait in line again."""

    def __init__(self) -> None:
        rays.require()
        self._cores = cores_per_run()
        self.places = 0
        self._process: subprocess.Popen | None = None
        self._runs: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Begin to look for the cluster, now and whenever it has gone."""
        threading.Thread(target=self._keep_connected, name="nodes", daemon=True).start()

    def close(self) -> None:
        """Give no more runs; those that train go on, and the process ends after them."""
        self._closed = True
        with self._lock, contextlib.suppress(OSError, AttributeError):
            self._process.stdin.close()

    def give(self, folder: Path) -> Given:
        """Let a node carry out the run in `folder`, which stays in line if the cluster has just gone."""
        over = threading.Event()
        with self._lock:
            try:
                folders.write_process(folder, self._process.pid)
                self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
                self._process.stdin.flush()
                self._runs[str(folder)] = over
            except (OSError, psutil.Error):
                (folder / "process.json").unlink(missing_ok=True)
                over.set()
        return Given(over)

    def _keep_connected(self) -> None:
        while not self._closed:
            with self._lock:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "mtl.training.runs.nodes", str(self._cores)],
                    cwd=HOME,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=os.name != "nt",
                )
            for line in self._process.stdout:
                said = json.loads(line)
                if "places" in said:
                    self._said(said["places"])
                else:
                    with self._lock:
                        self._runs.pop(said["over"]).set()
            self._said(0)
            self._put_back()
            time.sleep(_AGAIN_AFTER)

    def _said(self, places: int) -> None:
        if bool(places) != bool(self.places):
            _log.warning("Runs train on a Ray cluster." if places else "The Ray cluster has gone; runs wait for it.")
        self.places = places

    def _put_back(self) -> None:
        """Let the runs of a process that has ended wait in line again."""
        with self._lock:
            runs, self._runs = self._runs, {}
        for name, over in runs.items():
            if folders.read(Path(name)).state == "killed":
                folders.put_back(Path(name))
            over.set()


@dataclass
class Given:
    """A run that a node was given."""

    _over: threading.Event

    def wait(self) -> int:
        """Wait until it is over, or waits in line again; 0, as its events say how it ended."""
        self._over.wait()
        return 0


# --- in the process beside the server ---


def main() -> int:
    """Carry out the runs whose folders standard input names, one a line, until all are over and it has ended."""
    cores, begun = int(sys.argv[1]), []
    lock = threading.Lock()
    server = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Ray prints

    def say(**words: Any) -> None:
        with lock, contextlib.suppress(OSError):  # the server may have gone
            print(json.dumps(words), file=server, flush=True)

    def carry_out(ray: Any, name: str) -> None:
        try:
            _carry_out(ray, Path(name), cores)
        except Exception as error:
            _keep(traceback.format_exc(), Path(name))
            folders.fail(
                Path(name), f"The run could not be given to a node: {type(error).__name__}.", "Resume it later."
            )
        with contextlib.suppress(OSError, UserError):
            folders.let_go(Path(name))
        say(over=name)

    def listen(ray: Any) -> None:
        while line := sys.stdin.readline():
            begun.append(threading.Thread(target=carry_out, args=(ray, json.loads(line)), daemon=True))
            begun[-1].start()
        closed.set()

    closed, counted = threading.Event(), [time.monotonic()]
    threading.Thread(target=_end_when_silent, args=(counted,), daemon=True).start()
    with rays.connected() as ray:
        threading.Thread(target=listen, args=(ray,), daemon=True).start()
        places = None
        while not closed.is_set() or any(thread.is_alive() for thread in begun):
            now = int(ray.cluster_resources().get("CPU", 0)) // cores
            counted[0] = time.monotonic()
            if now != places:
                places = now
                say(places=places)
            time.sleep(_COUNT_EVERY)
    return 0


def _end_when_silent(counted: list[float]) -> None:
    """End this process when the cluster has not answered for long: its runs are put back in line."""
    while time.monotonic() - counted[0] < _PATIENCE:
        time.sleep(1.0)
    os._exit(1)


def _carry_out(ray: Any, folder: Path, cores: int) -> None:
    """Let one worker after another carry out the run in `folder`, until it is over."""
    worker_class = ray.remote(num_cpus=cores)(_Worker)
    over, tries, epochs = threading.Event(), 0, folders.epochs(folder)
    threading.Thread(target=_beat, args=(folder, over), daemon=True).start()
    try:
        while tries < _MOST_TRIES:
            worker = worker_class.remote()
            try:
                return _follow(ray, worker, folder, cores)
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError:  # the worker or its node has ended
                why = traceback.format_exc()
                before, epochs = epochs, folders.epochs(folder)
                tries = 0 if epochs > before else tries + 1
            finally:
                ray.kill(worker)
            time.sleep(_BETWEEN_TRIES)
        _keep(why, folder)
        folders.fail(
            folder, f"{_MOST_TRIES} nodes ended while they trained this run.", "It may need more memory than they have."
        )
    finally:
        over.set()


def _follow(ray: Any, worker: Any, folder: Path, cores: int) -> None:
    """Give the run to a worker, and write down its news until it is over."""
    start_from = folders.settings(folder).get("start_from")
    start = _files(Path(start_from)) if isinstance(start_from, str) and Path(start_from).is_dir() else {}
    begun = worker.begin.remote(folder.name, _files(folder), start, folders.raw_events(folder, 0), cores)
    while not ray.wait([begun], timeout=1.0)[0]:
        if folders.stop_requested(folder):  # saving what there is takes no node
            stopping = Worker(1)
            stopping.give(folder)
            stopping.wait()
            return stopping.dismiss()
    ray.get(begun)
    ended = False
    while not ended:
        news = ray.get(worker.news.remote(folders.stop_requested(folder), folders.stop_at_once_requested(folder)))
        for name in news.gone:
            (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty
                (folder / name).parent.rmdir()
        for name, data in news.changed.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / name, data)
        folders.append_events(folder, news.events)
        ended = news.ended


def _keep(text: str, folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "traceback.txt").write_text(text, encoding="utf-8", errors="backslashreplace")


def _beat(folder: Path, over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(OSError):
            (folder / "heartbeat").touch()
        over.wait(folders.HEARTBEAT_EVERY)


def _names(folder: Path) -> list[str]:
    """The files of a run, or of a checkpoint, but for its events, and for those that say where it is carried out."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [n for n in files if n not in (*_OF_THE_SERVER, folders.EVENTS) and not n.endswith(".part")]


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in _names(folder)}


# --- on a node ---


@dataclass(frozen=True)
class _News:
    """What has changed in a run's folder: its files, those that are gone, and the events since; whether it is over."""

    changed: dict[str, bytes]
    gone: list[str]
    events: bytes
    ended: bool


class _Worker:
    """A process on a node that carries out one run, in a folder of its own."""

    def begin(self, name: str, files: dict[str, bytes], start: dict[str, bytes], events: bytes, cores: int) -> None:
        """Begin with the files and events of a run's folder, where another worker or the server has left it, and the
        files of the checkpoint that it starts from, if it does."""
        for variable in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):  # read by torch and tokenizers, which come next
            os.environ[variable] = str(cores)
        import torch

        torch.set_num_threads(cores)
        self._home = Path(tempfile.mkdtemp(prefix="mtl-run-"))
        self._folder = self._home / name
        _write(self._folder, files)
        folders.append_events(self._folder, events)
        self._events = len(events)
        self._known = {file: _version(self._folder / file) for file in _names(self._folder)}
        # What a file of the node calls the model that the run starts from, and what the server does.
        self._here, self._there = b"", b""
        if start:
            config = json_or_nothing(self._folder / "config.json")
            place = self._home.joinpath(_START, *Path(config["start_from"]).parts[-2:])  # the names that a card shows
            _write(place, start)
            self._here, self._there = (json.dumps(path)[1:-1].encode() for path in (str(place), config["start_from"]))
            write_json(self._folder / "config.json", {**config, "start_from": str(place)})
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def news(self, stop: bool, at_once: bool) -> _News:
        """What has changed since the last call, which may be some moments ago. `stop`: the run was asked to end."""
        if stop and not folders.stop_requested(self._folder) or at_once:
            folders.request_stop(self._folder, at_once)
        self._thread.join(_ASK_EVERY)
        ended = not self._thread.is_alive()
        # Events first: what they tell of is in the files by now.
        events = folders.raw_events(self._folder, self._events)
        self._events += len(events)
        found = {}
        for name in _names(self._folder):
            with contextlib.suppress(OSError):  # it has just gone
                found[name] = _version(self._folder / name)
        changed = {}
        for name in [name for name, version in found.items() if self._known.get(name) != version]:
            with contextlib.suppress(OSError):
                changed[name] = self._for_the_server((self._folder / name).read_bytes(), name)
        gone = [name for name in self._known if name not in found]
        self._known = found
        if ended:
            shutil.rmtree(self._home, ignore_errors=True)
        return _News(changed, gone, self._for_the_server(events, folders.EVENTS), ended)

    def _train(self) -> None:
        worker.turn(self._folder, lambda longest: False)

    def _for_the_server(self, data: bytes, name: str) -> bytes:
        named = self._here and name.endswith((".json", ".jsonl", ".md"))
        return data.replace(self._here, self._there) if named else data


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


if __name__ == "__main__":
    sys.exit(main())
