"""What each module of our own gains over the library's, which takes its place for the time of the comparison."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from unittest import mock

from torch import nn

import mtl
from mtl import heads
from mtl.encoder import backbone, bert, linear
from mtl.training.jobs import prepare
from tests.bench import measure, texts
from tests.bench.startup import WORKSHOP, in_fresh_process
from tests.bench.table import Row, seconds
from tests.bench.training import ALONE, train

# A module that gains less everywhere is not worth its lines.
TARGET = 1.05


def gains(rounds: int) -> tuple[list[Row], str]:
    """A row for each of our modules and what it is there for, and a note."""
    model = mtl.load()
    sentences = texts.mixed()
    with_all_learning = prepare(WORKSHOP, replace(ALONE, epochs=1), backbone.DEFAULT)
    with_heads_learning = prepare(WORKSHOP, replace(ALONE, freeze=-1, epochs=10), backbone.DEFAULT)
    reading = f"analysis of {len(sentences)} texts"
    fused = mock.patch.object(bert, "fused_is_quicker", lambda hidden, longest: True)
    rows = [
        _row(f"attention.py: {reading}", "torch's fused attention", lambda: model.analyze(sentences), fused, rounds),
        _row(
            "attention.py: an epoch of workshop.csv, nothing frozen",
            "torch's fused attention",
            lambda: train(with_all_learning),
            fused,
            rounds,
            least=0.95,
        ),
        _row(
            "dropout.py: 10 epochs of workshop.csv, heads alone",
            "`nn.Dropout`",
            lambda: train(with_heads_learning),
            mock.patch.object(heads, "Dropout", nn.Dropout),
            rounds,
        ),
    ]
    note = ""
    if linear.has_kernel():
        plain = mock.patch.object(linear, "has_kernel", lambda: False)
        rows.append(
            _row(f"linear.py: {reading}, bfloat16", "`nn.Linear`", lambda: model.analyze(sentences), plain, rounds)
        )
    else:
        note = "linear.py could not be measured: this processor has no bfloat16 kernel for it."
    rows.append(
        _row(
            "bert.py: the encoder loaded in a fresh process",
            "the same by transformers",
            lambda: in_fresh_process("import mtl; mtl.load('all-MiniLM-L6-v2')"),
            contextlib.nullcontext(),
            rounds,
            without=lambda: in_fresh_process(
                "import mtl\nfrom mtl.encoder import bert\nbert.load = lambda *_: None\nmtl.load('all-MiniLM-L6-v2')"
            ),
        )
    )
    rows.append(
        _row(
            "adam.py: imported in a fresh process that has torch",
            "`torch.optim.AdamW`",
            lambda: in_fresh_process("import torch, mtl.training.adam"),
            contextlib.nullcontext(),
            rounds,
            without=lambda: in_fresh_process("import torch; torch.optim.AdamW([torch.zeros(1)], fused=True).step()"),
        )
    )
    return rows, note


def _row(
    what: str,
    against: str,
    work: Callable[[], object],
    replaced: contextlib.AbstractContextManager,
    rounds: int,
    without: Callable[[], object] | None = None,
    least: float = TARGET,
) -> Row:
    def plain() -> object:
        with replaced:
            return (without or work)()

    times = measure.side_by_side({"ours": work, "theirs": plain}, rounds)
    gain = measure.ratio(times["theirs"], times["ours"])
    ours, theirs = (seconds(median(times[name])) for name in ("ours", "theirs"))
    return Row(what, against, ours, theirs, f"{gain:.2f}x faster", f"at least {least}x", gain >= least)
