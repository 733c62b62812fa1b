"""How long the rest of a run takes, by what its own steps and scores have taken so far."""

from __future__ import annotations

from dataclasses import dataclass

# The first steps of a process take longer than those that follow: they do not count.
SLOW_STEPS = 3
# Scoring a row only runs forward, which takes about this share of learning from it.
_FORWARD = 1 / 3


@dataclass
class Pace:
    """What has been measured: `steps` after the slow ones took `seconds`; an epoch's scores took `scoring`, None until
    there are some. None of it includes computing the outputs of frozen layers, which is done once for each row."""

    slow: int = SLOW_STEPS
    steps: int = 0
    seconds: float = 0.0
    scoring: float | None = None

    def step(self, seconds: float) -> None:
        """A step has taken so long."""
        if self.slow:
            self.slow -= 1
        else:
            self.steps += 1
            self.seconds += seconds

    def epoch(self, steps: int, held_out: float) -> float | None:
        """Seconds until the end of an epoch of which so many `steps` are left (see `left`)."""
        if not self.steps:
            return None
        return round(steps * self._step + self._scoring(held_out), 1)

    def left(self, steps: int, epochs: int, held_out: float, frozen: float, frozen_held_out: float) -> float | None:
        """Seconds until the end of a run, None until a step has counted.

        So many `steps` and scores of `epochs` are left, and the comparison with the model before. `held_out`: the rows
        that are scored, in batches of a step. `frozen`: the seconds until all outputs of frozen layers are computed;
        `frozen_held_out`: those that they take for the rows that are scored."""
        if not self.steps:
            return None
        scoring = self._scoring(held_out)
        all_steps = steps * self._step + epochs * scoring
        return round(all_steps + frozen + 2 * (scoring + frozen_held_out) * bool(held_out), 1)

    @property
    def _step(self) -> float:
        return self.seconds / self.steps

    def _scoring(self, held_out: float) -> float:
        return _FORWARD * self._step * held_out if self.scoring is None else self.scoring
