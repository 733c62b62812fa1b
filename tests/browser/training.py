"""What a visitor does and sees on the Train tab, in the words of the tests."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.visiting import Visitor


class Trainer:
    """A visitor of the Train tab who was never here before."""

    def __init__(self, context, server: str, width: int = 1440, theme: str = "light") -> None:
        self.page = context.new_page()
        self.page.set_viewport_size({"width": width, "height": 900})
        self.visitor = Visitor(self.page, server, theme)
        self.visitor.open("Train")
        expect(self.start).to_be_enabled()

    # --- places ---

    @property
    def start(self) -> Locator:
        return self.page.locator("#start")

    @property
    def stop(self) -> Locator:
        return self.page.locator("#stop-run")

    @property
    def resume(self) -> Locator:
        return self.page.locator("#resume")

    @property
    def progress(self) -> Locator:
        return self.page.locator("#run-progress")

    # --- actions ---

    def prepare(self, epochs: int, seed: int = 0) -> None:
        """workshop.csv, all layer groups frozen, so many epochs."""
        self.page.locator("#data-samples").get_by_label("workshop").click()
        expect(self.page.locator("#data-summary")).to_contain_text("workshop.csv")
        self.page.get_by_role("button", name="Backbone frozen", exact=True).click()
        if not self.page.locator("#field-epochs").is_visible():
            self.page.locator("#step-learns summary", has_text="Advanced").click()
        for name, value in (("epochs", epochs), ("seed", seed)):
            self.page.locator(f"#field-{name}").fill(str(value))
            self.page.locator(f"#field-{name}").blur()
        # 344 of its 405 rows are learnt from, 32 at a time.
        expect(self.page.locator("#estimate")).to_contain_text(f"{epochs * 11:,} steps")
        expect(self.start).to_be_enabled()

    def begin(self, epochs: int, seed: int = 0) -> None:
        """Start, and wait until there is a curve."""
        self.prepare(epochs, seed)
        self.start.click()
        self.wait_for_points()

    def come_back(self) -> None:
        self.visitor.go()
        self.visitor.open("Train")

    def end(self) -> None:
        if self.stop.is_visible() and self.stop.is_enabled():
            self.stop.click()
            expect(self.progress).to_contain_text("Stopped")

    # --- views ---

    def points(self) -> int:
        """How many corners the curves of training losses have."""
        paths = self.page.locator("#run-curves path.line:not(.faint):not(.dashed)").evaluate_all(
            "all => all.map(e => e.getAttribute('d'))"
        )
        return sum(len(re.findall("[ML]", path)) for path in paths)

    def wait_for_points(self, more_than: int = 0) -> None:
        self.visitor.wait_until(
            "n => [...document.querySelectorAll('#run-curves path.line:not(.faint):not(.dashed)')]"
            ".reduce((sum, e) => sum + (e.getAttribute('d').match(/[ML]/g) || []).length, 0) > n",
            arg=more_than,
        )

    def bars(self) -> dict[str, float]:
        """The length of each part's bar, in per cent."""
        blocks = self.page.locator("#run-stack .block").evaluate_all(
            "all => all.map(e => [e.querySelector('.name').textContent,"
            " e.querySelector('.moved').getAttribute('width')])"
        )
        return {name: float(width.rstrip("%")) for name, width in blocks}

    def wait_for_movement(self) -> None:
        self.visitor.wait_until(
            "() => [...document.querySelectorAll('#run-stack .moved')].some(e => parseFloat(e.getAttribute('width')))"
        )

    def wait_for_an_epoch(self) -> None:
        """Until the first is over."""
        expect(self.progress).to_contain_text(re.compile("epoch ([2-9]|[0-9]{2,}) of"))

    def step(self) -> int:
        return int(re.search(r"step ([\d,]+) of", self.progress.inner_text())[1].replace(",", ""))
