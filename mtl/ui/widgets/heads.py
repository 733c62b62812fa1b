"""The choice of a head in the tabs that show what one head answers."""

from __future__ import annotations

from markupsafe import Markup

from mtl.ui import templates
from mtl.ui.visitors import Work
from mtl.ui.widgets import markup

_PARTS = templates.macros("parts.html")


def choose(work: Work, tab: str, wanted: str, key: str) -> tuple[str | None, Markup]:
    """The head to show (see `Work.head`), and what stands above it: a choice, which the browser sends as `key`, where
    there are several, and a note where it is not the one that the tab is called after."""
    head, heads = work.head(tab, wanted), work.heads(tab)
    if head is None:
        others = ", ".join(work.model.tasks) or "none"
        missing = f"The model in use has no {tab} head, so there is nothing to show here. Its heads: {others}."
        return None, markup.note(missing)
    other = "" if tab in heads else f"The model in use has no {tab} head; this is its head {head}."
    choice = _PARTS.choice(key, "Head", [(name, name) for name in heads], head) if len(heads) > 1 else Markup()
    return head, choice + markup.note(other)
