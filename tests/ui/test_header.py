"""The top of the page names the model in use, and offers a model again to its owner alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mtl.config import UserError
from mtl.ui import header
from mtl.ui.visitors import Visit


def test_the_model_of_a_run_is_offered_again_to_its_owner_alone(tmp_path):
    ended = {"id-of-a-run": True, "without-a-model": False}

    def progress(run, owner):
        if owner != "me" or run not in ended:
            raise UserError("There is no such run.")
        return SimpleNamespace(checkpoint=ended[run])

    runs = SimpleNamespace(root=tmp_path, progress=progress)
    session = SimpleNamespace(runs=runs, models=SimpleNamespace(get=lambda path: path), next_revision=lambda: 7)
    assert header.with_model(session, "id-of-a-run", "me") == "id-of-a-run"
    for run, owner in (("id-of-a-run", "you"), ("without-a-model", "me"), ("../..", "me"), ("", "me"), (None, "me")):
        assert header.with_model(session, run, owner) is None
    visit = Visit(0.0, owner="me")
    with pytest.raises(UserError, match="no longer on this server"):
        header.use_again(session, visit)
    visit.train.used_before = "id-of-a-run"
    assert header.use_again(session, visit) == 7
    assert visit.train.model == tmp_path / "id-of-a-run" / "checkpoint" and visit.train.used_before is None
