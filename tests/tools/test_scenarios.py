"""The figures of the Learn tab: every preset has them, they come from one command, and they come out the same again."""

from __future__ import annotations

import json

import pytest

from mtl.__main__ import main
from mtl.config import KINDS, TrainConfig
from mtl.groups import Groups
from mtl.places import ASSETS
from mtl.tools import scenarios
from mtl.training.presets import PRESETS

MARKED = "[Ada](PER) left [Acme](ORG) in [Rome](LOC) for a [Vespa](MISC)."
SENTENCES = (
    ("Ada left Acme in Rome for a Vespa.", "positive", 0.5, "Science", MARKED),
    ("The soup was cold and the waiter rude.", "negative", -0.7, "Other", "The soup was cold and the waiter rude."),
    ("The train leaves at nine.", "neutral", 0.0, "Other", "The train leaves at nine."),
    ("The new phone charges in an hour.", "neutral", 0.0, "Technology", "The new phone charges in an hour."),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A table of the four tasks that trains in a moment."""
    path = tmp_path_factory.mktemp("data") / "small.csv"
    rows = [f"{i}: {text},{s},{x},{t},{i}: {e}" for i in range(10) for text, s, x, t, e in SENTENCES]
    path.write_text("text,sentiment,intensity,topic,entities\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def measured(small, tiny):
    base = TrainConfig(epochs=2, validation=0.2, keep_best=False, precision="float32", lr=1e-3)
    return [scenarios.measure(small, tiny, base) for _ in range(2)]


@pytest.fixture(scope="module")
def bundled():
    return json.loads((ASSETS / "scenarios.json").read_text(encoding="utf-8"))


def check_form(figures):
    """What the page reads of the figures."""
    assert figures["command"] == "python -m mtl scenarios"
    assert {"probe", "base"} <= figures.keys() and figures["machine"].split(", ")[-1] in ("float32", "bfloat16")
    assert {"file", "sha256", "rows", "held_out"} == figures["data"].keys()
    assert len(figures["start"]["sha256"]) == 64 and figures["start"]["name"]
    assert {name: task["metric"] for name, task in figures["tasks"].items()} == {
        name: KINDS[task["kind"]].headline.name for name, task in figures["tasks"].items()
    }
    assert [scenario["name"] for scenario in figures["scenarios"]] == [preset.name for preset in PRESETS]
    for scenario in figures["scenarios"]:
        assert scenario["scores"].keys() == figures["tasks"].keys()
        assert all(-1 <= score <= 1 for score in scenario["scores"].values())
        assert scenario["moved"].keys() == scenario["sizes"].keys()
        assert -1 <= scenario["cosine"] <= 1.0001
        assert scenario["seconds"] > 0 or not scenario["learns"]
        TrainConfig.from_json(scenario["config"])
    lesson = figures["anchor"]
    assert [run["anchor"] for run in lesson["runs"]] == list(scenarios.ANCHORS)
    for run in lesson["runs"]:
        assert run["scores"].keys() == {lesson["task"]}
        assert run["probe"].keys() == figures["tasks"].keys() - {lesson["task"]}
        assert all({"metric", "before", "after"} == task.keys() for task in run["probe"].values())


def test_the_bundled_figures_have_every_preset(bundled):
    check_form(bundled)
    assert bundled["data"]["file"] == "workshop.csv"
    assert bundled["start"]["name"] == scenarios.START


def test_the_bundled_figures_are_those_of_the_presets_as_they_are(bundled):
    groups = Groups(bundled["scenarios"][0]["sizes"])
    base = TrainConfig.from_json(bundled["base"])
    for preset, scenario in zip(PRESETS, bundled["scenarios"], strict=True):
        made = preset.make(groups, base)
        assert TrainConfig.from_json(scenario["config"]) == made, f"{preset.name} has changed: measure again"


def test_the_bundled_figures_teach_what_the_page_says(bundled):
    """The lesson on the anchor is no lesson if both runs come to the same."""
    without, held = bundled["anchor"]["runs"]
    assert held["cosine"] > 0.9 > 0.7 > without["cosine"]
    by_name = {scenario["name"]: scenario for scenario in bundled["scenarios"]}
    assert by_name["heads"]["cosine"] == by_name["frozen"]["cosine"] == 1.0
    assert by_name["depth"]["scores"]["sentiment"] > by_name["heads"]["scores"]["sentiment"]


def test_no_day_and_no_address_stands_in_the_figures(bundled):
    import platform
    import re

    text = json.dumps(bundled)
    assert not re.search(r"20\d\d-\d\d", text) and platform.node() not in text and "/tmp" not in text


def test_measuring_has_the_form_that_the_page_reads(measured):
    check_form(measured[0])
    assert measured[0]["data"] == {**measured[0]["data"], "file": "small.csv", "rows": 32, "held_out": 8}


def test_only_the_seconds_differ_the_second_time(measured):
    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(each) for key, each in value.items() if key != "seconds"}
        return [timeless(each) for each in value] if isinstance(value, list) else value

    assert timeless(measured[0]) == timeless(measured[1])


def test_what_is_frozen_has_not_moved(measured):
    found = {scenario["name"]: scenario for scenario in measured[0]["scenarios"]}
    assert not any(found["frozen"]["moved"].values()) and not found["frozen"]["learns"]
    layers = [name for name in found["heads"]["moved"] if not name.startswith("head ")]
    assert not any(found["heads"]["moved"][name] for name in layers)
    assert found["heads"]["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert all(found["depth"]["moved"][name] for name in layers)
    first = next(iter(measured[0]["tasks"]))
    assert found["one-head"]["moved"][f"head {first}"] == 0


def test_the_command_writes_what_was_measured(tmp_path, monkeypatch, measured, capsys):
    monkeypatch.setattr(scenarios, "measure", lambda say: (say("one"), measured[0])[1])
    out = tmp_path / "figures.json"
    assert main(["scenarios", "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8")) == json.loads(json.dumps(measured[0]))
    assert "12 presets" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_said_before_minutes_are_spent(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scenarios, "measure", lambda **_: pytest.fail("measured"))
    assert main(["scenarios", "--out", str(tmp_path / "no" / "figures.json")]) == 1
    assert "There is no folder" in capsys.readouterr().err
