"""What events of the page are wired to changes what it gives, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
import pytest

from mtl.config import UserError
from mtl.sheets import csv_bytes
from mtl.training.runs.service import Runs
from mtl.ui.engine import Engine
from mtl.ui.page import Session, written
from mtl.ui.server.limits import Limits
from mtl.ui.train.run.words import LOST_RUNS
from mtl.ui.visitors import Registry


def refuse(visit):
    raise UserError("No.")


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("view", [lambda visit: iter(()), refuse])
def test_what_gives_nothing_changes_nothing(view, count, recwarn):
    session = SimpleNamespace(registry=SimpleNamespace(visit=lambda name: None))
    with gr.Blocks() as page:
        outputs = [gr.Textbox() for _ in range(count)]
        Session.wire(session, [gr.Button().click], view, [], outputs)
    (event,) = page.fns.values()
    given = list(event.fn(SimpleNamespace(session_hash="one")))
    assert given == [gr.skip() if count == 1 else (gr.skip(),) * count]


def test_a_download_says_which_texts_it_changed(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Info", said.append)
    for rows in ([["plain"]], [["=A1"], ["@you"]]):
        content = csv_bytes(["text"], rows)
        assert written(tmp_path / "rows.csv", content).read_bytes() == content
    written(tmp_path / "rows.npy", b"numbers")
    assert said == ["2 texts begin as a formula does, and got an apostrophe before it."]


@pytest.mark.parametrize(
    ("space", "bucket", "lost"), [(False, False, ""), (True, False, "all"), (True, True, "unfinished")]
)
def test_it_knows_which_runs_a_restart_loses(tmp_path, monkeypatch, space, bucket, lost):
    if space:
        monkeypatch.setenv("SPACE_ID", "somebody/playground")
    else:
        monkeypatch.delenv("SPACE_ID", raising=False)
    (tmp_path / "bucket").mkdir()
    runs = Runs(tmp_path / "runs", bucket=str(tmp_path / "bucket") if bucket else None)
    with gr.Blocks():
        session = Session(Engine(None), Registry(), runs, Limits())
    assert session.loses == lost and bool(LOST_RUNS.get(session.loses)) == space
