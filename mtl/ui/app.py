"""The whole page: header, the box of sentences, the tabs, the endpoints for programs, and how it is served."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mtl.ui.server.private import private_folder

# Before gradio is imported, as it reads them then: it would ask the network for its newest version, remember the last
# ten thousand events of everybody, and keep uploads and downloads where every user of this computer can read them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ.setdefault("GRADIO_TEMP_DIR", str(private_folder("mtl-playground")))
# The web server would let any program on this computer say which address it comes from; `mtl.ui.server.hosts` knows
# whom to believe.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")

import gradio as gr
from markupsafe import Markup

from mtl import faults
from mtl.places import ASSETS
from mtl.training.runs.nodes import Nodes
from mtl.training.runs.service import Runs
from mtl.ui import box, card, header, templates
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES
from mtl.ui.embeddings import tab as embeddings
from mtl.ui.engine import Engine
from mtl.ui.page import QUIET, Session, html
from mtl.ui.programs import endpoints, routes, tools
from mtl.ui.programs.service import Programs
from mtl.ui.server import cleanup, door, sign_in, static
from mtl.ui.server.hosts import Hosts, is_on
from mtl.ui.server.limits import Limits
from mtl.ui.server.open_pages import OpenPages
from mtl.ui.server.turns import fair_queue
from mtl.ui.tabs import TABS
from mtl.ui.visitors import Registry
from mtl.ui.words import TITLE

# Of the fonts that come with Gradio, these are whole; its other weights lack most letters.
FONT = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
MONO = gr.themes.LocalFont("IBM Plex Mono", weights=(400,))
THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.blue,
    neutral_hue=gr.themes.colors.slate,
    font=[FONT, "system-ui", "sans-serif"],
    font_mono=[MONO, "monospace"],
    radius_size=gr.themes.sizes.radius_md,
    # The page's only sizes of type (the style sheets name them var(--text-sm) and so on): what is secondary, what is
    # read, and two for headings.
    text_size=gr.themes.Size("14px", "14px", "14px", "16px", "18px", "22px", "22px", name="text_page"),
).set(button_large_text_size="*text_md")
# What a browser keeps to be known by.
_TOKEN = re.compile("[0-9a-f]{32}")
# In the order in which they need each other.
_SCRIPTS = (
    "page.js",
    "answers.js",
    "plots.js",
    "grid.js",
    "map.js",
    "chosen.js",
    "controls.js",
    "take-away.js",
    "programs.js",
    "card.js",
    "thresholds.js",
    "label.js",
)


class Page(gr.Blocks):
    """The page as Gradio serves it: with this page's settings, whoever launches it, and with short errors."""

    limits: Limits | None = None

    @property
    def expects_oauth(self) -> bool:
        return sign_in.is_asked()

    def launch(self, *arguments: Any, hosts: Hosts | None = None, **settings: Any) -> Any:
        faults.keep_texts_out_of_the_log()
        limits = self.limits or Limits.from_environment()
        return super().launch(*arguments, **{**launch_settings(hosts or Hosts(), limits), **settings})

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """`gr.Blocks.process_api`, whose errors Gradio would print whole and answer with nothing or with all of it."""
        try:
            return await super().process_api(*arguments, **named)
        except gr.Error as problem:
            problem.message, problem.print_exception = faults.short(problem.message), False
            raise
        except Exception as problem:
            faults.log.error("A call failed: %s", faults.where(problem))
            message = "The server could not answer this: what was sent may not be what it expects."
            raise gr.Error(message, print_exception=False) from None


def build(name: str | None = None, ray: bool = False) -> gr.Blocks:
    """The page around the model folder or Hub id that `name` or the environment variable MTL_MODEL names, or else the
    bundled model. With `ray`, runs go to the nodes of a cluster. Loads nothing heavy.

    Raises `UserError` where a setting in the environment is wrong."""
    engine = Engine(name or os.environ.get("MTL_MODEL") or None)
    registry = Registry()
    limits = Limits.from_environment()
    line = {"most_in_line": limits.line, "longest": limits.run_hours * 3600, "least_free": limits.free_gb * 1e9}
    bucket = os.environ.get("MTL_BUCKET") or None
    nodes = Nodes() if ray or is_on("MTL_RAY") else None
    runs = Runs(os.environ.get("MTL_RUNS") or "runs", warm=True, bucket=bucket, nodes=nodes, **line)
    with Page(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(900, 3600)) as demo:
        demo.engine, demo.runs, demo.registry, demo.open_pages = engine, runs, registry, OpenPages(demo, registry)
        demo.limits = limits
        session = Session(engine, registry, runs, limits)
        demo.sandbox, demo.programs = session.sandbox, Programs(session.models, engine.name)
        top = header.build(session)
        signed_in = html(visible=False, elem_id="signed-in")
        card.build(session)
        embeddings.build_plots()
        with gr.Row(elem_id="frame"):
            with gr.Column(elem_id="left", scale=0, min_width=300):
                box.build(session)
            with gr.Column(elem_id="right", min_width=320), gr.Tabs(overflow_behavior="wrap"):
                for tab in TABS:
                    wide = "wide-tab" if getattr(tab, "WIDE", False) else None
                    with gr.Tab(tab.TITLE, id=tab.TITLE.lower(), elem_classes=wide):
                        tab.build(session)
        header.follow(session, demo, top)
        _identify(demo, session, signed_in)
        endpoints.build(demo.programs)
    demo.queue()
    demo._queue = fair_queue(demo)
    return demo


def serve(
    demo: gr.Blocks, host: str | None, port: int | None, share: bool, allow_hosts: Iterable[str], mcp: bool = False
) -> None:
    """Serve the page until stopped, with the options of `mtl serve`; the model is loaded meanwhile.

    Raises `UserError` where the extra that `mcp` needs is missing."""
    mcp = mcp or is_on("MTL_MCP")
    if mcp:
        tools.prepare()
    where = {"hosts": Hosts(allow_hosts), "server_name": host, "server_port": port, "share": share}
    demo.runs.restore()
    demo.launch(**where, mcp_server=mcp, prevent_thread_lock=True)
    demo.engine.start()

    # The process that waits for runs imports for seconds: not while the first visitor waits for the model.
    def get_ready() -> None:
        demo.engine.wait()
        demo.sandbox.warm_up()
        demo.runs.open()
        static.compress()

    threading.Thread(target=get_ready, name="get ready", daemon=True).start()
    end_cleanup = cleanup.begin(demo.runs, demo.limits, demo.registry.in_use)
    demo.block_thread()
    end_cleanup()
    demo.runs.close()


def launch_settings(hosts: Hosts, limits: Limits) -> dict[str, Any]:
    """What every way of serving this page has in common."""
    return {
        "app_kwargs": door.settings(
            hosts,
            limits,
            inlined("storage.js", "network.js"),
            [*static.ROUTES, *routes.ROUTES],
            templates.render("sign_in.html") if sign_in.is_asked() else None,
        ),
        # Gradio's helper processes would take uploads and give files past the door.
        "num_workers": 0,
        "theme": THEME,
        "css_paths": sorted(ASSETS.glob("*.css")),
        "head": inlined(*_SCRIPTS),
        "footer_links": ["api"],
        # A checkpoint may be larger than a file of sentences, which has a limit of its own.
        "max_file_size": MAX_ZIP_BYTES,
        "run_history": False,
        "mcp_server": False,
        "enable_monitoring": False,
        # A handler that waits for its turn with the model holds a thread, and computes nothing.
        "max_threads": 100,
        # A program may use one session after another and close none.
        "state_session_capacity": 1000,
        "show_error": False,
        # A Space asks for pages that Node makes, which would stand before the door.
        "ssr_mode": False,
    }


# --- parts of the page ---


def _identify(demo: gr.Blocks, session: Session, signed_in: gr.HTML) -> None:
    """Find out whose page it is: a secret that the browser keeps makes it the owner of its runs; or, where people sign
    in, who they are, which then stands in `signed_in`."""
    secret = _browser_secret(session.runs.root)
    token = gr.BrowserState("", storage_key="mtl-owner", secret=secret)
    again, run = gr.Checkbox(visible="hidden"), gr.Textbox(visible="hidden")

    def handler(token: str, again: bool, run: str, request: gr.Request) -> tuple:
        token = token if isinstance(token, str) and _TOKEN.fullmatch(token) else secrets.token_hex(16)
        person = sign_in.person(request.request.scope.get("session", {}))
        owner = owner_of(person["sub"], secret) if person else token
        address = request.client.host if request.client else ""
        visit = session.registry.identify(request.session_hash, owner, again, address)
        if visit.train.model is None:
            visit.train.used_before = header.with_model(session, run, owner)
        # The first analysis may have been made meanwhile, by the page's own model.
        model = session.next_revision() if visit.train.model or visit.train.used_before else gr.skip()
        name = gr.skip()
        if person:
            name = gr.update(value=templates.render("person.html", who=person["preferred_username"]), visible=True)
        return token, name, session.next_revision(), model

    demo.load(
        handler, [token, again, run], [token, signed_in, session.arrival, session.model], js="mtl.arrive", **QUIET
    )


def owner_of(subject: str, secret: str) -> str:
    """The owner of the runs of whoever the Hub knows as `subject`: a secret, as nobody else can know `secret`."""
    return hmac.digest(secret.encode(), subject.encode(), "sha256").hex()


def _browser_secret(root: Path) -> str:
    """What Gradio encrypts the browser's memory with: the same after a restart, and different on every server."""
    path = root / "browser.key"
    try:
        if not path.is_file():
            path.touch(mode=0o600)  # nobody else reads it, not even before it is written
            path.write_text(secrets.token_hex(16))
        return path.read_text()
    except OSError:  # without a folder for runs there are none to find again
        return secrets.token_hex(16)


def inlined(*names: str) -> Markup:
    """Scripts of the page. Inlined, so that they run before the components, whatever address a proxy serves them at."""
    scripts = [Markup((ASSETS / name).read_text(encoding="utf-8")) for name in names]
    return templates.render("head.html", scripts=scripts)
