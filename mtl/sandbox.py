"""Call a function on a stranger's file in a process of its own, with limits on time and memory.

Reading a large or a hostile file holds the interpreter's lock, and with it the page of everybody else. In another
process it costs its owner alone, and can be ended at any moment.

`python -m mtl.sandbox` is the other end: it takes calls from standard input and answers on standard output.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import psutil

from mtl.config import ROOT, UserError
from mtl.faults import where

# Larger files are read one at a time, so that small ones always find a free place.
LARGE = 1_000_000
# Seconds between two looks at the limits, and between two reports of progress.
_LOOK_EVERY = 0.1
# What nearly every call needs is imported before the first one comes.
_IMPORTED_EARLY = ("mtl.data.matching", "mtl.data.table")

# Yields the share of the work that is done, 0 to 1, or None while it waits for its turn; returns the result.
Progress = Generator[float | None, None, Any]


class Failure(Exception):
    """A fault of the program in the other process: what kind, and where. Never the file's contents, as it is logged."""


class Sandbox:
    """Processes that carry out calls: `at_once` of them together, each for at most `seconds` and `megabytes`.

    One waits for the next call. All end with this process.
    """

    def __init__(self, at_once: int = 2, seconds: float = 120.0, megabytes: float = 1500.0) -> None:
        self._seconds, self._megabytes = seconds, megabytes
        self._places = threading.Semaphore(at_once)
        self._large_place = threading.Semaphore(1)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def warm_up(self) -> None:
        """Start a process now, so that the first call need not wait for it."""
        self._idle.put(_Process())

    def run(self, function: Callable, *arguments: Any, size: int = 0, **named: Any) -> Progress:
        """`function(*arguments, progress=..., **named)`, carried out in another process.

        Yields the share of the work that is done several times a second, None while it waits for its turn, and returns
        what the function does. Closing the iterator ends the process at once. The function is found there by its module
        and name; what goes in and comes out is pickled. `size` is that of the file in bytes.

        Raises `UserError` as the function does, or where it exceeds a limit; `Failure` for any other exception.
        """
        large = size > LARGE
        with contextlib.ExitStack() as places:
            for place in (self._large_place, self._places) if large else (self._places,):
                while not place.acquire(timeout=_LOOK_EVERY):
                    yield None
                places.callback(place.release)
            process = self._take()
            keep = False
            try:
                result = yield from self._results(process, (function, arguments, named))
                keep = not large
                return result
            except UserError:
                keep = not large
                raise
            finally:
                self._leave(process, keep)

    def _results(self, process: _Process, call: tuple) -> Progress:
        process.send(call)
        deadline = time.monotonic() + self._seconds
        share = 0.0
        while True:
            yield share
            kind, value = process.receive(_LOOK_EVERY)
            if kind == "done":
                return value
            if kind == "refused":
                raise UserError(value)
            if kind == "failed":
                raise Failure(value)
            if kind == "progress":
                share = value
            if why := self._exceeded(process, kind, time.monotonic() > deadline):
                process.kill()
                raise UserError(f"{why} Bring a part of its rows.")

    def _exceeded(self, process: _Process, kind: str, late: bool) -> str:
        if process.megabytes > self._megabytes:
            return f"Reading this file takes more than {self._megabytes:,.0f} MB of memory, the limit here."
        if late:
            return f"Reading this file takes longer than {self._seconds:,.0f} seconds, the limit here."
        return "Reading this file ended unexpectedly." if kind == "gone" else ""

    def _take(self) -> _Process:
        with contextlib.suppress(queue.Empty):
            while True:
                if (process := self._idle.get_nowait()).alive:
                    return process
        return _Process()

    def _leave(self, process: _Process, keep: bool) -> None:
        """Let one process wait for the next call. What a large file took is given back only when its process ends."""
        if keep and process.alive and self._idle.empty():
            self._idle.put(process)
            return
        process.kill()
        if self._idle.empty():
            self.warm_up()


class Stopped(Exception):
    """Whoever asked did not want to wait any longer."""


def watch(
    steps: Progress, stopped: Callable[[], bool], every: float = 0.4
) -> Generator[tuple[float | None, float], None, Any]:
    """The result of `steps`; where that takes longer, yields (share done, seconds so far) once in `every` seconds.

    Raises `Stopped` soon after `stopped()` says so.
    """
    began = said = time.monotonic()
    with contextlib.closing(steps):
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                return end.value
            if stopped():
                raise Stopped
            if (now := time.monotonic()) - said > every:
                said = now
                yield share, now - began


class _Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtl.sandbox"],
            cwd=ROOT,
            # One thread: the processor belongs to those whose answers are waited for.
            env={**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **({} if os.name == "nt" else {"start_new_session": True}),
        )
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="sandbox", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def megabytes(self) -> float:
        """The memory that the process holds, asked of the system."""
        try:
            return psutil.Process(self._process.pid).memory_info().rss / 1e6
        except psutil.Error:
            return 0.0

    def send(self, call: tuple) -> None:
        with contextlib.suppress(OSError):  # it has ended: `receive` says so
            pickle.dump(call, self._process.stdin)
            self._process.stdin.flush()

    def receive(self, seconds: float) -> tuple[str, Any]:
        """The next (kind, value) that the process says; "nothing" after so many seconds, "gone" when it has ended."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return "nothing", None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError), self._process.stdout as answers:
            while True:
                self._answers.put(pickle.load(answers))
        self._answers.put(("gone", None))


# --- the other end ---


def main() -> None:
    """Carry out calls until standard input closes."""
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    for module in _IMPORTED_EARLY:
        __import__(module)

    def say(kind: str, value: Any) -> None:
        # Pickled as a whole first: what cannot be pickled must not leave half an answer behind.
        answers.write(pickle.dumps((kind, value)))
        answers.flush()

    while True:
        try:
            function, arguments, named = pickle.load(calls)
        except EOFError:
            return
        try:
            say("done", function(*arguments, progress=_Reporter(say), **named))
        except UserError as refused:
            say("refused", str(refused))
        except MemoryError:
            return  # too little is left to answer with
        except Exception as fault:
            say("failed", where(fault))


class _Reporter:
    def __init__(self, say: Callable[[str, Any], None]) -> None:
        self._say, self._next = say, 0.0

    def __call__(self, share: float) -> None:
        # The end is always told, however soon it follows what was told before.
        if (now := time.monotonic()) >= self._next or share >= 1:
            self._next = now + _LOOK_EVERY
            self._say("progress", share)


if __name__ == "__main__":
    main()
