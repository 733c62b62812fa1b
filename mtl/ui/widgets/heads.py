"""The choice of a head in the tabs that show what one head answers."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from mtl.ui.visitors import Work
from mtl.ui.widgets import markup


def chooser() -> gr.Dropdown:
    return gr.Dropdown([], label="Head", filterable=False, min_width=130, visible=False)


def choose(work: Work, tab: str, wanted: str | None) -> tuple[str | None, Markup, dict[str, Any]]:
    """The head to show (see `Work.head`), a note where it is not the one that the tab is called after, and what changes
    about the chooser."""
    head, heads = work.head(tab, wanted), work.heads(tab)
    if head is None:
        others = ", ".join(work.model.tasks) or "none"
        missing = f"The model in use has no {tab} head, so there is nothing to show here. Its heads: {others}."
        return None, markup.note(missing), gr.update(visible=False)
    other = "" if tab in heads else f"The model in use has no {tab} head; this is its head {head}."
    return head, markup.note(other), gr.update(choices=heads, value=head, visible=len(heads) > 1)
