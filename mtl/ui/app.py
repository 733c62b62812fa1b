"""The whole page: header, the box of sentences, the tabs, the endpoints for programs, and how it is
served."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mtl.ui.server.private import private_folder

# Before gradio is imported, as it reads them then: it would ask the network for its newest version, remember the last
# ten thousand events of everybody, and keep uploads and downloads where every user of this computer can read them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ.setdefault("GRADIO_TEMP_DIR", str(private_folder("mtl-playground")))
# The web server would let any program on this computer say which address it comes from; `mtl.ui.server.door` knows
# whom to believe.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")

import gradio as gr

from mtl import faults
from mtl.config import ASSETS, UserError
from mtl.training.runs.service import Runs
from mtl.ui import analysis, models, templates
from mtl.ui import words as text
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES
from mtl.ui.engine import Engine, model_name
from mtl.ui.examples import OPENING, SETS
from mtl.ui.models import Asked
from mtl.ui.page import ASKS_A_MODEL, Session, labelled
from mtl.ui.sentences import MAX_FILE_BYTES, PLAIN_TEXT, TABLES
from mtl.ui.server import cleanup, door
from mtl.ui.server.limits import Limits
from mtl.ui.server.presence import Heartbeats, Presence
from mtl.ui.server.turns import fair_queue
from mtl.ui.tabs import TABS
from mtl.ui.train.result import words as result
from mtl.ui.visitors import Registry, Visit
from mtl.ui.widgets import markup

# Of the fonts that come with Gradio, these are whole; its other weights lack most letters.
FONT = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
MONO = gr.themes.LocalFont("IBM Plex Mono", weights=(400,))
THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.blue,
    neutral_hue=gr.themes.colors.slate,
    font=[FONT, "system-ui", "sans-serif"],
    font_mono=[MONO, "monospace"],
    radius_size=gr.themes.sizes.radius_md,
)
# Bytes that each place for a file takes; beside each there is a hidden button that says so.
_LIMITS = {"#file": MAX_FILE_BYTES, "#data-file": MAX_FILE_BYTES, "#checkpoint": MAX_ZIP_BYTES}
HEAD = """<script>
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#sentences")) {
    event.preventDefault();
    document.querySelector("#analyze").click();
  }
});
// Gradio would answer a file over its limit with a bare "Error"; the page says what to do instead.
for (const kind of ["change", "drop"]) {
  document.addEventListener(kind, (event) => {
    for (const [place, limit] of Object.entries(LIMITS)) {
      const files = event.target.closest?.(place) && (event.dataTransfer ?? event.target).files;
      if (![...(files || [])].some((file) => file.size > limit)) continue;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (kind === "change") event.target.value = "";
      document.querySelector(place + "-too-big").click();
    }
  }, true);
}
</script>""".replace("LIMITS", json.dumps(_LIMITS))


# Whether a page was loaded again.
_AGAIN = "(token) => [token, performance.getEntriesByType('navigation')[0]?.type === 'reload']"


class Page(gr.Blocks):
    """The page as Gradio serves it: with this page's settings, whoever launches it, and with short errors."""

    def launch(self, *arguments: Any, **settings: Any) -> Any:
        faults.keep_texts_out_of_the_log()
        return super().launch(*arguments, **{**launch_settings(), **settings})

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """`gr.Blocks.process_api`, whose errors Gradio would print whole and answer with nothing or with all of it."""
        try:
            return await super().process_api(*arguments, **named)
        except gr.Error as problem:
            problem.message, problem.print_exception = faults.short(problem.message), False
            raise
        except Exception as problem:
            faults.log.error("A call failed: %s", faults.where(problem))
            raise gr.Error(text.MISFIT, print_exception=False) from None


def build(name: str | None = None) -> gr.Blocks:
    """The page around the model that `name` or the environment variable MTL_MODEL names. Loads nothing
    heavy."""
    engine = Engine(name or model_name())
    registry = Registry()
    limits = Limits.from_environment()
    line = {"most_in_line": limits.line, "longest": limits.run_hours * 3600, "least_free": limits.free_gb * 1e9}
    runs = Runs(os.environ.get("MTL_RUNS") or "runs", warm=True, **line)
    with Page(title=text.TITLE, analytics_enabled=False, fill_width=True, delete_cache=(900, 3600)) as demo:
        demo.engine, demo.runs, demo.registry, demo.presence = engine, runs, registry, Presence(registry)
        session = Session(engine, registry, runs)
        demo.sandbox = session.sandbox
        with gr.Row(elem_id="top"):
            header = gr.HTML(_header(text.CHIP_LOADING), apply_default_css=False, elem_id="header")
            reset = gr.Button(result.BACK, size="sm", visible=False, scale=0, elem_id="reset-model")
        with gr.Row(elem_id="frame"):
            with gr.Column(elem_id="left", scale=0, min_width=300):
                opening = _left_column(session)
            with gr.Column(elem_id="right", min_width=320), gr.Tabs():
                for tab in TABS:
                    with gr.Tab(tab.TITLE, id=tab.TITLE.lower()) as container:
                        tab.build(session)
                    # The sentences step aside where they are not what is looked at.
                    container.select(
                        None, js=f"() => document.querySelector('#frame').classList.toggle('wide', {_wide(tab)})"
                    )
        # After a long pause the server has forgotten a choice: the next analysis then shows what it was made with.
        telling = [demo.load, session.model.change, session.revision.change]
        session.wire(telling, partial(_model_in_use, session), [], [header, reset])
        session.wire([reset.click], partial(models.choose, session.next_revision, None), [], [session.model])
        # The width is the browser's to know; the views ask for it, so it comes before the first analysis.
        demo.load(None, None, session.narrow, js="() => window.innerWidth < 700", api_visibility="private").then(
            **opening
        )
        _recognise(demo, session)
        _endpoints(session)
    demo.queue()
    demo._queue = fair_queue(demo)
    return demo


def serve(demo: gr.Blocks) -> None:
    """`python app.py [--host --port --share]`: answer first, load the model behind it, and serve until
    stopped."""
    parser = argparse.ArgumentParser(description=text.TAGLINE)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 for every network)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio's servers")
    about = "a name by which browsers may ask for this page (*.example.org: all below it); may be given several times"
    parser.add_argument("--allow-host", metavar="NAME", dest="allow_hosts", action="append", default=[], help=about)
    options = parser.parse_args()
    try:
        settings = launch_settings(options.allow_hosts)
    except UserError as problem:
        parser.error(str(problem))
    demo.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        prevent_thread_lock=True,
        **settings,
    )
    demo.engine.start()

    # A run's waiting process imports for seconds: not while the first visitor waits for the model.
    def get_ready() -> None:
        demo.engine.wait()
        demo.sandbox.warm_up()
        demo.runs.open()

    threading.Thread(target=get_ready, name="get ready", daemon=True).start()
    end_cleanup = cleanup.begin(demo.runs, demo.registry.in_use)
    demo.block_thread()
    end_cleanup()
    demo.runs.close()


def launch_settings(allow_hosts: Iterable[str] = ()) -> dict[str, Any]:
    """What every way of serving this page has in common. Raises `UserError` where the environment cannot be
    understood."""
    return {
        "app_kwargs": door.settings(allow_hosts, behind=[Heartbeats]),
        # Gradio's helper processes would take uploads and give files past the door.
        "num_workers": 0,
        "theme": THEME,
        "css_paths": sorted(ASSETS.glob("*.css")),
        "head": HEAD,
        "footer_links": ["api"],
        # A checkpoint may be larger than a file of sentences; whoever takes a file asks for its own limit.
        "max_file_size": MAX_ZIP_BYTES,
        "run_history": False,
        "enable_monitoring": False,
        # Those that wait for their turn with the model hold a thread each, and compute nothing.
        "max_threads": 100,
        # Sessions that were not let go, as a program may ask under one name after another.
        "state_session_capacity": 1000,
        "show_error": False,
    }


# --- parts of the page ---


def _wide(tab: Any) -> str:
    return "true" if getattr(tab, "WIDE", False) else "false"


def _recognise(demo: gr.Blocks, session: Session) -> None:
    """Learn whose page it is: a browser keeps a secret of its own, which makes it the owner of its runs."""
    token = gr.BrowserState("", storage_key="mtl-owner", secret=_browser_secret(session.runs.root))

    again = gr.Checkbox(visible="hidden")

    def arrive(known: str, again: bool, request: gr.Request) -> tuple:
        owner = known if isinstance(known, str) and re.fullmatch(r"[0-9a-f]{32}", known) else secrets.token_hex(16)
        address = request.client.host if request.client else ""
        visit = session.registry.recognise(request.session_hash, owner, again, address)
        # The first analysis may have been made meanwhile, by the page's own model.
        model = session.next_revision() if visit.lesson.model else gr.skip()
        return owner, session.next_revision(), model

    places = [token, session.arrival, session.model]
    demo.load(arrive, [token, again], places, js=_AGAIN, show_progress="hidden", api_visibility="private")


def _browser_secret(root: Path) -> str:
    """What Gradio encrypts the browser's memory with: the same after a restart, and different on every server."""
    path = root / "browser.key"
    try:
        if not path.is_file():
            path.touch(mode=0o600)  # nobody else reads it, not even before it is written
            path.write_text(secrets.token_hex(16))
        return path.read_text()
    except OSError:  # where no runs can be kept, no browser needs to find any again
        return secrets.token_hex(16)


def _header(chip: str, about: str = text.CHIP_TITLE) -> str:
    return templates.render("header.html", chip=chip, about=about)


def _model_in_use(session: Session, visit: Visit) -> tuple[str, Any]:
    """The header with what the model in use is, waited for; and whether there is a way back to the page's own."""
    path = visit.lesson.model
    back = labelled(result.BACK, visible=path is not None)
    try:
        model = session.models.get(path)
    except UserError:
        return _header(text.CHIP_FAILED), back
    if path is None:
        name = models.own_name(session.engine.name)
        chip = text.chip(name, model.backbone.parameter_count, len(model.tasks), model.dtype)
        return _header(chip, f"{text.CHIP_TITLE} {model.slow_format}".strip()), back
    name, learnt = models.name_of(session.runs, visit.owner, path), models.learnt(path)
    chip = result.chip(name, learnt, len(model.tasks), model.dtype)
    return _header(chip, f"{result.CHIP_TITLE} {model.slow_format}".strip()), back


def _left_column(session: Session) -> dict[str, Any]:
    """The box and all that fills it. Returns the event that makes the opening analysis."""
    box = gr.Textbox(
        "\n".join(SETS[OPENING]),
        label=text.BOX_LABEL,
        placeholder=text.BOX_PLACEHOLDER,
        info=text.SHORTCUT,
        lines=12,
        max_lines=16,
        autoscroll=False,
        elem_id="sentences",
    )
    with gr.Row(elem_id="actions"):
        analyze = gr.Button(text.ANALYZE, variant="primary", elem_id="analyze", min_width=120)
        stop = gr.Button(text.STOP, variant="stop", elem_id="stop", visible=False, min_width=80, scale=0)
    status = gr.HTML(markup.status(text.WAITING, kind="busy"), apply_default_css=False, elem_id="status")
    gr.HTML(markup.label(text.EXAMPLES), apply_default_css=False)
    with gr.Row(elem_id="examples"):
        examples = {title: gr.Button(title, size="sm", min_width=60) for title in SETS}
    gr.HTML(markup.label(text.FILE), apply_default_css=False)
    file = gr.File(label=text.FILE, show_label=False, file_types=[*PLAIN_TEXT, *TABLES], height=84, elem_id="file")

    too_big = gr.Button(visible="hidden", elem_id="file-too-big")

    def on_box(lines: str, request: gr.Request) -> Iterator[tuple]:
        yield from analysis.of_box(session, lines, session.registry.visit(request.session_hash))

    def on_file(path: str, request: gr.Request) -> Iterator[tuple]:
        yield from analysis.of_file(session, path, session.registry.visit(request.session_hash))

    # Not Gradio's `cancels`: a click on Analyze while that winds up would end in a bare "Error".
    def on_stop(request: gr.Request) -> None:
        session.registry.visit(request.session_hash).stopping = True

    shared = {
        "show_progress": "hidden",
        "api_visibility": "private",
        **ASKS_A_MODEL,
        # What is asked for while an answer is under way must not be lost.
        "trigger_mode": "always_last",
    }
    results = [status, session.revision, stop]
    analyze.click(on_box, [box], results, **shared)
    # A file is read for a while before the model is needed: others' analyses do not wait for that.
    file.upload(on_file, [file], [box, file, *results], **{**shared, "concurrency_id": "box", "concurrency_limit": 10})
    for title, button in examples.items():
        lines = "\n".join(SETS[title])
        picked = button.click(lambda lines=lines: lines, None, box, show_progress="hidden", api_visibility="private")
        picked.then(on_box, [box], results, **shared)
    too_big.click(
        lambda: markup.status(text.file_too_big(MAX_FILE_BYTES), kind="bad"),
        None,
        status,
        show_progress="hidden",
        api_visibility="private",
    )
    # Another model in use: the same sentences at once, answered by it.
    session.model.change(on_box, [box], results, **shared)
    stop.click(on_stop, None, None, queue=False, show_progress="hidden", api_visibility="private")
    return {"fn": on_box, "inputs": [box], "outputs": results, **shared}


# --- for programs ---


def _endpoints(session: Session) -> None:
    """`/analyze` and `/embed` for gradio_client."""

    def model(request: gr.Request) -> Asked:
        return session.models.asked(None, request.session_hash or f"address {request.client.host}")

    def analyze(texts: list[str], request: gr.Request) -> list[dict]:
        return analysis.for_program(lambda: analysis.as_json(model(request), texts))

    def embed(texts: list[str], request: gr.Request, pooling: str = "") -> list[list[float]]:
        return analysis.for_program(lambda: analysis.vectors(model(request), texts, pooling))

    for function in (analyze, embed):
        gr.api(
            function,
            api_name=function.__name__,
            api_description=text.API[function.__name__],
            **ASKS_A_MODEL,
        )
