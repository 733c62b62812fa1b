"""What the server knows of a visitor's own labelling. The browser keeps it all (`assets/label.js`): a server that was
started again, or has forgotten it, is told anew."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl.labelling.measuring import Point
from mtl.labelling.project import Project
from mtl.labelling.queue import AS_GIVEN

if TYPE_CHECKING:
    from mtl.ui.models import SharedModel
    from mtl.ui.train.label.bringing import Brought

# The earliest figures are forgotten beyond so many.
_MOST_FIGURES = 500


@dataclass(frozen=True)
class Asked:
    """What the browser asks for.

    `draft`: its name for the project; `at`: how many actions the project had seen before `actions`; `base`: the project
    then, where the server said that it is lost. `once`: its name for this question, so that what is brought or offered
    comes once, however often the question does. `bring`: take texts from the "file" that was uploaded, or the "data" of
    step 1; `offer`: whose answers to offer. `order`: in which the texts come up. `whole`: it has none of the items;
    `save`: it wants all of the project to keep; `curve`: how good the head is by now; `file`: a file that ends so.
    """

    draft: str = ""
    at: int = 0
    actions: tuple[dict[str, Any], ...] = ()
    base: dict[str, Any] | None = None
    once: str = ""
    bring: str = ""
    offer: str = ""
    order: str = AS_GIVEN
    whole: bool = False
    save: bool = False
    curve: bool = False
    file: str = ""

    @classmethod
    def checked(cls, given: Any) -> Asked:
        """From JSON: what is unknown or of another type is left at its default."""
        given = given if isinstance(given, dict) else {}
        types = {name: type(value) for name, value in vars(cls()).items()} | {"actions": list, "base": dict}
        known = {name: value for name, value in given.items() if type(value) is types.get(name)}
        known["actions"] = tuple(action if isinstance(action, dict) else {} for action in known.get("actions", ()))
        return cls(**known)


@dataclass
class Vectors:
    """Vectors of texts, each of length 1, by the model with the identity `by`."""

    by: str = ""
    of: dict[str, np.ndarray] = field(default_factory=dict)

    def read(self, model: SharedModel, texts: Sequence[str], most: int) -> int:
        """Read at most so many of the texts that are not read yet; returns how many are left."""
        if self.by != model.identity:
            self.by, self.of = model.identity, {}
        unread = [text for text in dict.fromkeys(texts) if text not in self.of]
        if part := unread[:most]:
            self.of |= zip(part, model.encode(part), strict=True)
        return len(unread) - len(part)

    def stacked(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, dim), of texts that are read."""
        return np.stack([self.of[text] for text in texts])


@dataclass
class Labelling:
    """What is known of one visitor's texts; whoever changes it holds `lock`.

    `project` is that of the browser's `draft` after `taken` of its actions. `brought`: what was read of the visitor's
    last file, until it is taken. `answered`: a model's answers to texts for an offer that is under way, by whose they
    are. `figures`: what was measured, by what it rests on. `once`: the last question of `Asked.once`."""

    draft: str = ""
    taken: int = 0
    project: Project | None = None
    brought: Brought | None = None
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    vectors: Vectors = field(default_factory=Vectors)
    figures: dict[Hashable, Point | None] = field(default_factory=dict)
    once: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, draft: str, project: Project, taken: int) -> None:
        """Go on with what the browser has kept."""
        self.draft, self.project, self.taken = draft, project, taken
        self.answered, self.figures, self.once = {}, {}, ""

    def keep(self, key: Hashable, point: Point | None) -> Point | None:
        """Remember a figure."""
        if len(self.figures) >= _MOST_FIGURES:
            self.figures.pop(next(iter(self.figures)))
        self.figures[key] = point
        return point
