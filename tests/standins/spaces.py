"""A stand-in for the package `spaces` of ZeroGPU, which keeps its rules: a decorated call has a process of its own,
forked from this one, is killed after its duration, and needs as much of the quota to be left; outside of one a card is
there only in name, and touching it is an error.

`KILLED_WHEN`: asked all the time during a call, which is killed when it says so. `calls`: the durations of all calls so
far; `callers`: whose `request` each was made with.
"""

import contextvars
import multiprocessing
import time

import torch

fork = multiprocessing.get_context("fork")
quota = 3600.0
calls: list[float] = []
callers: list[object] = []
decorated: list[object] = []
request = contextvars.ContextVar("request", default=None)
KILLED_WHEN = lambda: False  # noqa: E731
really = torch.cuda.is_available


class Error(Exception):
    """As Gradio's, which says more than its message when it is printed."""

    def __init__(self, title: str, message: str) -> None:
        self.title, self.message = title, message

    def __str__(self) -> str:
        return repr(self.message)


def GPU(task=None, *, duration=60):
    if task is None:
        return lambda task: GPU(task, duration=duration)

    decorated.append(task)

    def call(*arguments):
        global quota
        seconds = duration(*arguments) if callable(duration) else duration
        if seconds > quota:
            wanted = f"({seconds:.0f}s requested vs. {quota:.0f}s left)"
            message = f"You have exceeded your ZeroGPU quota {wanted}. Try again in 23:10:00. "
            raise Error("ZeroGPU quota exceeded", message)
        calls.append(seconds)
        callers.append(request.get())
        quota -= seconds
        answers = fork.SimpleQueue()

        def alone():
            torch.cuda.is_available = really
            answers.put(task(*arguments))

        process, until = fork.Process(target=alone, daemon=True), time.monotonic() + seconds
        process.start()
        while process.is_alive():
            if time.monotonic() > until or KILLED_WHEN():
                process.kill()
            process.join(0.005)
        if answers.empty():
            raise Error("ZeroGPU worker error", "GPU task aborted")
        return answers.get()

    return call


def _touched(*_):
    raise RuntimeError("CUDA was touched outside of a decorated function.")


torch.cuda.is_available = lambda: True
torch._C._cuda_init = _touched
