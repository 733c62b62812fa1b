"""Screenshots of every tab: `PYTHONPATH=. python tests/browser/shots.py FOLDER`.

What to look at each time something visible changes: the opening page, 3 sentences, 60 sentences of which some are
very long, an empty box, a broken file; labels by hand, a table with faults, a run in progress, a finished run, runs
compared, the lessons; on a desktop and on a phone, in light and in dark.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.labelling import MIXED, Labeller
from tests.browser.serving import ROOT, launch_context, served_page
from tests.browser.training import Trainer
from tests.browser.visiting import ANSWERS, Visitor

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
        context = launch_context(playwright, Path(scratch) / "browser")
        for width, (across, down) in SIZES.items():
            for theme in ("light", "dark"):
                page = context.new_page()
                page.set_viewport_size({"width": across, "height": down})
                visitor = Visitor(page, url, theme)
                save = saver(page, folder, f"{width}-{theme}")
                expect(page.locator("#right")).to_contain_text("UMAP: keeps neighbours", timeout=120_000)
                page.wait_for_timeout(1_500)
                save_tabs(visitor, "opening", save)
                visitor.choose("Dimensions", "3-D")
                page.wait_for_timeout(1_500)
                save("opening-3d")
                visitor.choose("Dimensions", "2-D")
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
                trainer = Trainer(context, url, across, theme)
                save_training(trainer, saver(trainer.page, folder, f"{width}-{theme}"))
                trainer.page.close()
        context.close()


def saver(page, folder: Path, suffix: str):
    """`save(name)` for one page."""

    def save(name: str) -> None:
        page.wait_for_timeout(700)  # plots fade in
        page.screenshot(path=folder / f"{name}-{suffix}.png", full_page=True)

    return save


def save_training(trainer: Trainer, save) -> None:
    """The Train tab from a table with faults to a finished run, and what Compare and Learn say of it."""
    page = trainer.page
    labeller = Labeller(trainer.visitor)
    labeller.add_labels("food, travel")
    labeller.add(MIXED)
    labeller.label_truly(12)
    expect(labeller.headline).to_contain_text("12 labels")
    save("labels-train")
    page.locator("#label summary").first.click()
    page.locator("#data-samples").get_by_label("broken").click()
    expect(page.locator("#data-summary")).to_contain_text("broken.csv")
    save("faults-train")
    trainer.begin(200)
    trainer.wait_for_movement()
    save("progress-train")
    trainer.end()
    trainer.prepare(4)
    page.get_by_role("button", name="Rates by depth", exact=True).click()
    trainer.start.click()
    expect(trainer.progress).to_contain_text("44 steps, 4 epochs", timeout=300_000)
    expect(page.locator("#use-model")).to_be_visible()
    page.get_by_role("button", name="Show before and after").click()
    expect(page.locator(".ba-map").first).to_be_visible()
    page.locator("#rows-file input[type=file]").set_input_files(ROOT / "assets" / "samples" / "reviews.csv")
    page.locator("#answer-rows").click()
    expect(page.locator("#rows-answers tbody tr").first).to_be_visible()
    save("finished-train")
    trainer.visitor.open("Compare")
    expect(page.locator("#runs-table tbody tr")).to_have_count(2)
    save("compare")
    trainer.visitor.open("Learn")
    save("learn")


def save_tabs(visitor: Visitor, state: str, save) -> None:
    for tab in ANSWERS:
        visitor.open(tab)
        save(f"{state}-{tab.lower()}")
    visitor.open(ANSWERS[0])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where the pictures should go: python tests/browser/shots.py FOLDER")
    shoot(Path(sys.argv[1]))
    print(f"Pictures are in {sys.argv[1]}.")
