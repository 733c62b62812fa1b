"""Runs on ZeroGPU, where a Space has a graphics card only within a decorated function, and only for some seconds.

A call of that function has a process of its own, forked from this one, and is killed when its time is over; what it
changes in memory is lost. So it trains from one whole epoch, as the run's folder has it, to a later one, and is called
again until the run is over. Everything else here leaves the card alone: the page answers with the processor.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import logging
import os
import threading
import time
from pathlib import Path

from mtl.text.values import cut
from mtl.training.runs import folder as folders
from mtl.training.runs import worker

_log = logging.getLogger(__name__)
# As the package `spaces` reads it.
HERE = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
# The seconds of a turn. All of them have to be left of a visitor's quota, and the fewer, the sooner it is let in.
SHORTEST, LONGEST = 20.0, 60.0
# What an epoch that takes longer may have.
MOST = 120.0
# Seconds of a turn that are no training: a process, the card and the model, and what is written in the end.
BEGINNING, SPARE = 10.0, 3.0
# What `spaces` says of a call that was killed.
_KILLED = "GPU task aborted"
# Advice that it adds where it knows no visitor, about a thing that this page does not have.
_OF_EXAMPLES = "Try re-running outside of examples"


def _train(folder: str, seconds: float) -> bool:
    """Train the run in `folder` for at most so many seconds, up to the end of an epoch; whether the run is over.

    Why it failed is the run's own last event."""
    ends = time.monotonic() + seconds - SPARE
    # The process is a copy of the server's, without the threads of the libraries that compute in several.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.pop("MTL_DEVICE", None)
    import torch

    torch.set_num_threads(1)
    return worker.turn(Path(folder), lambda epoch: time.monotonic() + epoch > ends)


if HERE:
    # The server's models stay on the processor, whatever `spaces` lets PyTorch say of a card.
    os.environ.setdefault("MTL_DEVICE", "cpu")
    # ZeroGPU starts no Space in which nothing is decorated by the time that it is served.
    _train = importlib.import_module("spaces").GPU(duration=lambda folder, seconds: seconds)(_train)


class Turns:
    """Carries out a run, turn by turn, in a thread of the server; used as a `Worker` is.

    `context` is that of the call that started the run: the request in it says whose quota the turns count towards.
    """

    def __init__(self, context: contextvars.Context) -> None:
        self._context = context
        self._thread: threading.Thread | None = None

    def give(self, folder: Path) -> None:
        folders.write_process(folder, os.getpid())
        self._thread = threading.Thread(target=self._carry_out, args=(folder,), name=folder.name, daemon=True)
        self._thread.start()

    def wait(self) -> int:
        self._thread.join()
        return 0

    def _carry_out(self, folder: Path) -> None:
        over = threading.Event()
        threading.Thread(target=_beat, args=(folder, over), daemon=True).start()
        try:
            self._context.run(_take_turns, folder)
        except Exception:
            _log.exception("A run on ZeroGPU failed")
            folders.fail(folder, "Training ended with a fault in the program.", "Resume the run, or start it again.")
        finally:
            over.set()


def _take_turns(folder: Path) -> None:
    seconds = turn(folders.read(folder).ticket.estimate)
    while True:
        if folders.stop_requested(folder):  # saving what there is takes no card
            stopping = worker.Worker(1)
            stopping.give(folder)
            stopping.dismiss()
            stopping.wait()
            return
        before = folders.epochs(folder)
        try:
            if _train(str(folder), seconds):
                return
        except Exception as error:  # `spaces` raises errors of Gradio, for the page
            said = str(getattr(error, "message", "") or error)
            if said != _KILLED:
                _log.warning("ZeroGPU let no run begin: %s: %s", type(error).__name__, said)
                why = cut(" ".join(said.partition(_OF_EXAMPLES)[0].split()), 200).rstrip(".")
                folders.fail(folder, f"ZeroGPU gave this run no time: {why}.", "Resume it later.")
                return
        if folders.epochs(folder) > before:
            seconds = turn(folders.last_event(folder, 0).get("eta"))
        elif seconds < MOST:
            seconds = MOST
        else:
            message = f"An epoch of this run takes longer than the {MOST:.0f} seconds that ZeroGPU gives it at a time."
            folders.fail(folder, message, "Use fewer rows, or freeze more layers.")
            return


def turn(left: float | None) -> float:
    """The seconds to ask for where a run needs so many more, if that is known."""
    return LONGEST if left is None else min(LONGEST, max(SHORTEST, BEGINNING + SPARE + 1.5 * left))


def _beat(folder: Path, over: threading.Event) -> None:
    """Touch the heartbeat: a turn may be waited for longer than a run may be silent."""
    while not over.wait(folders.HEARTBEAT_EVERY):
        with contextlib.suppress(OSError):
            (folder / "heartbeat").touch()
