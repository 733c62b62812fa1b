"""Call a function on an untrusted file in a separate process, with limits on time and memory.

Reading a large or hostile file holds the interpreter's lock, and would block the page for everybody. A separate process
affects only the file's owner, and can be killed at any time.

`python -m mtl.sandbox` is the other end: it reads calls from standard input and answers on standard output.
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

from mtl.config import UserError
from mtl.faults import where
from mtl.places import HOME
from mtl.stopping import Stopped

# Larger files are read one at a time, so that small ones need not wait for them.
LARGE = 1_000_000
# Seconds between checks of the limits, and between reports of progress.
_LOOK_EVERY = 0.1
# Needed by nearly every call, and imported before the first one.
_IMPORTED_EARLY = ("mtl.data.matching", "mtl.data.table")

# Yields the share of the work that is done, 0 to 1, or None while it waits for its turn; returns the result.
Progress = Generator[float | None, None, Any]


class Failure(Exception):
    """A bug in the other process: its kind and place, without the file's contents, as it is logged."""


class Sandbox:
    """Processes that carry out calls, up to `at_once` at a time, each limited to `seconds` and `megabytes`.

    An idle one waits for the next call. All end with this process.
    """

    def __init__(self, at_once: int = 2, seconds: float = 120.0, megabytes: float = 1500.0) -> None:
        self._seconds, self._megabytes = seconds, megabytes
        self._places = threading.Semaphore(at_once)
        self._large_place = threading.Semaphore(1)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def warm_up(self) -> None:
        """Start a process in advance, so that the first call need not wait for it."""
        self._idle.put(_Process())

    def run(self, function: Callable, *arguments: Any, size: int = 0, **named: Any) -> Progress:
        """Call `function(*arguments, progress=..., **named)` in another process.

        Yields the share of the work that is done several times a second, None while it waits for its turn, and returns
        the function's result. Closing the iterator ends the process at once. The function is found by module and name;
        arguments and result are pickled. `size`: of the file, in bytes.

        Raises `UserError` from the function or when it exceeds a limit, and `Failure` for any other exception.
        """
        large = size > LARGE
        with contextlib.ExitStack() as places:
            for place in (self._large_place, self._places) if large else (self._places,):
                while not place.acquire(timeout=_LOOK_EVERY):
                    yield None
                places.callback(place.release)
            process = self._take()
            reusable = False
            try:
                result = yield from self._results(process, (function, arguments, named))
                reusable = not large  # a process gives the memory of a large file back only when it ends
                return result
            except UserError:
                reusable = not large
                raise
            finally:
                self._release(process, reusable)

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
            reason = "ended unexpectedly" if kind == "gone" else ""
            if time.monotonic() > deadline:
                reason = f"takes longer than {self._seconds:,.0f} seconds, the limit here"
            if process.megabytes > self._megabytes:
                reason = f"takes more than {self._megabytes:,.0f} MB of memory, the limit here"
            if reason:
                process.kill()
                raise UserError(f"Reading this file {reason}. Use a part of its rows.")

    def _take(self) -> _Process:
        with contextlib.suppress(queue.Empty):
            while True:
                if (process := self._idle.get_nowait()).alive:
                    return process
        return _Process()

    def _release(self, process: _Process, reusable: bool) -> None:
        """Let one process wait for the next call."""
        if reusable and process.alive and self._idle.empty():
            self._idle.put(process)
            return
        process.kill()
        if self._idle.empty():
            self.warm_up()


def watch(
    steps: Progress, stopped: Callable[[], bool], every: float = 0.4
) -> Generator[tuple[float | None, float], None, Any]:
    """The result of `steps`; until then yields (share done, seconds so far) every `every` seconds.

    Raises `Stopped` soon after `stopped()` is true.
    """
    began = reported = time.monotonic()
    with contextlib.closing(steps):
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                return end.value
            if stopped():
                raise Stopped
            if (now := time.monotonic()) - reported > every:
                reported = now
                yield share, now - began


class _Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtl.sandbox"],
            cwd=HOME,
            # One thread, so that answering visitors goes first.
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
        """The memory that the process uses."""
        try:
            return psutil.Process(self._process.pid).memory_info().rss / 1e6
        except psutil.Error:
            return 0.0

    def send(self, call: tuple) -> None:
        with contextlib.suppress(OSError):  # it has ended, which `receive` reports
            pickle.dump(call, self._process.stdin)
            self._process.stdin.flush()

    def receive(self, seconds: float) -> tuple[str, Any]:
        """The next (kind, value) from the process; "nothing" after so many seconds, "gone" when it has ended."""
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
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries must not print among the answers
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    for module in _IMPORTED_EARLY:
        __import__(module)

    def say(kind: str, value: Any) -> None:
        # Pickled first, so that a value that cannot be pickled does not leave half an answer.
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
            return  # too little is left for an answer
        except Exception as fault:
            say("failed", where(fault))


class _Reporter:
    def __init__(self, say: Callable[[str, Any], None]) -> None:
        self._say, self._next = say, 0.0

    def __call__(self, share: float) -> None:
        # The end is always reported.
        if (now := time.monotonic()) >= self._next or share >= 1:
            self._next = now + _LOOK_EVERY
            self._say("progress", share)


if __name__ == "__main__":
    main()
