"""A visitor's runs as they stand, side by side: what was set, how far each is, what came of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtl.config import TrainConfig, UserError
from mtl.files import json_or_nothing
from mtl.groups import Groups
from mtl.training import presets
from mtl.training.runs.service import Following, Run, Runs
from mtl.ui.train.run.story import Epoch, Stories, Story

# Runs that are over are kept read, so that a look at a table costs no file: about 20 kB each.
_KEPT = 600


@dataclass(frozen=True)
class Entry:
    """One run at one moment. `number`: what the page counts it as, from 1; `config`: None where it cannot be told;
    `story` is this entry's own. `place`, `message` and `stopping` are those of `Following`."""

    run: Run
    number: int
    file: str
    start_from: str | None
    config: TrainConfig | None
    story: Story
    place: int | None = None
    message: str = ""
    stopping: bool = False

    @property
    def share(self) -> float:
        """How much of its steps is done, 0 to 1."""
        return self.story.step / self.story.steps if self.story.steps and not self.story.waits else 0.0

    @property
    def kept(self) -> Epoch | None:
        """The epoch whose weights the run left, or has reached."""
        past, best = self.story.past, self.story.best
        if self.config is not None and self.config.keep_best and best is not None:
            return next((epoch for epoch in past if epoch.number == best), None)
        return past[-1] if past else None

    @property
    def scores(self) -> Mapping[str, float]:
        return self.kept.scores if self.kept else {}

    @property
    def cosine(self) -> float | None:
        return self.story.forgetting.get("cosine")

    @property
    def lost(self) -> dict[str, tuple[str, float]]:
        """(metric, change) of each task that the run did not train."""
        tasks = self.story.forgetting.get("tasks") or {}
        told = {name: t for name, t in tasks.items() if {"metric", "before", "after", "trained"} <= t.keys()}
        return {name: (t["metric"], t["after"] - t["before"]) for name, t in told.items() if not t["trained"]}

    def preset(self, expected: Groups | None) -> str | None:
        """The name of the preset that its settings are, if they are one. `expected`: the groups that it will have, as
        far as is known, while it waits."""
        groups = Groups(self.story.sizes) if self.story.sizes else expected
        if self.config is None or groups is None or not groups.tasks:
            return None
        return presets.which(groups, self.config)


class Ledger:
    """`entries(owner)` gives the owner's runs, oldest first. Thread safe."""

    def __init__(self, runs: Runs) -> None:
        self._runs, self._stories = runs, Stories(runs)
        self._over: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def entries(self, owner: str) -> list[Entry]:
        if not owner:
            return []
        found = [self._entry(run, number, owner) for number, run in enumerate(self._runs.find(owner), 1)]
        return [entry for entry in found if entry is not None]

    def _entry(self, run: Run, number: int, owner: str) -> Entry | None:
        with self._lock:
            known = self._over.get(run.id)
            # A run that was resumed and has ended again is another one.
            if known is not None and known.run == run:
                self._over.move_to_end(run.id)
                return replace(known, number=number)
        try:
            with self._stories.look(run.id, owner) as (following, story):
                entry = _entry(following, number, story)
        except UserError:  # deleted a moment ago
            return None
        if not entry.run.unfinished:
            with self._lock:
                self._over[run.id] = entry
                while len(self._over) > _KEPT:
                    self._over.popitem(last=False)
        return entry


def _entry(following: Following, number: int, story: Story) -> Entry:
    run = following.run
    told = _told(run)
    file, start_from, train = told.get("file"), told.get("start_from"), told.get("train")
    config = story.config
    if config is None and isinstance(train, dict):
        try:
            config = TrainConfig.from_json(train)
        except UserError:
            config = None
    return Entry(
        run,
        number,
        Path(file).name if isinstance(file, str) else "",
        start_from if isinstance(start_from, str) else None,
        config,
        _copy(story),
        following.place,
        following.message,
        following.stopping,
    )


def _copy(story: Story) -> Story:
    """The story as it is now: the one that is followed goes on."""
    losses = {name: list(points) for name, points in story.losses.items()}
    return replace(story, losses=losses, past=list(story.past), moved=dict(story.moved))


def _told(run: Run) -> dict[str, Any]:
    """What the run was told to do; {} where that cannot be read."""
    return json_or_nothing(run.folder / "config.json")
