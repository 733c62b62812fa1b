"""The Train tab: four steps on one screen, each usable at once."""

from __future__ import annotations

from mtl.ui import text
from mtl.ui.session import Session
from mtl.ui.train import controls, data, live, result

TITLE = text.TRAIN
WIDE = True


def build(session: Session) -> None:
    for step in (data, controls, live, result):
        step.build(session)
