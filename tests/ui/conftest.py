"""A tiny model with a head of each kind, its analysis of six sentences, and a session around it."""

from __future__ import annotations

import csv
import io
import itertools
import types

import pytest

from mtl.config import ModelConfig
from mtl.ui.models import Models
from mtl.ui.page import Session
from mtl.ui.visitors import Registry, Work
from tests.handlers import TASKS, TEXTS
from tests.uploads import SANDBOX


@pytest.fixture(scope="session")
def model(tiny):
    import torch

    import mtl
    from mtl.checkpoint import derive

    torch.manual_seed(0)
    return derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


@pytest.fixture(scope="session")
def headless(tiny):
    import mtl

    return mtl.load(tiny, dtype="float32")


@pytest.fixture
def work(model):
    labels = {"mood": ("good", "bad", None, "good", "good", "bad"), "stars": (1.0, 2.0, 3.0, None, 5.0, 4.0)}
    return Work(model, model.analyze(TEXTS), labels)


@pytest.fixture
def counted(model, monkeypatch):
    """How often the model was asked, by method."""
    calls = {"analyze": 0, "encode": 0}
    for name in calls:
        method = getattr(model, name)

        def ask(*args, name=name, method=method, **kwargs):
            calls[name] += 1
            return method(*args, **kwargs)

        monkeypatch.setattr(model, name, ask)
    return calls


@pytest.fixture
def session_of():
    """A function from a model to a session around it."""

    def make(model) -> Session:
        engine = types.SimpleNamespace(model=lambda: model, ready=True, name=None, alone=0.5)
        revisions = itertools.count(1)
        return types.SimpleNamespace(
            engine=engine,
            models=Models(engine),
            registry=Registry(),
            sandbox=SANDBOX,
            views={"letters": lambda work: str(sum(map(len, work.texts)))},
            next_revision=lambda: next(revisions),
        )

    return make


@pytest.fixture
def rows_of():
    """A function from a downloaded CSV to its rows."""
    return lambda content: list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
