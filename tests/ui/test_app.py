"""The page as it is built, without a browser."""

from __future__ import annotations

import inspect
import re

import pytest

from mtl.config import UserError
from mtl.ui import app as page
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES
from mtl.ui.page import UNEXPECTED, in_plain_words
from mtl.ui.programs.functions import FUNCTIONS
from mtl.ui.server.hosts import Hosts
from mtl.ui.server.limits import Limits
from mtl.ui.tabs import TABS


def test_tabs_keep_their_contract():
    for tab in TABS:
        assert isinstance(tab.TITLE, str)
        assert list(inspect.signature(tab.build).parameters) == ["session"]


def test_of_an_unforeseen_problem_kind_and_place_are_logged_and_no_text(caplog):
    def fail():
        raise ZeroDivisionError("a visitor's sentence")

    with pytest.raises(ZeroDivisionError) as raised:
        fail()
    assert in_plain_words(raised.value) == UNEXPECTED
    assert "ZeroDivisionError" in caplog.text and "fail" in caplog.text
    assert "a visitor's sentence" not in caplog.text


def test_an_error_that_quotes_a_megabyte_is_cut():
    assert len(in_plain_words(UserError("x" * 1_000_000))) <= 600


def test_the_page_is_built_without_the_model_and_keeps_its_handlers_private():
    demo = page.build("a folder that does not exist")
    public = {d["api_name"] for d in demo.get_config_file()["dependencies"] if d["api_visibility"] == "public"}
    assert public == set(FUNCTIONS)
    assert not demo.engine.ready


def test_what_the_browser_is_asked_to_run_is_in_its_scripts():
    head = page.launch_settings(Hosts(), Limits())["head"]
    config = page.build("a folder that does not exist").get_config_file()
    named = {d["js"] for d in config["dependencies"] if d["js"]}
    named |= {c["props"]["js_on_load"] for c in config["components"] if "mtl." in c["props"].get("js_on_load", "")}
    assert len(named) > 10
    for script in named:
        name = re.match(r"(?:\(\) => )?mtl\.(\w+)", script)[1]
        assert re.search(rf"^(?:  {name}:|mtl\.{name} =) ", head, re.MULTILINE), f"{script} is nowhere"


def test_only_clicks_and_looks_are_dropped_while_an_answer_is_under_way():
    """A choice made meanwhile must be answered, too, or the page shows what is no longer chosen."""
    demo = page.build("a folder that does not exist")
    asked = [d for d in demo.get_config_file()["dependencies"] if d["backend_fn"] and d["api_visibility"] != "public"]
    dropped = {event for d in asked if d["trigger_mode"] == "once" for _, event in d["targets"]}
    assert dropped == {"click", "tick", "load"}
    kept = {event for d in asked if d["trigger_mode"] != "once" for _, event in d["targets"]}
    assert {"input", "change", "select", "upload"} <= kept


def test_an_events_progress_is_told_to_no_component():
    events = page.build("a folder that does not exist").get_config_file()["dependencies"]
    told = [d["targets"] for d in events if d["api_visibility"] != "public" and d["show_progress_on"] != []]
    assert told == []


def test_nothing_is_sent_or_recorded():
    settings = page.launch_settings(Hosts(), Limits())
    assert settings["run_history"] is False and settings["enable_monitoring"] is False
    assert settings["show_error"] is False and settings["max_file_size"] == MAX_ZIP_BYTES
    assert page.build("x").analytics_enabled is False
