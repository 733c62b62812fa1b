"""Copies of runs in a folder that outlives the disk, such as the bucket that a Hugging Face Space has mounted.

A bucket stores whole files: it knows no locks, and may not let a file be appended to. So runs live on the disk, and
what has ended is copied there file by file; a server that starts with an empty disk copies it back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from mtl.training.runs.folder import Run

_log = logging.getLogger(__name__)
# Seconds between two looks for runs that have ended.
_EVERY, _PAUSE_AFTER_FAULT = 5.0, 60.0
# Written last: without it a copy is not whole.
_LAST = "ticket.json"
_OF_THE_MOMENT = ("heartbeat", "reserve")


class Bucket:
    """The copies of the runs in `runs`, in the folder `root`; `mounted`: whether that is there and can be written to.

    `restored`: all of them are on the disk. `files` are copied beside the runs, and are back once this is made."""

    def __init__(self, root: Path, runs: Path, files: Iterable[str] = ()) -> None:
        self.root, self._runs, self._files = root, runs, tuple(files)
        self.restored = threading.Event()
        self.mounted = root.is_dir() and os.access(root, os.W_OK | os.X_OK)
        # What was copied of each run, by its id (see `_version`).
        self._copied: dict[str, tuple[int, ...]] = {}
        if not self.mounted:
            _log.warning("No bucket is mounted at %s: runs are lost when the disk is.", root)
            return
        for name in self._files:
            if (root / name).is_file() and not (runs / name).exists():
                _copy(root / name, runs / name)

    def begin(self, runs: Callable[[], Iterable[Run]], closed: threading.Event) -> threading.Thread:
        """Restore all, then follow `runs()` until `closed`, and once more; in the background."""

        def forever() -> None:
            over = False
            while True:
                pause = _EVERY
                try:
                    if not self.restored.is_set():
                        self.restore()
                        self.restored.set()
                    self.follow(runs())
                except Exception:  # a bucket that does not answer, say: the next time may be better
                    _log.exception("Runs could not be copied to or from the bucket; trying again.")
                    pause = _PAUSE_AFTER_FAULT
                if over:
                    return
                over = closed.wait(pause)

        thread = threading.Thread(target=forever, name="bucket", daemon=True)
        thread.start()
        return thread

    def restore(self) -> None:
        """Copy back all runs that the disk does not have, the newest first."""
        for copy in sorted(self.root.glob(f"*/{_LAST}"), reverse=True):
            run_id, folder = copy.parent.name, self._runs / copy.parent.name
            if not folder.exists():
                new = self._runs / f".new-{run_id}"
                new.mkdir(mode=0o700, exist_ok=True)
                for path in _files_of(copy.parent):
                    _copy(path, new / path.relative_to(copy.parent))
                new.rename(folder)
                self._copied[run_id] = _version(folder)

    def follow(self, runs: Iterable[Run]) -> None:
        """Copy what has ended or was changed since, and delete the copies of runs that are gone."""
        for name in self._files:
            if (self._runs / name).is_file() and not (self.root / name).exists():
                _copy(self._runs / name, self.root / name)
        for run in runs:
            if not run.unfinished and self._copied.get(run.id) != (version := _version(run.folder)):
                self._keep(run.folder)
                self._copied[run.id] = version
        for run_id in [run_id for run_id in self._copied if not (self._runs / run_id).exists()]:
            shutil.rmtree(self.root / run_id, ignore_errors=True)
            del self._copied[run_id]

    def _keep(self, folder: Path) -> None:
        copy = self.root / folder.name
        (copy / _LAST).unlink(missing_ok=True)
        files = [path.relative_to(folder) for path in _files_of(folder)]
        for path in _files_of(copy):
            if path.relative_to(copy) not in files:
                path.unlink()
        for name in sorted(files, key=lambda name: name.name == _LAST):
            _copy(folder / name, copy / name)


def _files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name not in _OF_THE_MOMENT]


def _version(folder: Path) -> tuple[int, ...]:
    """What changes with every change of a run's files."""
    found = [path.stat() for path in _files_of(folder)]
    return len(found), sum(each.st_size for each in found), max((each.st_mtime_ns for each in found), default=0)


def _copy(file: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, copy)
    with contextlib.suppress(OSError):  # the times, by which a run is as old as it is
        shutil.copystat(file, copy)
