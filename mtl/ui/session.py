"""How the tabs hear of a new analysis, and how plain functions become handlers of the page.

The page itself carries only a counter that moves when there is something new to show.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from mtl.config import UserError
from mtl.ui import text
from mtl.ui.engine import Engine
from mtl.ui.visits import Registry, Work

log = logging.getLogger("mtl.ui")


class Session:
    """What a tab's `build` is given: the places it may listen to, and ways to wire plain functions to them.

    `revision` changes whenever a session has a new analysis. `narrow` is true on a phone. `stopping` holds
    the sessions whose visitor pressed Stop."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self.engine = engine
        self.registry = registry
        self.revision = gr.State(0)
        self.narrow = gr.Checkbox(visible="hidden", elem_id="narrow")
        self.stopping: set[str] = set()
        self._revisions = itertools.count(1)

    def next_revision(self) -> int:
        return next(self._revisions)

    def show(self, view: Callable, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Call `view(work, *inputs)` for `outputs` when there is a new analysis and when the visitor changes
        one of `inputs`. A generator may give several versions, better and better."""
        triggers = [self.revision.change, *(i.input for i in inputs if i is not self.narrow)]
        self.on(triggers, view, inputs, outputs)

    def on(
        self,
        triggers: Sequence[Any],
        view: Callable,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        needs_work: bool = True,
    ) -> None:
        """Call `view(work, *inputs)` for `outputs` on `triggers`. Without an analysis nothing is called; the
        visitor is told so if `needs_work`."""
        gr.on(
            list(triggers),
            self._with_work(view, len(outputs), needs_work),
            inputs=list(inputs),
            outputs=list(outputs),
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )

    def download(self, label: str, name: str, make: Callable[..., bytes], inputs: Sequence[Any] = ()) -> None:
        """A button that saves `make(work, *inputs)` as a file called `name`."""
        button = gr.Button(label, size="sm", elem_classes="download", scale=0, min_width=120)
        file = gr.File(visible="hidden")

        def write(work: Work, *values):
            content = make(work, *values)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(content)
                # Gradio takes its copy before it asks for more; `delete_cache` removes that one later.
                yield str(path)

        def handler(request: gr.Request, *values):
            try:
                work = self.registry.work(request.session_hash)
                if work is None:
                    raise UserError(text.EXPIRED)
                yield from write(work, *values)
            except Exception as problem:
                # An error, unlike a warning, also keeps what follows from saving the file of the time before.
                raise gr.Error(in_plain_words(problem), print_exception=False) from None

        button.click(
            handler, inputs=list(inputs), outputs=[file], show_progress="hidden", api_visibility="private"
        ).success(
            None,
            inputs=[file],
            js="(file) => { const link = document.createElement('a');"
            " link.href = file.url; link.download = file.orig_name; link.click(); }",
            api_visibility="private",
        )

    def _with_work(self, view: Callable, outputs: int, needs_work: bool) -> Callable:
        """`view` as a Gradio handler: the session's own analysis goes in, and problems come out as plain
        words."""

        def handler(request: gr.Request, *values):
            work = self.registry.work(request.session_hash)
            nothing = gr.skip() if outputs == 1 else tuple(gr.skip() for _ in range(outputs))
            if work is None:
                if needs_work:
                    gr.Warning(text.EXPIRED)
                yield nothing
                return
            try:
                result = view(work, *values)
                if inspect.isgenerator(result):
                    yield from result
                else:
                    yield result
            except Exception as problem:
                gr.Warning(in_plain_words(problem))
                yield nothing

        return handler


def in_plain_words(problem: Exception) -> str:
    """What to tell a visitor; the traceback of anything unforeseen goes to the server's log, never to the
    page."""
    if isinstance(problem, UserError):
        return str(problem)
    log.error("A handler of the page failed", exc_info=problem)
    return text.UNEXPECTED
