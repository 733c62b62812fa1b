"""A model card says what was frozen when, and is safe to show whatever a stranger's column headers hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training import card


@given(st.text(max_size=40))
def test_a_card_shows_names_as_text_whatever_they_hold(name):
    cell = card._cell(name)
    assert "\n" not in cell
    for mark in "|[]<>`":
        assert cell.count(mark) == cell.count("\\" + mark)


def frozen(model, config: TrainConfig, trained=("mood", "a|b")) -> dict[str, str]:
    """What the card of a run with these settings, and labels for these tasks, says was frozen, by group."""
    record = {"train": config.to_json(), "start_from": "default", "seconds": 1.0, "status": "done", "metrics": {}}
    text = card.text(model, record | {"trained": trained})
    return dict(re.findall(r"^\| ((?:\\.|[^|])+) \| [\d,]+ \| \S+ \| (.+) \|$", text, re.M))


@pytest.fixture
def model(tiny):
    tasks = tuple(TaskSpec(name, "classification", ("a", "b")) for name in ("mood", "a|b"))
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))


def test_a_card_says_what_was_frozen_in_which_epoch(model):
    gradual = TrainConfig(epochs=5, freeze=-1, unfreeze=((2, 3), (4, 1), (9, 0)), freeze_heads=("mood",))
    assert frozen(model, gradual) == {
        "embeddings": "always",
        "layer 1": "epochs 1 to 3",
        "layer 2": "epochs 1 to 3",
        "layer 3": "epoch 1",
        "head mood": "always",
        "head a\\|b": "never",
    }
    again = TrainConfig(epochs=5, freeze=1, unfreeze=((3, 2), (4, 0)), rates={"layer 2": 0.0})
    assert list(frozen(model, again).values()) == ["epochs 1 to 3", "epoch 3", "always", "never", "never", "never"]


def test_a_card_says_which_head_had_no_labels(model):
    assert frozen(model, TrainConfig(), ["a|b"])["head mood"] == "always: no labels"
    assert frozen(model, TrainConfig(freeze_heads=("mood",)))["head mood"] == "always"


@pytest.mark.parametrize(("rows", "said"), [(2, "2 rows held out: this says little"), (10, "10 rows held out")])
def test_a_card_says_how_to_use_the_model_and_how_much_its_scores_say(model, rows, said):
    metrics = ("macro_f1", "accuracy", "macro_precision", "macro_recall")
    scores = {"mood": {"rows": rows, **dict.fromkeys(metrics, 0.5)}}
    record = {"train": {}, "start_from": "default", "seconds": 1.0, "status": "done", "metrics": scores}
    text = card.text(model, record | {"trained": ["mood"]})
    assert f"macro_recall 0.500 ({said})" in text
    assert "mtl.load(FOLDER).analyze(" in text and "python -m mtl analyze --model FOLDER" in text
