"""Starts the real page and a real browser, for the browser tests and for the screenshots."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.servers import free_port, started

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def served_page(
    seconds: float = 120,
    runs: Path | None = None,
    settings: dict[str, str] | None = None,
    port: int = 0,
    options: Sequence[str] = (),
) -> Iterator[str]:
    """The address of `python app.py` with further `options` on a port of this machine, by default a free one, until the
    block ends.

    `runs` is the folder of its training runs, by default one that goes when the block ends; `settings` are environment
    variables of its own."""
    port = free_port(port)
    url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), *options]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "MTL_RUNS": str(runs or folder), **(settings or {})}
        with started(command, url, seconds, cwd=ROOT, env=environment):
            yield url


def launch_chromium(playwright):
    return playwright.chromium.launch(**launch_options())


def launch_options() -> dict[str, object]:
    """The system's Chromium, or Playwright's own where there is none."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    # Without a graphics card the three-dimensional map is drawn in software.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"]
    return {"executable_path": path, "args": arguments}


# Gradio's sign of loading is animated as long as the page is open, though nobody sees it, and Svelte's clock asks for
# every frame: a tenth of a core for each open page. Five frames a second are enough for what the tests look at.
_SLOW_CLOCK = """
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (callback) =>
  String(callback).includes("tasks.size") ? setTimeout(() => callback(performance.now()), 200) : frame(callback);
"""


# Each page is that of somebody who was never here: a run of one test is no run of the next one's visitor.
_OWN_MEMORY = "Object.defineProperty(window, 'localStorage', { value: window.sessionStorage });"


_SETTINGS = {"viewport": {"width": 1440, "height": 900}, "permissions": ["clipboard-read", "clipboard-write"]}


def new_context(browser):
    """What pages share: the browser's cache, which makes every visit after the first a quick one."""
    return _prepared(browser.new_context(**_SETTINGS))


def launch_context(playwright, folder: Path):
    """The same in a browser of its own, which keeps compiled scripts in `folder`: a visit takes half the time."""
    return _prepared(playwright.chromium.launch_persistent_context(folder, **launch_options(), **_SETTINGS))


def _prepared(context):
    context.add_init_script(_SLOW_CLOCK + _OWN_MEMORY)
    return context
