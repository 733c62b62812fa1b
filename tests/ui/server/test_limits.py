"""The settings of the page that are numbers: from the environment, checked, and told in the README."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mtl.config import UserError
from mtl.encoder import states
from mtl.training.runs import nodes
from mtl.ui import app
from mtl.ui.server.limits import Limits

ROOT = Path(__file__).resolve().parents[3]


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MTL_RUN_HOURS", "0.5")
    monkeypatch.setenv("MTL_RUNS_GB", "")
    assert Limits.from_environment() == replace(Limits(), run_hours=0.5)


@pytest.mark.parametrize("name", asdict(Limits()))
@pytest.mark.parametrize("value", ["0", "-3", "many", "nan"])
def test_a_limit_that_is_none_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"MTL_{name.upper()}", value)
    with pytest.raises(UserError, match=f"MTL_{name.upper()} must be a number above 0"):
        Limits.from_environment()


def test_the_readme_tells_every_limit_and_its_default():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = {}
    for names, defaults in re.findall(r"^\| (`MTL_.*?) \|.*\| ([\d, .]+) \|$", readme, re.MULTILINE):
        told |= dict(zip(re.findall("MTL_[A-Z_]+", names), map(float, defaults.split(",")), strict=True))
    limits = {f"MTL_{name.upper()}": default for name, default in asdict(Limits()).items()}
    assert told == {**limits, "MTL_STATES_GB": states.GIGABYTES, "MTL_RAY_CORES": nodes.CORES}


def test_a_page_with_a_wrong_limit_does_not_start(monkeypatch):
    monkeypatch.setenv("MTL_UNREAD_CALLS", "many")
    with pytest.raises(UserError, match="MTL_UNREAD_CALLS"):
        app.build("a folder that does not exist")
