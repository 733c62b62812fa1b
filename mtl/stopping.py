"""How long work is ended early: whoever waits for it says when, and every long loop asks.

    with stop.working():
        ...             # raises `Stopped` at the next `ask()`, however deep inside, once `stop` says so

A loop that may take seconds calls `ask()` in each round. Outside of such a block that does nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

# Seconds that a run may take to measure what it has learnt once it was asked to end.
GRACE = 2.0

_asked: ContextVar[Callable[[], bool]] = ContextVar("asked", default=lambda: False)


class Stopped(Exception):
    """The work was ended before it was complete, because somebody asked for that."""


def ask() -> None:
    """Raise `Stopped` if nobody waits for the work any longer."""
    if _asked.get()():
        raise Stopped


@dataclass
class Stop:
    """Whether a run shall end: `stop()` is true from the moment that `asked()` is.

    `at_once()`: it shall keep its last whole epoch, and measure nothing more. `grace`: see `GRACE`. `unmeasured`:
    what was left out for lack of time.
    """

    asked: Callable[[], bool] = lambda: False
    at_once: Callable[[], bool] = lambda: False
    grace: float = GRACE
    unmeasured: list[str] = field(default_factory=list, init=False)
    _since: float | None = field(default=None, init=False)

    def __call__(self) -> bool:
        if self._since is None and (self.asked() or self.at_once()):
            self._since = time.monotonic()
        return self._since is not None

    @property
    def over(self) -> bool:
        """Whether there is no time left to measure anything."""
        return self() and (self.at_once() or time.monotonic() - self._since >= self.grace)

    def working(self) -> contextlib.AbstractContextManager[None]:
        """Around work that only a run that goes on has a use for: it ends as soon as the run shall end."""
        return _interruptible(self)

    @contextlib.contextmanager
    def measuring(self, what: str) -> Iterator[None]:
        """Around work that a run which ends still has a use for: it is left out, as `unmeasured`, when the grace is
        over."""
        try:
            with _interruptible(lambda: self.over):
                yield
        except Stopped:
            self.unmeasured.append(what)


@contextlib.contextmanager
def _interruptible(asked: Callable[[], bool]) -> Iterator[None]:
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)
