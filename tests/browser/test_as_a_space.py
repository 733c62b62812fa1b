"""The page as people meet a Space: in a frame of the Hub's page."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.serving import launch_options, served_page

HUB = "https://huggingface.co/spaces/somebody/playground"
SPACE = {"SPACE_ID": "somebody/playground", "SPACE_HOST": "somebody-playground.hf.space", "SYSTEM": "spaces"}
# What the page has in its place where the browser refuses its own (see network.js) is no Storage.
KINDS = "[localStorage, sessionStorage].map(storage => storage instanceof Storage)"


@pytest.fixture
def strict(playwright, tmp_path):
    """A browser whose settings let no site keep anything. (Where they forbid it to third parties alone, Chromium gives
    a frame a memory of its own.)"""
    (tmp_path / "Default").mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    options = launch_options()
    # The Hub's address is answered by this test; a page of the real one could not show a server of this machine.
    options["args"] = [*options["args"], "--disable-features=LocalNetworkAccessChecks"]
    with playwright.chromium.launch_persistent_context(str(tmp_path), **options) as browser:
        yield browser


@pytest.mark.slow
def test_the_page_works_in_a_frame_that_may_keep_nothing(strict):
    with served_page(settings=SPACE) as url:
        page, errors = strict.new_page(), []
        page.set_viewport_size({"width": 1440, "height": 900})
        page.on("pageerror", lambda problem: errors.append(str(problem)))
        frame = f'<iframe src="{url}" style="position: fixed; inset: 0; width: 100%; height: 100%"></iframe>'
        page.route(HUB, lambda route: route.fulfill(content_type="text/html", body=frame))
        page.goto(HUB)
        inside = page.frame_locator("iframe")
        expect(inside.locator("#status")).to_contain_text("one pass")
        assert page.frames[1].evaluate(KINDS) == [False, False], "this browser blocks nothing: the test tries nothing"
        inside.locator("#sentences textarea").fill("Ada lives in London.\nThe soup was cold.")
        inside.locator("#analyze").click()
        expect(inside.locator("#status")).to_contain_text("2 sentences")
        inside.get_by_role("tab", name="Train").click()
        expect(inside.locator("#step-train")).to_contain_text("This Space forgets all runs when it restarts")
        inside.locator("#data-samples").get_by_label("workshop").click()
        inside.get_by_role("button", name="Backbone frozen", exact=True).click()
        expect(inside.locator("#estimate")).to_contain_text("steps")
        expect(inside.locator("#start")).to_be_enabled()
        inside.locator("#start").click()
        # Its owner is known, though this browser cannot remember the next time.
        inside.locator("#stop-run").click()
        expect(inside.locator("#run-progress")).to_contain_text("Stopped")
        assert errors == []
