"""How the tabs learn of news, and how plain functions become handlers of the page.

The page itself carries only counters, which move when there is something new to show.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.routes import fastapi

from mtl.config import UserError
from mtl.faults import short, where
from mtl.sandbox import Failure, Sandbox
from mtl.sheets import Csv, apostrophes
from mtl.training.runs.service import Runs
from mtl.ui.engine import Engine
from mtl.ui.models import Models
from mtl.ui.server.hosts import on_a_space
from mtl.ui.server.limits import Limits
from mtl.ui.visitors import Registry, Visit, Work
from mtl.ui.widgets import markup
from mtl.ui.words import EXPIRED

log = logging.getLogger("mtl.ui")
# Events that ask for the same thing again when they come twice.
_REPEATS = ("click", "tick")
# An error may quote what a visitor wrote; of more characters it is cut.
_LONGEST = 600
# Options of events that ask a model. Many may run at a time, as they take turns after every batch.
ASKS_A_MODEL = {"concurrency_id": "model", "concurrency_limit": 40}
# Options of every event. Gradio shows the progress of an event at its outputs; even where that is hidden, the browser
# tells each component that any event ever changed about each event's state, and copies its value every time.
QUIET = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
UNEXPECTED = (
    "Something went wrong on the server, and its log says what. Nothing of yours is lost: change the "
    "sentences or try again."
)
# In a handler's result: the component of this field stays as it is.
UNCHANGED = object()


class Session:
    """What a tab's `build` is given: the places it may listen to, and ways to wire plain functions to them.

    `engine` has the page's own model, `models` those that visitors trained; `registry` knows the visitors, `limits` how
    much each may take. `sandbox` reads their files. `views` draws what tabs show of an analysis (see `view`);
    `news` is how the browser, which asks for analyses by itself, and the events of the page tell each other of them:
    its `input` event follows a new analysis. `form` holds what the form of the Train tab says, as JSON, where an
    event collects it by `js="mtl.collect"`. The revisions are counters that move, by `next_revision()`, when
    something of a session has changed: `arrival` who it is (once, when the page has loaded), `link` what its address
    asks of the Train tab, `data` what it will train on, `settings` how, `run` which run it looks at or that this run is
    over, `model` which model it uses."""

    def __init__(self, engine: Engine, registry: Registry, runs: Runs, limits: Limits) -> None:
        self.engine = engine
        self.limits = limits
        self.registry = registry
        self.runs = runs
        self.models = Models(engine)
        self.sandbox = Sandbox()
        self.news: gr.HTML
        # Calls that wait for a model hold a thread each, and compute nothing.
        self.waiting = ThreadPoolExecutor(200, "answers")
        self.views: dict[str, Callable[..., str]] = {}
        self.arrival, self.link, self.data, self.settings, self.run, self.model = (gr.State(0) for _ in range(6))
        self.form = gr.Textbox(visible=False)
        self._revisions = itertools.count(1)
        # Which runs are lost with the disk, which a Space has until it restarts: "all", or those that are under way.
        self.loses = "" if not on_a_space() else "unfinished" if runs.bucket and runs.bucket.mounted else "all"

    def next_revision(self) -> int:
        return next(self._revisions)

    def view(self, name: str, draw: Callable[[Work], str]) -> gr.HTML:
        """A place, whose id is `name`, that shows the HTML which `draw(work)` gives for the visitor's analysis.

        It is drawn whenever that has changed while the place is in sight, and when it comes in sight."""
        self.views[name] = draw
        return html(elem_id=name, js_on_load=f"mtl.answers.view(element, '{name}')")

    def function(self, name: str, respond: Callable[[str | None, Any], bytes]) -> Any:
        """A function that the browser calls as `server.NAME(given)`; `respond(session, given)` makes the JSON of it.

        It waits in no queue of Gradio's: the door counts its calls, and the model is used in turns."""

        async def call(given: Any, request: gr.Request) -> fastapi.Response:
            visitor = (await request.json()).get("session_hash")
            found = await asyncio.get_running_loop().run_in_executor(self.waiting, partial(respond, visitor, given))
            return fastapi.Response(found, media_type="application/json")

        call.__name__ = name
        return call

    def wire(
        self,
        triggers: Sequence[Any],
        view: Callable,
        inputs: Sequence[Any],
        outputs: Sequence[Any] | Mapping[str, Any],
        **options: Any,
    ) -> Any:
        """Call `view(visit, *inputs)` for `outputs` on `triggers`, with what is known of the session (`Visit`).

        Where `outputs` are components by name, `view` gives a dataclass with a field for each of them (see `by_name`).
        An iterator may give several versions. Problems become a warning in plain words. `options` are those of `gr.on`.
        Returns the event, for what should come after it.

        While an answer is under way, another click or tick is dropped; of anything else the last one is answered, too.
        """
        # Left alone, Gradio goes by the first of several triggers, and drops all that is neither `change` nor `key_up`.
        repeats = all(trigger.event_name in _REPEATS for trigger in triggers)

        unchanged = gr.skip() if len(outputs) == 1 else tuple(gr.skip() for _ in outputs)

        def handler(request: gr.Request, *values):
            given = False
            try:
                result = view(self.registry.visit(request.session_hash), *values)
                for version in result if isinstance(result, Iterator) else [result]:
                    given = True
                    yield by_name(version, outputs) if dataclasses.is_dataclass(version) else version
            except Exception as problem:
                gr.Warning(in_plain_words(problem))
                given = False
            # Gradio would empty the outputs of an iterator that gives nothing.
            if not given:
                yield unchanged

        return gr.on(
            list(triggers),
            handler,
            inputs=list(inputs),
            outputs=list(outputs.values() if isinstance(outputs, Mapping) else outputs),
            **QUIET,
            **{"trigger_mode": "once" if repeats else "always_last", **options},
        )

    def download(self, label: str, name: str, make: Callable[[Work], bytes]) -> None:
        """A button that saves `make(work)` as a file called `name`."""

        def write(visit: Visit, folder: Path) -> Path:
            if visit.work is None:
                raise UserError(EXPIRED)
            return written(folder / name, make(visit.work))

        self.save(label, write)

    def save(self, label: str, write: Callable[..., Path], inputs: Sequence[Any] = (), **options: Any) -> gr.Button:
        """A button that saves the file which `write(visit, folder, *inputs)` makes in `folder` and returns.

        `options` are those of `gr.Button`."""
        looks = {"size": "sm", "elem_classes": "download", "scale": 0, "min_width": 120, **options}
        button = gr.Button(label, **looks)
        file = gr.File(visible="hidden")

        def handler(request: gr.Request, *values):
            try:
                with tempfile.TemporaryDirectory() as folder:
                    path = write(self.registry.visit(request.session_hash), Path(folder), *values)
                    # Gradio takes its copy before it asks for more; `delete_cache` removes that one later.
                    yield str(path)
            except Exception as problem:
                # An error, unlike a warning, also keeps what follows from saving the file of the time before.
                raise gr.Error(in_plain_words(problem), print_exception=False) from None

        saved = button.click(handler, inputs=list(inputs), outputs=[file], **QUIET)
        saved.success(None, inputs=[file], js="mtl.download", **QUIET)
        return button


def written(path: Path, content: bytes) -> Path:
    """The file at `path` with this content; the visitor is told of texts that are changed in a CSV."""
    path.write_bytes(content)
    if isinstance(content, Csv) and (said := apostrophes(content.changed)):
        gr.Info(said)
    return path


def use_model(session: Session, visit: Visit, path: Path | None = None) -> int:
    """Let a visitor's tabs use a checkpoint, or (None) the page's own model; returns the revision of the model."""
    visit.train.model, visit.train.used_before = path, None
    return session.next_revision()


def html(value: str = "", **options: Any) -> gr.HTML:
    """HTML that has the page's own styles alone. `options` are those of `gr.HTML`."""
    return gr.HTML(value, apply_default_css=False, **options)


@contextlib.contextmanager
def unfolding(summary: str, elem_id: str | None = None, **options: Any) -> Iterator[None]:
    """Around components that unfold below `summary`, as HTML does in `markup.details`, of which `options` are."""
    with gr.Column(elem_classes="unfolding", elem_id=elem_id):
        html(markup.details(summary, **options), js_on_load="mtl.fold(element, watch)")
        yield


def labelled(label: str, **changes: Any) -> gr.Button:
    """What changes about a button, always with its label: without it Gradio shows a button of a tab that is not open
    yet without a label, or not at all."""
    return gr.Button(label, **changes)


def by_name(result: Any, outputs: Mapping[str, Any]) -> tuple:
    """A value for each of `outputs` from the field of the dataclass `result` that has its name.

    Raises `TypeError` where a field holds something for a component that is not among them."""
    lost = {field.name for field in dataclasses.fields(result) if getattr(result, field.name) is not UNCHANGED}
    if lost := lost - outputs.keys():
        raise TypeError(f"There is no component for {', '.join(sorted(lost))}.")
    values = (getattr(result, name) for name in outputs)
    return tuple(gr.skip() if value is UNCHANGED else value for value in values)


def in_plain_words(problem: Exception) -> str:
    """What to tell a visitor; where anything unforeseen went wrong stands in the server's log, never on the page."""
    if isinstance(problem, UserError):
        return short(str(problem), _LONGEST)
    log.error("A handler of the page failed: %s", problem if isinstance(problem, Failure) else where(problem))
    return UNEXPECTED
