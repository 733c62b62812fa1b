"""Step of the Train tab: live."""

from __future__ import annotations

from mtl.ui.session import Session


def build(session: Session) -> None:
    pass
