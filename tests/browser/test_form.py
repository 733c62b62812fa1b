"""The form of step 2 in a real browser, without a server: what assets/controls.js answers at once, for any model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mtl.config import TrainConfig
from mtl.groups import Groups
from mtl.training.presets import PRESETS
from mtl.ui.train.settings.form import form
from mtl.ui.train.settings.shape import Shape, fit
from mtl.ui.train.settings.step import settings_of
from mtl.ui.widgets import stack

ASSETS = Path(__file__).resolve().parents[2] / "assets"
# What Gradio does with a piece of HTML and its script, as far as the script can tell.
GRADIO = """(script) => {
  window.sent = [];
  const element = document.querySelector("#what-learns div");
  const trigger = () => window.sent.push(element.collect());
  window.written = [];
  const watch = (_, then) => window.written.push(then);
  new Function("element", "trigger", "watch", script)(element, trigger, watch);
}"""
# How a browser writes SVG again that it has read.
PARSED = "svg => { const box = document.createElement('div'); box.innerHTML = svg; return box.innerHTML; }"


def shape_with(layers: int, heads: dict[str, int], learns: tuple[str, ...] | None = None) -> Shape:
    sizes = {"embeddings": 11_900_000, **{f"layer {i}": 1_774_464 for i in range(1, layers + 1)}, **heads}
    groups = Groups(sizes, learns=learns)
    return Shape(groups, dict.fromkeys(groups.tasks, 1.0))


SIX = shape_with(6, {"head sentiment": 1155, "head intensity": 385, "head topic": 1155})
SEVEN_HEADS = shape_with(6, {f"head {name}": 385 for name in ("sentiment", "intensity", "topic", "a", "b", "c", "d")})
TWELVE = shape_with(12, {"head <b>odd · \"name\" & 'more'": 10, "head stars": 20, "projection": 30}, ("stars",))
CONFIGS = [
    TrainConfig(),
    TrainConfig(freeze=-1, freeze_heads=("stars",)),
    TrainConfig(freeze=-1, unfreeze=((2, 4), (3, 0))),
    TrainConfig(freeze=2, unfreeze=((2, 5), (4, 1))),
    TrainConfig(lr=3.14159e-5, lr_decay=1 / 2.6, rates={"layer 2": 0.0, "projection": 1.0, "layer 3": 0.99}),
    TrainConfig(lr=0.0, head_lr=0.0, freeze_projection=True),
    TrainConfig(lr=1e-9, lr_decay=0.0, head_lr=1.0),
]


class Form:
    """A form in a page of its own."""

    def __init__(self, page: Page, shape: Shape, config: TrainConfig) -> None:
        self.page, self.shape, self.config = page, shape, config
        styles = "".join((ASSETS / f"{name}.css").read_text() for name in ("style", "stack", "controls"))
        body = f'<div id="what-learns"><div>{form(shape, config, "own", ["own", "backbone"], "Own")}</div></div>'
        page.set_content(f'<meta charset="utf-8"><style>{styles}</style>{body}')
        scripts = "".join((ASSETS / f"{name}.js").read_text() for name in ("page", "controls"))
        page.evaluate(GRADIO, f"{scripts}mtl.controls(element, trigger, watch);")
        self.rates.click()

    @property
    def rates(self):
        """The line that says the rates, and unfolds them."""
        return self.page.locator("[data-fold=rates] summary")

    def write_anew(self, shape: Shape, config: TrainConfig, touch: int) -> None:
        """What the server sends for other data, knowing of so many touches."""
        self.shape, self.config = shape, config
        html = form(shape, config, "own", ["own", "backbone"], "Own", touch)
        self.page.locator("#what-learns > div").evaluate("(element, html) => (element.innerHTML = html)", html)
        self.page.evaluate("written.forEach((then) => then())")

    def picture(self) -> str:
        return self.page.locator(".picture .stack").evaluate("e => e.outerHTML")

    def drawn(self, config: TrainConfig) -> str:
        """The picture as the server draws it."""
        return self.page.evaluate(PARSED, stack.svg(self.shape.under(config)))

    def sent(self) -> TrainConfig:
        """The settings that the last message to the server comes to."""
        return settings_of(json.loads(self.page.evaluate("sent.at(-1)")), self.config, self.shape)

    def write(self, key: str, value: str) -> None:
        box = self.page.locator(f"#{key} input[type=text]")
        box.fill(value)
        box.press("Enter")


@pytest.fixture
def show(context):
    page = context.new_page()
    page.set_viewport_size({"width": 800, "height": 900})
    problems = []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    yield lambda shape, config: Form(page, shape, config)
    page.close()
    assert problems == []


@pytest.mark.parametrize("shape", [SIX, TWELVE], ids=["six", "twelve"])
def test_the_browser_draws_what_the_server_draws_and_says_what_it_was_told(show, shape):
    for config in (fit(config, shape)[0] for config in CONFIGS):
        step = show(shape, config)
        assert step.picture() == step.drawn(config)
        assert (
            settings_of(
                json.loads(step.page.evaluate("document.querySelector('#what-learns div').collect()")), config, shape
            )
            == config
        )
        assert step.page.locator(".rate-row").count() == len(shape.groups.sizes)


def test_dragging_the_freeze_slider_is_answered_within_the_event(show):
    step = show(TWELVE, TrainConfig())
    times = step.page.evaluate(
        """() => {
          const slider = document.querySelector('#freeze'), times = [];
          for (const k of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 4]) {
            const began = performance.now();
            slider.value = k;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            times.push(performance.now() - began);
            const frozen = document.querySelectorAll('.stack .frozen').length - 1; // one head has no labels
            if (frozen !== k) throw new Error(`${frozen} frozen instead of ${k}`);
          }
          return times.sort((a, b) => a - b);
        }"""
    )
    assert times[len(times) // 2] < 100  # milliseconds
    assert step.sent() == TrainConfig(freeze=4)
    assert step.picture() == step.drawn(TrainConfig(freeze=4))
    assert step.page.locator("#freeze").get_attribute("aria-valuetext") == "4 of 13"
    assert step.page.locator("#rate-layer-3 input").first.is_disabled()
    assert step.page.locator("#rate-layer-4 input").first.is_enabled()
    step.page.locator("#freeze").fill("13")
    assert step.sent() == TrainConfig(freeze=-1)


def test_top_rate_and_decay_fill_and_each_rate_can_be_changed(show):
    step = show(SIX, TrainConfig())
    rate = lambda key: step.page.locator(f"#rate-{key} input[type=text]").input_value()  # noqa: E731
    assert [rate(f"layer-{i}") for i in (6, 5, 0)] == ["1.0e-4", "9.0e-5", "5.31e-5"]
    step.write("fill-lr_decay", "0,5")
    assert [rate(f"layer-{i}") for i in (6, 5, 0)] == ["1.0e-4", "5.0e-5", "1.56e-6"]
    # By keyboard: a twentieth of a power of ten for each key, and the leftmost is 0.
    slider = step.page.locator("#rate-layer-6 input[type=range]")
    slider.press("ArrowRight")
    assert rate("layer-6") == "1.1e-4" and slider.get_attribute("aria-valuetext") == "1.1e-4"
    step.page.locator("#fill-head_lr input[type=range]").press("Home")
    assert [rate(f"head-{i}") for i in range(3)] == ["0", "0", "0"]
    step.page.locator("#rate-head-1 input[type=range]").press("End")
    assert rate("head-1") == "1"
    step.write("rate-layer-2", "3.14159e-5")
    config = TrainConfig(
        lr_decay=0.5, head_lr=0.0, rates={"layer 6": 1.1e-4, "head intensity": 1.0, "layer 2": 3.14159e-5}
    )
    assert step.sent() == config
    assert step.picture() == step.drawn(config)
    # The heads keep what is their own while the layers are filled again.
    step.write("fill-lr", "2e-5")
    assert [rate(f"layer-{i}") for i in (6, 5, 2)] == ["2.0e-5", "1.0e-5", "1.25e-6"]
    assert step.sent() == TrainConfig(lr=2e-5, lr_decay=0.5, head_lr=0.0, rates={"head intensity": 1.0})


def test_the_rates_are_one_line_that_says_why_until_it_is_unfolded(show):
    step = show(SIX, TrainConfig())
    why = "because lower layers know the language in general, and heads have the task to learn."
    said = "Rates: 1.0e-4 for the top layer, 10 % less for each layer below it, 1.0e-3 for heads, " + why
    assert step.rates.inner_text() == said
    rates = step.page.locator(".rate-row")
    assert rates.first.is_visible()
    step.rates.press("Enter")
    assert step.rates.inner_text() == said and step.page.locator(".picture").is_visible()
    assert not any(place.is_visible() for place in (*rates.all(), *step.page.locator(".filler").all()))
    step.page.locator("[data-preset=uniform]").click()
    assert "the same for each layer below it, 1.0e-4 for heads, so that every layer" in step.rates.inner_text()
    step.page.locator("[data-preset=ulmfit]").click()
    assert "1.0e-4 for the top layer, 61.5 % less for each" in step.rates.inner_text()
    step.rates.press("Enter")
    step.write("rate-layer-2", "3e-5")
    assert step.rates.inner_text().endswith("1.0e-3 for heads; 1 set by hand.")
    step.page.locator("[data-preset=heads]").click()
    assert step.rates.inner_text() == "Rates: 1.0e-3 for heads; every layer is frozen."


@pytest.mark.parametrize("wrong", ["fast", "-1", "1.5", "1e-5 x", "", "<b>1e5</b>"])
def test_what_is_no_rate_stays_to_be_put_right_and_is_told(show, wrong):
    step = show(SIX, TrainConfig())
    box, said = step.page.locator("#rate-layer-6 input[type=text]"), step.page.locator(".rate-problem")
    step.write("rate-layer-6", wrong)
    assert box.input_value() == wrong and box.get_attribute("aria-invalid") == "true"
    assert said.inner_text().startswith(f"“{wrong}” is no rate")
    assert said.inner_text().endswith("Learning rate of layer 6 stays 1.0e-4.") and said.locator("b").count() == 0
    assert json.loads(step.page.evaluate("sent.at(-1)"))["wrong"] == {"layer 6": wrong} and step.sent() == TrainConfig()
    # It stays through other touches, until it is put right, or a preset sets all rates.
    step.write("fill-lr", "2e-5")
    assert box.input_value() == wrong and json.loads(step.page.evaluate("sent.at(-1)"))["wrong"] == {"layer 6": wrong}
    step.write("rate-layer-6", "1")
    assert said.inner_text() == "" and step.sent().rates == {"layer 6": 1.0}
    assert box.get_attribute("aria-invalid") == "false"
    step.write("rate-layer-6", wrong)
    step.page.locator("[data-preset=depth]").click()
    assert box.input_value() == "1.0e-4" and json.loads(step.page.evaluate("sent.at(-1)"))["wrong"] == {}


def test_what_is_no_share_is_told_below_its_box(show):
    step = show(SIX, TrainConfig())
    step.write("fill-lr_decay", "3")
    line = step.page.locator(".filler .note.wrong")
    assert line.inner_text().startswith("“3” cannot be: write a number from 0 to 1") and step.sent() == TrainConfig()
    step.write("fill-lr_decay", "0.5")
    assert line.count() == 0 and step.sent() == TrainConfig(lr_decay=0.5)


@pytest.mark.parametrize(
    ("key", "name", "wrong", "right", "told"),
    [
        ("field-epochs", "epochs", "5000", "4", "a whole number from 1 to 1000"),
        ("field-epochs", "epochs", "2.5", "4", "a whole number from 1 to 1000"),
        ("field-validation", "validation", "-1", "0.2", "a number from 0 to 0.9"),
        ("field-projection", "projection", "", "64", "a whole number from 0 to 1024"),
        ("field-unfreeze", "unfreeze", "two", "2:3", "pairs such as 2:4, 3:0"),
        ("weight-0", "weight sentiment", "101", "2", "a number from 0 to 100"),
    ],
)
def test_a_number_out_of_range_is_refused_where_it_is_typed(show, key, name, wrong, right, told):
    step = show(SIX, TrainConfig())
    step.page.locator("summary", has_text="Advanced").click()
    box = step.page.locator(f"#{key}")
    box.fill(wrong)
    box.press("Tab")
    field = step.page.locator(".field", has=box)
    assert field.locator("small").inner_text().startswith(f"Not applied: write {told}")
    assert box.input_value() == wrong and box.get_attribute("aria-invalid") == "true"
    assert json.loads(step.page.evaluate("sent.at(-1)"))["wrong"] == {name: wrong} and step.sent() == TrainConfig()
    box.fill(right)
    box.press("Tab")
    assert box.get_attribute("aria-invalid") == "false" and "Not applied" not in field.inner_text()
    assert json.loads(step.page.evaluate("sent.at(-1)"))["wrong"] == {} and step.sent() != TrainConfig()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_a_preset_is_drawn_before_the_server_answers(show, preset):
    before = TrainConfig(
        freeze=3, freeze_heads=("topic",), rates={"layer 1": 0.5, "head topic": 0.1}, unfreeze=((2, 1),)
    )
    step = show(SIX, before)
    after = preset.make(SIX.groups, before)
    chip = step.page.locator(f"[data-preset={preset.name}]")
    chip.hover()
    assert step.page.locator(".presets .note").inner_text() == preset.about(SIX.groups)
    chip.click()
    assert step.picture() == step.drawn(after)
    assert json.loads(step.page.evaluate("sent.at(-1)"))["preset"] == preset.name
    assert step.sent() == after
    pressed = step.page.locator(".presets [aria-pressed=true]")
    assert pressed.count() == 1 and pressed.get_attribute("data-preset") == preset.name
    step.page.mouse.move(0, 0)  # away from the chips: what is pointed at is explained
    # A wish is sent once; then these are one's own settings.
    step.page.locator("#freeze").fill("2")
    assert "preset" not in json.loads(step.page.evaluate("sent.at(-1)"))
    assert pressed.count() == 0 and step.page.locator(".presets .note").inner_text().startswith("Your own settings")


def test_a_form_that_comes_late_loses_no_touch(show):
    step = show(SIX, TrainConfig())
    step.page.locator("#freeze").fill("3")
    step.page.locator("#freeze-head-1").click()
    step.write("rate-layer-5", "3e-4")
    step.page.locator("[data-fold=advanced] > summary").click()
    step.page.locator("#field-epochs").fill("9")
    touched = TrainConfig(freeze=3, freeze_heads=("intensity",), rates={"layer 5": 3e-4}, epochs=9)
    assert step.sent() == touched
    count = len(step.page.evaluate("sent"))
    step.write_anew(SEVEN_HEADS, TrainConfig(freeze=1), touch=1)
    assert len(step.page.evaluate("sent")) == count + 1 and step.sent() == touched
    assert step.picture() == step.drawn(touched)
    # One that knows of them all is the server's word.
    step.write_anew(SIX, TrainConfig(freeze=2, epochs=4), touch=json.loads(step.page.evaluate("sent.at(-1)"))["touch"])
    assert step.picture() == step.drawn(TrainConfig(freeze=2, epochs=4))
    assert len(step.page.evaluate("sent")) == count + 1
    expect(step.page.locator("#field-epochs")).to_have_value("4")


def test_a_reset_is_not_undone_by_what_was_touched_before(show):
    step = show(SIX, TrainConfig())
    step.page.locator("#freeze").fill("3")
    step.page.locator("[data-reset]").click()
    step.write_anew(SEVEN_HEADS, TrainConfig(freeze=3), touch=1)
    step.write_anew(SEVEN_HEADS, TrainConfig(), touch=2)
    assert step.picture() == step.drawn(TrainConfig())


def test_locks_of_heads(show):
    step = show(TWELVE, TrainConfig())
    first, second = step.page.locator("#freeze-head-0"), step.page.locator("#freeze-head-1")
    # Without labels there is nothing to freeze: said beside the picture, and to whoever tries.
    assert first.get_attribute("aria-disabled") == first.get_attribute("aria-checked") == "true"
    assert "The data has no labels for <b>odd" in step.page.locator("#idle-heads").inner_text()
    first.press("Space")
    assert "there is nothing to freeze" in step.page.locator(".rate-problem").inner_text()
    assert step.page.evaluate("sent.length") == 0 and first.get_attribute("aria-checked") == "true"
    second.press("Space")
    assert second.get_attribute("aria-checked") == "true" and step.sent() == TrainConfig(freeze_heads=("stars",))
    second.press("Space")
    assert step.sent() == TrainConfig()


def test_a_preset_that_does_not_fit_says_so_and_does_nothing(show):
    shape = shape_with(6, {"head sentiment": 1155, "head team": 385}, ("team",))
    step = show(replace(shape, groups=replace(shape.groups, new=("team",))), TrainConfig())
    chip = step.page.locator("[data-preset=one-head]")
    reason = step.page.locator(f"#{chip.get_attribute('aria-describedby')}")
    assert "every head that this data trains is new (team)" in reason.inner_text()
    for touch in (lambda: chip.click(force=True), lambda: chip.press("Enter")):
        touch()
        assert step.page.evaluate("sent.length") == 0 and chip.get_attribute("aria-pressed") == "false"
        assert step.page.locator(".presets .note").inner_text() == reason.inner_text()


def test_a_rate_of_parts_that_are_all_frozen_is_said_to_have_no_effect(show):
    step = show(SIX, TrainConfig())
    unused = step.page.locator(".filler .note", has_text="Without effect now")
    assert unused.count() == 0
    step.page.locator("#freeze").fill("6")  # but the top layer
    assert unused.count() == 1
    step.page.locator("#freeze").fill("7")
    assert unused.count() == 2
    for i in range(3):
        step.page.locator(f"#freeze-head-{i}").click()
    assert unused.count() == 3


def test_advanced_settings_are_sent_as_they_are_finished(show):
    step = show(SIX, TrainConfig())
    step.page.locator("summary", has_text="Advanced").click()
    step.page.locator("#field-epochs").fill("12")
    step.page.locator("#field-warmup").fill("0.05")
    step.page.locator("#weight-1").fill("0.25")
    step.page.locator("#field-keep_best").uncheck()
    step.page.locator("#field-unfreeze").fill("3:2, 4:0")
    step.page.locator("#field-unfreeze").press("Enter")
    config = TrainConfig(
        epochs=12, warmup=0.05, keep_best=False, task_weights={"intensity": 0.25}, unfreeze=((3, 2), (4, 0))
    )
    assert step.sent() == config


def test_each_slider_stands_beside_its_block_on_any_screen(show):
    step = show(TWELVE, TrainConfig(freeze=5, unfreeze=((2, 1),)))
    middles = "all => all.map(e => { const b = e.getBoundingClientRect(); return b.top + b.height / 2; })"
    for width in (1200, 640, 340):
        step.page.set_viewport_size({"width": width, "height": 900})
        blocks = step.page.locator(".stack .field").evaluate_all(middles)
        rows = step.page.locator(".rate-row").evaluate_all(middles)
        places = step.page.locator(".freezers .place").evaluate_all(middles)
        assert rows == pytest.approx(blocks, abs=1) and places == pytest.approx(blocks[:3], abs=1)
        (cut,) = step.page.locator(".cut").evaluate_all(middles)
        above, below = blocks[3 + 13 - 6], blocks[3 + 13 - 5]
        assert cut == pytest.approx((above + below) / 2, abs=1)
        assert step.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
