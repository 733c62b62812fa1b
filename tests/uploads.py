"""Tables as a visitor brings them to the page, for a model that reads `limit` tokens and has three heads."""

from __future__ import annotations

import functools
import re
from html import unescape
from types import SimpleNamespace

from mtl.config import TaskSpec
from mtl.sandbox import Sandbox
from mtl.ui.train.data import step as data
from mtl.ui.visitors import Visit

TASKS = {
    "sentiment": TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    "intensity": TaskSpec("intensity", "regression"),
    "entities": TaskSpec("entities", "tagging", ("PER", "ORG", "LOC", "MISC")),
}


SANDBOX = Sandbox()


@functools.cache
def tokenizer():
    import mtl

    return mtl.load().backbone.tokenizer


def model(limit=256):
    return SimpleNamespace(tasks=TASKS, max_tokens=limit, backbone=SimpleNamespace(tokenizer=tokenizer()))


def session_of(model):
    """What the handlers of step 1 use of a session."""
    models, runs = SimpleNamespace(get=lambda name: model), SimpleNamespace(find=lambda owner: [])
    return SimpleNamespace(models=models, runs=runs, sandbox=SANDBOX, next_revision=lambda: 1)


def take(visit, model, path, name, shares=None, **reading):
    """What `data.take` returns when it is done; the shares of the work that it tells are added to `shares`."""
    return finish(data.take(session_of(model), visit, path, name, reading), shares)


def write(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def brought(tmp_path, content, name="table.csv", visit=None, **reading):
    return take(visit or Visit(0.0), model(), write(tmp_path, content, name), name, **reading)


def rows_of(labels, count=12, header="text,mood"):
    lines = [f"this is sentence number {i} of many,{labels[i % len(labels)]}" for i in range(count)]
    return "\n".join([header, *lines, ""])


def plain(html):
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", "", html)))


def finish(steps, told=None):
    """What a generator returns when all of its steps are done; what it yields is added to `told`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if told is not None:
            told.append(step)
