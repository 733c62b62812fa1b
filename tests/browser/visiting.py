"""What a visitor does and sees on the page, in the words of the tests."""

from __future__ import annotations

import random
import re
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page, expect

# The first visitor waits for the model to load, on a machine that may be busy with other things.
expect.set_options(timeout=90_000)
# What the tabs are called, and those of them that answer what is typed.
ANSWERS = ("Overview", "Embeddings", "Sentiment", "Entities")
TABS = (*ANSWERS, "Train", "Compare", "Learn")
NOTHING_YET = "no answer yet"
_FLAWS = Path(__file__).with_name("flaws.js").read_text(encoding="utf-8")


def looks_of(page: Page) -> str:
    """What can be said of a page on which a test has failed, in a few seconds."""
    told = []
    for place in ("#status", "#connection", "#model-chip", "[role=tab][aria-selected=true]", "#run-progress"):
        try:
            told.append(f"{place}: {page.locator(place).first.inner_text(timeout=1000)}")
        except Error:
            told.append(f"{place}: not there")
    return "\n".join(told)


class Visitor:
    """One person's page. Collects the console's errors and every address outside the server."""

    def __init__(self, page: Page, url: str, theme: str = "light") -> None:
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        here = urlsplit(url).netloc
        self.page = page
        self.page.set_default_timeout(90_000)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda problem: self.errors.append(str(problem)))

        def note(request) -> None:
            address = urlsplit(request.url)
            if address.scheme in ("http", "https", "ws", "wss") and address.netloc != here:
                self.elsewhere.append(request.url)

        self.page.on("request", note)
        self.page.goto(f"{url}?__theme={theme}")
        expect(self.status).to_contain_text("one pass")
        expect(self.map).to_be_visible()

    def _note_console(self, message) -> None:
        # Gradio's page about the API asks its own server for two things that are switched off here.
        switched_off = message.location.get("url", "").endswith(("/monitoring/summary", "/mcp/schema"))
        # And its page names its manifest by a path that begins at the root, where it is not behind a proxy.
        of_manifest = "manifest.json" in message.location.get("url", "") + message.text
        if message.type == "error" and not (switched_off or of_manifest):
            self.errors.append(message.text)

    # --- places ---

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    @property
    def box(self) -> Locator:
        return self.page.locator("#sentences textarea")

    @property
    def map(self) -> Locator:
        return self.page.locator("#map .js-plotly-plot")

    @property
    def heatmap(self) -> Locator:
        return self.page.locator("#heatmap .js-plotly-plot")

    # --- actions ---

    def wait_until(self, condition: str, arg: object = None) -> None:
        """Wait until a condition in JavaScript holds. Asked at every frame, it would slow down what it waits for."""
        self.page.wait_for_function(condition, arg=arg, polling=200)

    def go(self, address: str | None = None) -> None:
        """Open an address, or the same page again."""
        assert self.errors == []
        if address is None:
            self.page.reload()
        else:
            self.page.goto(address)
        expect(self.status).to_contain_text("one pass")
        # The page that was left complains of the connections that it lost by that.
        self.errors.clear()

    def begin_again(self) -> None:
        """The first tab, the opening example and its plots, with no choice made above a view."""
        self.errors.clear()
        self.page.evaluate("location.hash = ''")
        self.open("Overview")
        self._take_off_the_answer()
        self.page.get_by_role("button", name="Everyday").click()
        expect(self.status).to_contain_text("12 sentences")
        self.similarities(12)
        self.wait_for_points(12)

    def analyze(self, *sentences: str, by_key: bool = False) -> None:
        """Type and analyze; waits until the page has answered."""
        self.paste("\n".join(sentences))
        self.press(by_key)

    def paste(self, text: str) -> None:
        """Put a text into the box instead of what it holds. Chromium would type it line by line."""
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.box.press("Control+a")
        self.box.press("Control+v" if text else "Delete")

    def press(self, by_key: bool = False) -> None:
        """Analyze what is in the box."""
        self._take_off_the_answer()
        if by_key:
            self.box.press("Control+Enter")
        else:
            self.page.locator("#analyze").click()
        expect(self.status).not_to_contain_text(NOTHING_YET)

    def _take_off_the_answer(self) -> None:
        """So that the answer before is not mistaken for the next one, which may read the same to the millisecond."""
        self.page.evaluate("said => { document.querySelector('#status').textContent = said; }", NOTHING_YET)

    def choose(self, label: str, option: str) -> None:
        """Make a choice above a view of the open tab."""
        self.page.get_by_label(label, exact=True).locator("visible=true").select_option(option)

    def open(self, tab: str) -> None:
        button = self.page.get_by_role("tab", name=tab)
        button.click()
        expect(button).to_have_attribute("aria-selected", "true")

    def upload(self, path) -> None:
        self.page.locator("#file input[type=file]").set_input_files(path)

    def download(self, name: str) -> bytes:
        """What the visible button `name` saves."""
        with self.page.expect_download() as saved:
            self.page.get_by_role("button", name=name).locator("visible=true").click()
        return saved.value.path().read_bytes()

    # --- views ---

    def similarities(self, count: int) -> list[list[float]]:
        """The heatmap's cells, once it shows `count` sentences."""
        self.wait_until(
            "n => document.querySelector('#heatmap .js-plotly-plot')?._fullData?.[0]?.z?.length === n", arg=count
        )
        return self.page.evaluate(
            "() => Array.from(document.querySelector('#heatmap .js-plotly-plot')._fullData[0].z,"
            " row => Array.from(row))"
        )

    def wait_for_points(self, count: int) -> None:
        """Wait until the map shows `count` points."""
        self.wait_until(
            "n => document.querySelector('#map .js-plotly-plot')?._fullData"
            "?.filter(trace => trace.customdata).reduce((sum, trace) => sum + trace.x.length, 0) === n",
            arg=count,
        )

    def wait_for_rings(self, count: int) -> None:
        """Wait until so many points of the map are marked as chosen."""
        self.wait_until(
            "n => (document.querySelector('#map .js-plotly-plot')._fullData"
            ".find(trace => trace.uid === 'rings')?.x.length ?? 0) === n",
            arg=count,
        )

    def legend(self) -> list[str]:
        """What the map's legend names."""
        return self.page.evaluate(
            "() => document.querySelector('#map .js-plotly-plot')._fullData"
            ".filter(trace => trace.showlegend).map(trace => trace.name)"
        )

    def place_on_map(self, row: int) -> dict[str, float]:
        """Where the point of a sentence is on the screen, once it stays there."""
        place = None
        while (now := self._place_now(row)) != place:
            place = now
            self.page.wait_for_timeout(400)
        return place

    def _place_now(self, row: int) -> dict[str, float]:
        return self.page.evaluate(
            """row => {
              const plot = document.querySelector("#map .js-plotly-plot"), { xaxis, yaxis } = plot._fullLayout;
              const { x, y, rows } = plot.data.find(({ customdata, rows }) => customdata && rows.includes(row));
              const i = rows.indexOf(row), { left, top } = plot.getBoundingClientRect();
              return { x: left + xaxis._offset + xaxis.d2p(x[i]), y: top + yaxis._offset + yaxis.d2p(y[i]) };
            }""",
            row,
        )

    def bars(self) -> list[dict[str, float]]:
        """The probabilities of every sentiment bar, as they are read aloud."""
        spoken = self.page.locator("#sentiment-view .bar").evaluate_all("all => all.map(e => e.ariaLabel)")
        return [{label: float(percent) for label, percent in re.findall(r"(\w+) ([\d.]+) %", line)} for line in spoken]

    def marks(self) -> list[tuple[str, str]]:
        """(text, label) of every marked name."""
        marks = self.page.locator("#entities-view mark")
        return [
            tuple(m)
            for m in marks.evaluate_all(
                "all => all.map(e => [e.querySelector('bdi').textContent, e.querySelector('.tag').textContent])"
            )
        ]

    def flaws(self) -> list[str]:
        """What is too small, too pale or too wide, and what axe finds serious or critical."""
        # Contrast is measured in flaws.js, in drawings too.
        options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
        violations = Axe().run(self.page, options=options).response["violations"]
        serious = [found for found in violations if found["impact"] in ("serious", "critical")]
        return self.page.evaluate(_FLAWS) + [
            f"{found['id']}: {node['html'][:200]}" for found in serious for node in found["nodes"]
        ]

    # --- the network ---

    @cached_property
    def _devtools(self):
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.enable")
        return session

    def set_network(self, offline: bool = False, latency: int = 0) -> None:
        """Gone altogether, or with so many milliseconds for every round trip."""
        conditions = {"offline": offline, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        self._devtools.send("Network.emulateNetworkConditions", conditions)

    def make_network_unsteady(self, seed: int) -> list[str]:
        """400 ms for every round trip, and one request in twenty fails; returns what has failed so far."""
        chance, failed = random.Random(seed), []

        def pass_on(route) -> None:
            if chance.random() >= 0.05:
                route.continue_()
                return
            failed.append(route.request.url)
            if chance.random() < 0.5:
                route.abort()
            else:
                route.fulfill(status=503, body="busy")

        self.page.route("**/*", pass_on)
        self.set_network(latency=400)
        return failed
