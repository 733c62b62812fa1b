"""Forgetting is zero for a model compared with itself and shows where weights were destroyed."""

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec
from mtl.data.rows import Row
from mtl.encoder.backbone import replace_parameter
from mtl.text.spans import Span
from mtl.training.forgetting import measure

TASKS = (TaskSpec("mood", "classification", ("bad", "good")), TaskSpec("stars", "regression", low=1, high=5))
ROWS = [Row(f"a text number {i}", {"mood": "good" if i % 2 else "bad", "stars": 1.0 + i % 5}, i) for i in range(20)]


@pytest.fixture
def before(tiny):
    torch.manual_seed(0)
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


def test_a_model_forgets_nothing_against_itself(before):
    found = measure(before, before, ["mood"], ROWS)
    assert found["cosine"] == pytest.approx(1.0)
    assert found["tasks"]["mood"]["trained"] and not found["tasks"]["stars"]["trained"]
    assert all(t["before"] == t["after"] for t in found["tasks"].values())


def test_a_destroyed_layer_shows(before):
    after = checkpoint.derive(before, before.config)
    for name, parameter in list(after.backbone.named_parameters()):
        if ".layer.1." in name:
            replace_parameter(after.backbone, name, torch.randn_like(parameter))
    assert measure(before, after.eval(), [], ROWS)["cosine"] < 0.99


def test_a_task_whose_labels_changed_is_not_compared(before):
    other = TaskSpec("mood", "classification", ("bad", "good", "so"))
    after = checkpoint.derive(before, ModelConfig(tasks=(other, TASKS[1]))).eval()
    assert set(measure(before, after, [], ROWS)["tasks"]) == {"stars"}


@pytest.mark.parametrize(
    "spec",
    [
        TaskSpec("mood", "classification", ("bad", "fine")),
        TaskSpec("mood", "regression"),
        TaskSpec("mood", "tagging", ("PER",)),
        TaskSpec("stars", "tagging", ("PER",)),
        TaskSpec("stars", "classification", ("1", "2")),
    ],
)
def test_a_task_of_the_same_name_and_another_meaning_is_left_out(before, spec):
    other = checkpoint.derive(before, ModelConfig(tasks=(spec,))).eval()
    assert measure(other, other, [], ROWS) == {"tasks": {}, "cosine": pytest.approx(1.0)}


def test_entities_are_compared_where_all_types_of_the_rows_are_known(before):
    rows = [Row("Ada lives in Oslo", {"names": (Span(0, 3, "PER"), Span(13, 17, "LOC"))}, i) for i in range(3)]
    for labels, known in ((("PER", "LOC"), {"names"}), (("PER",), set())):
        model = checkpoint.derive(before, ModelConfig(tasks=(TaskSpec("names", "tagging", labels),))).eval()
        assert set(measure(model, model, [], rows)["tasks"]) == known
