"""How soon the page shows an answer to what is typed, in a real Chromium, and how many people can type at once."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median, quantiles
from time import perf_counter

from tests.bench.startup import LIMIT, ROOT, free_port, wait_for_page
from tests.bench.table import Row, seconds

TYPISTS, EVERY = (30, 60), 3.0
LINES = [
    f"The {thing} in {place} was {what}."
    for thing in ("soup", "tram", "phone", "film", "garden")
    for place in ("Oslo", "Lima", "Turin")
    for what in ("warm", "late", "dull", "fine")
]
# Types one more word and waits until the row says it, the point is drawn with it, and the grid has it.
_TYPE = """
async ([lines, word]) => {
  const area = document.querySelector("#sentences textarea");
  const text = lines.slice(0, -1).concat(lines.at(-1) + " " + word).join("\\n");
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
  const began = performance.now();
  area.dispatchEvent(new Event("input", { bubbles: true }));
  const has = {
    row: () => document.querySelector("#overview .answers > li:last-child .sentence")?.textContent.includes(word),
    point: () => document.querySelector("#map .js-plotly-plot")?._fullData
      .some((trace) => trace.customdata?.some((said) => said.includes(word))),
    cell: () => lines.length < 2 || document.querySelector("#heatmap .js-plotly-plot")?._fullData[0]?.y
      ?.some((said) => said.includes(word)),
  };
  const took = {};
  while (Object.keys(took).length < 3) {
    for (const [name, there] of Object.entries(has))
      if (!(name in took) && there()) took[name] = performance.now() - began;
    await new Promise((done) => setTimeout(done, 2));
  }
  return took;
}
"""


def rows(rounds: int) -> tuple[list[Row], str]:
    with _server() as (address, server):
        typed, loaded = _typed(address, max(rounds, 5) * 3)
        served = {count: _served(address, server, count) for count in TYPISTS}
    model = _model_alone()
    first = {count: took["row"] / 1000 for count, took in typed.items()}
    both = {count: max(took["point"], took["cell"]) / 1000 for count, took in typed.items()}
    what = "a line of {} changes: from the key to the new row on the page, p50"
    found = [
        Row(
            what.format(20),
            "150 ms pause, model",
            seconds(first[20]),
            seconds(model[20]),
            seconds(first[20] - 0.15),
            "at most 150 ms after the pause",
            first[20] - 0.15 <= 0.15,
        ),
        Row(
            "the same, to the map and the grid",
            "",
            seconds(both[20]),
            "",
            seconds(both[20] - 0.15),
            "at most 350 ms after the pause",
            both[20] - 0.15 <= 0.35,
        ),
        Row(
            what.format(1),
            "150 ms pause, model",
            seconds(first[1]),
            seconds(model[1]),
            seconds(first[1] - 0.15 - model[1]),
            "at most 150 ms more",
            first[1] - 0.15 - model[1] <= 0.15,
        ),
    ]
    for count, (slowest, busy) in served.items():
        found.append(
            Row(
                f"{count} people, each changes a line of ten every {EVERY:g} s: p95 of the answers",
                "the busiest thread",
                seconds(slowest),
                f"{busy:.0%} busy",
                seconds(slowest),
                "under 0.5 s" + (", half busy" if count == TYPISTS[0] else ""),
                slowest < 0.5 and (count > TYPISTS[0] or busy < 0.5),
            )
        )
    for what, size, target in zip(("the first load of the page", "a reload"), loaded, (1.5, 0.1), strict=True):
        here = f"{size:.2f} MB"
        found.append(Row(what, "", here, "", here, f"at most {target:g} MB", size <= target))
    return found, "The page waits 150 ms after a key before it asks, which these times include."


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ}, **silent) as server:
        try:
            wait_for_page(server, address)
            time.sleep(20)  # everything is warmed up behind the first answer
            yield address, server
        finally:
            server.terminate()
            server.wait(LIMIT)


def _typed(address: str, times: int) -> tuple[dict[int, dict[str, float]], list[float]]:
    """Milliseconds until row, point and cell are there, p50, for 1, 20 and 60 lines; megabytes that a load takes."""
    from playwright.sync_api import sync_playwright

    from tests.browser.serving import launch_chromium

    found = {}
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        received: list[int] = []
        kept: set[str] = set()  # the requests that the browser answers from its memory
        network.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
        network.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"]))
        network.on("Network.responseReceived", lambda event: received.append(_headers(event, kept)))
        loaded = []
        for open_page in (lambda: page.goto(address), page.reload):
            received.clear()
            open_page()
            page.wait_for_selector("#map .js-plotly-plot", timeout=LIMIT * 1000)
            page.wait_for_timeout(4000)
            loaded.append(sum(received) / 1e6)
        for count in (1, 20, 60):
            took = []
            for i in range(times + 3):
                took.append(page.evaluate(_TYPE, [LINES[:count], f"word{i}"]))
                page.wait_for_timeout(300)
            found[count] = {name: median(one[name] for one in took[3:]) for name in took[0]}
        browser.close()
    return found, loaded


def _headers(event: dict, kept: set[str]) -> int:
    """Bytes that came before the body; of what the browser had kept, none came."""
    response = event["response"]
    return 0 if response.get("fromDiskCache") or event["requestId"] in kept else response["encodedDataLength"]


def _model_alone() -> dict[int, float]:
    import mtl

    model, found = mtl.load(), {}
    for count in (1, 20, 60):
        took = []
        for _ in range(10):
            began = perf_counter()
            model.analyze(LINES[:count])
            took.append(perf_counter() - began)
        found[count] = median(took)
    return found


def _served(address: str, server: subprocess.Popen, people: int, turns: int = 6) -> tuple[float, float]:
    """p95 of the answers in seconds, and how busy the busiest of the server's threads was, as a share."""
    import httpx
    import psutil

    config = httpx.get(f"{address}config").json()
    [component] = [c["id"] for c in config["components"] if c["props"].get("elem_id") == "news"]
    process = psutil.Process(server.pid)
    seconds_of = lambda: Counter({t.id: t.user_time + t.system_time for t in process.threads()})  # noqa: E731
    start = perf_counter() + 1

    def person(number: int) -> list[float]:
        session, took = secrets.token_hex(6), []
        with httpx.Client(timeout=LIMIT) as http:
            for turn in range(turns):
                time.sleep(max(0.0, start + (turn + number / people) * EVERY - perf_counter()))
                lines = [*LINES[:9], f"Person {number} says this in turn {turn}."]
                body = {
                    "data": {"lines": "\n".join(lines)},
                    "component_id": component,
                    "fn_name": "answer",
                    "session_hash": session,
                }
                asked = perf_counter()
                answer = http.post(f"{address}gradio_api/component_server/", json=body).raise_for_status().json()
                took.append(perf_counter() - asked)
                assert answer["texts"] == lines
        return took[1:]

    used, clock = seconds_of(), perf_counter()
    with ThreadPoolExecutor(people) as pool:
        took = [seconds for one in pool.map(person, range(people)) for seconds in one]
    busiest = max((seconds_of() - used).values())
    return quantiles(took, n=20)[-1], busiest / (perf_counter() - clock)
