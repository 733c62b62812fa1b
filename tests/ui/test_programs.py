"""What the endpoints for programs answer."""

from __future__ import annotations

import numpy as np
import pytest

from mtl.ui import programs
from tests.handlers import TEXTS


@pytest.fixture
def asked(model, session_of):
    return session_of(model).models.shared(None, "a program")


def test_programs_get_the_command_lines_json(asked):
    found = programs.as_json(asked, list(TEXTS[:2]))
    assert [one["text"] for one in found] == list(TEXTS[:2])
    assert set(found[0]) >= {"text", "embedding", "sentiment", "intensity", "entities"}
    vectors = np.array(programs.vectors(asked, list(TEXTS[:2]), "max"))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_parts_give_the_same_answers_as_the_whole(model, asked, monkeypatch):
    whole = [one.to_json() for one in model.analyze(TEXTS)]
    monkeypatch.setattr(programs, "PART", 4)
    for one, other in zip(programs.as_json(asked, list(TEXTS)), whole, strict=True):
        np.testing.assert_allclose(one["embedding"], other["embedding"], atol=1e-5)
        assert one["sentiment"]["label"] == other["sentiment"]["label"]


def test_a_program_is_told_what_is_wrong(asked):
    import gradio as gr

    with pytest.raises(gr.Error, match="Text 2 is empty"):
        programs.for_program(lambda: programs.as_json(asked, ["a", ""]))
    with pytest.raises(gr.Error, match="Unknown pooling"):
        programs.for_program(lambda: programs.vectors(asked, ["a"], "median"))
