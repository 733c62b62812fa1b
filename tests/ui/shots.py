"""Screenshots of every tab: `python tests/ui/shots.py FOLDER`.

What to look at each time something visible changes: the opening page, 3 sentences, 60 sentences of which some are
very long, an empty box, a broken file; on a desktop and on a phone, in light and in dark.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright
from serving import launch_chromium, served_page
from visiting import Visitor

TABS = ("Embeddings", "Sentiment", "Entities")
SIZES = {"1440": (1440, 900), "390": (390, 844)}
THREE = (
    "Grace Hopper wrote the first compiler in Philadelphia.",
    "The concert was wonderful and we danced all night.",
    "The concert was dreadful and we left early.",
)
_TOPICS = (
    "The bread from Rossi's bakery in Turin was still warm",
    "Our train to Oslo was late again and nobody apologised",
    "Engineers at Bosch have halved the price of the sensor",
    "My grandmother's garden is full of bees in May",
    "The second season was a disappointment from start to end",
)
_LONG = " and so it went on, day after day, without anybody noticing that the clock in the hall had stopped"
SIXTY = tuple(f"{_TOPICS[i % 5]}, says letter number {i + 1}{_LONG * (i % 9 == 4) * (1 + i // 6)}." for i in range(60))


def shoot(folder: Path) -> None:
    """Save a picture of every state into `folder`, as STATE-TAB-WIDTH-THEME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, served_page() as url, sync_playwright() as playwright:
        broken = Path(scratch) / "holiday.csv"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4_000))
        browser = launch_chromium(playwright)
        context = browser.new_context()
        for width, (across, down) in SIZES.items():
            for theme in ("light", "dark"):
                page = context.new_page()
                page.set_viewport_size({"width": across, "height": down})
                visitor = Visitor(page, url, theme)

                def save(name: str, page=page, suffix=f"{width}-{theme}") -> None:
                    page.wait_for_timeout(700)  # plots fade in
                    page.screenshot(path=folder / f"{name}-{suffix}.png", full_page=True)

                expect(page.locator("#right")).to_contain_text("UMAP: keeps neighbours", timeout=120_000)
                page.wait_for_timeout(1_500)
                save_tabs(visitor, "opening", save)
                visitor.page.get_by_text("3-D", exact=True).click()
                page.wait_for_timeout(1_500)
                save("opening-3d")
                visitor.page.get_by_text("2-D", exact=True).click()
                for state, sentences in (("three", THREE), ("sixty", SIXTY)):
                    visitor.analyze(*sentences)
                    visitor.similarities(len(sentences))
                    visitor.wait_for_points(len(sentences))
                    save_tabs(visitor, state, save)
                visitor.analyze("")
                save("empty")
                visitor.upload(broken)
                expect(visitor.status.locator(".bad")).to_contain_text("holiday.csv")
                save("broken")
                page.close()
        browser.close()


def save_tabs(visitor: Visitor, state: str, save) -> None:
    for tab in TABS:
        visitor.open(tab)
        save(f"{state}-{tab.lower()}")
    visitor.open(TABS[0])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where the pictures should go: python tests/ui/shots.py FOLDER")
    shoot(Path(sys.argv[1]))
    print(f"Pictures are in {sys.argv[1]}.")
