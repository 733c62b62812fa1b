"""What learns, and how fast: the controls of the Train tab in a real browser."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from mtl.config import TrainConfig
from mtl.ui.train.link import from_link
from mtl.ui.train.settings import words
from mtl.ui.train.settings.shape import shape_of
from mtl.ui.train.settings.sharing import to_file
from mtl.ui.widgets import stack

WAIT = 30  # seconds
# How a browser writes SVG again that it has read.
PARSED = "svg => { const box = document.createElement('div'); box.innerHTML = svg; return box.innerHTML; }"


class Controls:
    """Step 2 as a visitor uses it."""

    def __init__(self, visitor) -> None:
        self.visitor, self.page = visitor, visitor.page

    def open(self) -> Controls:
        """The tab with workshop.csv, which teaches every head of the built-in model."""
        self.visitor.open("Train")
        self.page.locator("#data-samples").get_by_label("workshop").click()
        # The form of the page before there are data has as many parts.
        expect(self.page.locator("#copy-command")).to_have_value(re.compile("workshop.csv"))
        expect(self.page.locator("#freeze-head-2")).to_be_enabled()
        expect(self.page.locator("#what-learns .rate-row")).to_have_count(11)
        self.page.locator("[data-fold=rates] summary").click()
        return self.ready()

    def go(self, address: str | None = None) -> Controls:
        """Open an address, or the same page again."""
        self.visitor.go(address)
        return self.ready()

    def ready(self) -> Controls:
        expect(self.page.locator("#freeze")).to_be_visible()
        expect(self.said).to_contain_text("learn")
        return self

    @property
    def said(self) -> Locator:
        return self.page.locator("#learns-outcome")

    @property
    def message(self) -> Locator:
        return self.page.locator("#learns-said")

    def rate(self, key: str) -> Locator:
        return self.page.locator(f"#rate-{key} input[type=text]")

    def picture(self) -> str:
        return self.page.locator("#what-learns .picture .stack").evaluate("e => e.outerHTML")

    def take_away(self) -> Controls:
        if not self.page.locator("#copy-command").is_visible():
            self.page.locator("#take-away summary").click()
        expect(self.page.locator("#copy-command")).to_be_visible()
        return self

    def settings(self) -> TrainConfig:
        """What run.json would hold now."""
        self.take_away()
        return TrainConfig.from_json(
            json.loads(self.page.locator("#download-settings").evaluate("async a => (await fetch(a.href)).text()"))
        )

    def load(self, path: Path) -> None:
        """Choose a run.json."""
        self.take_away()
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("#load-settings").click()
        chooser.value.set_files(path)

    def wait_for(self, config: TrainConfig) -> None:
        """Until the server has taken these settings over."""
        self.take_away()
        until = time.monotonic() + WAIT
        while (said := self.page.locator("#copy-link").input_value()) == "" or self.carried(said) != config:
            assert time.monotonic() < until, f"The link carries {self.carried(said)}, not {config}."
            self.page.wait_for_timeout(100)
        assert self.settings() == config

    def carried(self, address: str) -> TrainConfig | None:
        """The settings in an address."""
        found = from_link(address.partition("#")[2])
        return found and found.config


@pytest.fixture
def controls(visit):
    def arrive(**options) -> Controls:
        return Controls(visit(**options)).open()

    return arrive


@pytest.fixture(scope="module")
def shape(default_model):
    return shape_of(default_model.backbone, default_model.config)


def drawn(controls: Controls, shape, config: TrainConfig) -> str:
    return controls.page.evaluate(PARSED, stack.svg(shape.under(config)))


def test_what_is_touched_is_taken_over_and_drawn_as_the_server_would(controls, shape):
    step = controls()
    page = step.page
    assert step.picture() == drawn(step, shape, TrainConfig())
    page.locator("#freeze").fill("3")
    page.locator("#freeze-head-2").click()
    step.rate("layer-5").fill("3.14e-5")
    step.rate("layer-5").press("Enter")
    step.rate("head-0").fill("0")
    step.rate("head-0").press("Enter")
    config = TrainConfig(freeze=3, freeze_heads=("topic",), rates={"layer 5": 3.14e-5, "head sentiment": 0.0})
    assert step.picture() == drawn(step, shape, config)
    step.wait_for(config)
    expect(step.said).to_contain_text("A rate of 0 is the same as frozen: sentiment.")
    assert re.match(r"python -m mtl train \S+ --freeze 3 ", page.locator("#copy-command").input_value())
    # Nothing of it was a preset; one of them, and what was there before.
    expect(page.locator(".presets [aria-pressed=true]")).to_have_count(0)
    page.locator("[data-preset=frozen]").click()
    expect(step.said.locator(".bad")).to_contain_text("Nothing would train")
    expect(page.locator("[data-preset=frozen]")).to_have_attribute("aria-pressed", "true")
    page.locator("#freeze-head-0").click()
    expect(step.said).to_contain_text("1,155 weights learn (1 head)")
    page.get_by_role("button", name="Reset everything").click()
    step.wait_for(TrainConfig())
    expect(page.locator("[data-preset=depth]")).to_have_attribute("aria-pressed", "true")
    assert step.picture() == drawn(step, shape, TrainConfig())
    # What the server refuses is told, and the controls go back; what was unfolded stays so.
    page.locator("#what-learns summary", has_text="Advanced").click()
    page.locator("#field-epochs").fill("12")
    page.locator("#field-unfreeze").fill("3:1, 2:2")
    page.locator("#field-unfreeze").press("Tab")
    expect(step.message.locator(".bad")).to_contain_text("each epoch must come after the last")
    expect(page.locator("#field-unfreeze")).to_have_value("")
    expect(page.locator("#field-seed")).to_be_visible()
    step.wait_for(TrainConfig(epochs=12))


def test_settings_travel_as_a_file_and_as_a_link(controls, visit, server, tmp_path):
    config = TrainConfig(
        epochs=6,
        freeze=2,
        freeze_heads=("entities",),
        rates={"layer 4": 2e-5},
        anchor=0.5,
        unfreeze=((3, 1),),
        clip=2.0,
    )
    path = tmp_path / "run.json"
    path.write_bytes(to_file(config))
    first = controls()
    first.load(path)
    first.wait_for(config)
    expect(first.message).to_contain_text("The settings of run.json have been applied.")
    expect(first.page.locator("#freeze")).to_have_value("2")
    assert first.rate("layer-4").input_value() == "2.0e-5"
    with first.page.expect_download() as saved:
        first.page.locator("#download-settings").click()
    assert saved.value.suggested_filename == "run.json" and saved.value.path().read_bytes() == to_file(config)
    first.page.locator("[data-copies=copy-link]").click()
    expect(first.page.locator("[data-copies=copy-link]")).to_have_text("Copied")
    path.write_text("not settings")
    first.load(path)
    expect(first.message.locator(".bad")).to_contain_text("It is not JSON")
    # Somebody else opens the link: the Train tab is there, and set.
    link = first.page.locator("#copy-link").input_value()
    assert link.startswith(server) and first.carried(link) == config
    second = Controls(visit(width=390, height=844))
    second.go(link)
    expect(second.page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(second.message).to_contain_text(words.LINK_SET)
    second.wait_for(config)
    # A touch of one is not seen by the other; and a page that is loaded again is as it was left.
    second.page.locator("#freeze").fill("5")
    changed = TrainConfig(**{**config.to_json(), "freeze": 5})
    second.wait_for(changed)
    assert first.settings() == config
    link = second.page.locator("#copy-link").input_value().partition("#tab=Train")[2]
    expect(second.page).to_have_url(re.compile(re.escape(link)))  # what the address bar says
    second.go().wait_for(changed)
    # A link as earlier versions made them; and one that somebody tampered with.
    second.go(f"{server}?train=eyJlcG9jaHMiOjl9&__theme=light").wait_for(TrainConfig(epochs=9))
    expect(second.page).to_have_url(re.compile(re.escape(f"{server}?__theme=light#")))
    expect(second.go(f"{server}?train=PHNjcmlwdD4").message.locator(".bad")).to_contain_text("The link was not applied")
    second.wait_for(TrainConfig())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_and_can_be_read(controls, width, theme):
    step = controls(width=width, theme=theme)
    step.page.locator("#freeze").fill("3")
    step.page.locator("#what-learns summary", has_text="Advanced").click()
    step.take_away()
    step.page.locator("[data-preset=gradual]").click()
    step.wait_for(TrainConfig(freeze=-1, unfreeze=((2, 4), (3, 0))))
    assert step.visitor.flaws() == []
    # Each slider stands beside the block that it belongs to.
    middles = "all => all.map(e => { const b = e.getBoundingClientRect(); return b.top + b.height / 2; })"
    blocks = step.page.locator("#what-learns .stack .field").evaluate_all(middles)
    rows = step.page.locator("#what-learns .rate-row").evaluate_all(middles)
    assert rows == pytest.approx(blocks, abs=2) and len(rows) == 11


def test_what_is_typed_right_after_a_preset_is_kept(controls):
    step = controls()
    step.page.locator("#step-learns summary", has_text="Advanced").click()
    # Before the server has answered, as on a slow line.
    step.page.evaluate(
        """() => {
            document.querySelector('[data-preset=gradual]').click();
            const box = document.querySelector('#field-epochs');
            box.value = '7';
            box.dispatchEvent(new Event('input', { bubbles: true }));
        }"""
    )
    step.wait_for(TrainConfig(freeze=-1, unfreeze=((2, 4), (3, 0)), epochs=7))
    # The box still says so: the next touch does not take it back.
    step.page.locator("#field-seed").fill("5")
    step.wait_for(TrainConfig(freeze=-1, unfreeze=((2, 4), (3, 0)), epochs=7, seed=5))


def test_a_preset_is_kept_that_is_pressed_while_other_data_change_the_form(controls):
    step = controls()
    page = step.page
    slow = "url => String(url?.url ?? url).includes('queue/join')"
    page.evaluate(
        f"""() => {{
            const now = window.fetch, slow = {slow};
            window.fetch = async (...all) => {{
                if (slow(all[0])) await new Promise((done) => setTimeout(done, 1000));
                return now(...all);
            }};
        }}"""
    )
    page.locator("#freeze").press("ArrowRight")  # under way while the preset is pressed, which waits for it
    page.locator("#data-samples").get_by_label("tickets").click()
    page.wait_for_timeout(500)
    preset = page.get_by_role("button", name="Backbone frozen", exact=True)
    preset.click()
    expect(page.locator("#data-summary")).to_contain_text("tickets.csv")
    expect(page.locator("#what-learns")).to_contain_text("urgency")
    page.wait_for_timeout(4000)
    expect(preset).to_have_attribute("aria-pressed", "true")
    step.wait_for(TrainConfig(freeze=-1))


def test_a_projection_is_drawn_when_its_width_is_written(controls):
    step = controls()
    page = step.page
    page.locator("#what-learns summary", has_text="Advanced").click()
    box, block = page.locator("#field-projection"), page.locator("#what-learns .stack .name", has_text="projection")
    box.fill("")
    box.press_sequentially("64", delay=300)
    expect(block).to_have_count(0)  # 6 was no width that anybody meant
    box.press("Tab")
    expect(block).to_have_count(1)
    expect(box).to_have_value("64")
    step.wait_for(TrainConfig(projection=64))
