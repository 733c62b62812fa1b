"""Every parameter is in one readable group with its rate; frozen ones stay the shared tensors, untouched."""

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.training import optim
from mtl.training.adam import Schedule
from tests.conftest import LAYERS

TASKS = (TaskSpec("mood", "classification", ("good", "bad")), TaskSpec("a.b", "tagging", ("PER",), hidden=8))


def _model(folder, **config):
    return checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(tasks=TASKS, **config))


def test_the_schedule_rises_then_falls_to_zero(tiny):
    groups = optim.unfreeze(_model(tiny), TrainConfig())
    adam = optim.optimizer(groups, 0.0)
    schedule = Schedule(adam, 10, 0.2)
    factors = []
    for done in range(11):
        schedule.go_to(done)
        factors.append(adam.param_groups[-1]["lr"] / 1e-3)
    assert factors[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert factors == sorted(factors[:2]) + sorted(factors[2:], reverse=True)
    assert adam.param_groups[-1]["lr"] == 0


def test_biases_and_norms_are_not_decayed(tiny):
    adam = optim.optimizer(optim.unfreeze(_model(tiny), TrainConfig()), 0.5)
    for part in adam.param_groups:
        assert all((p.ndim > 1) == (part["weight_decay"] == 0.5) for p in part["params"])


@pytest.mark.parametrize("freeze", range(LAYERS + 2))
def test_frozen_groups_keep_the_shared_tensors_and_the_others_get_their_own(tiny, freeze):
    base = mtl.load(tiny, dtype="float32")
    model = checkpoint.derive(base, ModelConfig(tasks=TASKS))
    groups = optim.unfreeze(model, TrainConfig(freeze=freeze, freeze_heads=("mood",)))
    assert groups.depth(1) == freeze
    for (name, own), (_, shared) in zip(
        model.backbone.named_parameters(), base.backbone.named_parameters(), strict=True
    ):
        frozen = model.backbone.group_of(name) < freeze
        assert (own is shared) == frozen
        assert own.requires_grad != frozen
    assert not any(p.requires_grad for p in model.head("mood").parameters())
    assert all(p.requires_grad for p in model.head("a.b").parameters())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (TrainConfig(freeze=LAYERS + 2), "has 4 layer groups"),
        (TrainConfig(freeze_heads=("topic",)), "No head is called 'topic'; the heads are mood and a.b"),
        (TrainConfig(task_weights={"topic": 2.0}), "No head is called 'topic'; the heads are mood and a.b"),
        (TrainConfig(rates={"layer 9": 1e-3}), "No group is called 'layer 9'.*layer 3"),
        (TrainConfig(freeze=-1, freeze_heads=("mood", "a.b")), "nothing would learn"),
        (TrainConfig(lr=0.0, head_lr=0.0), "nothing would learn"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_words(tiny, config, words):
    with pytest.raises(UserError, match=words):
        optim.unfreeze(_model(tiny), config)


def test_movement_is_exactly_zero_for_frozen_groups_and_relative_for_others(tiny):
    model = _model(tiny)
    groups = optim.unfreeze(model, TrainConfig(freeze=2))
    movement = optim.Movement(groups)
    with torch.no_grad():
        for group in groups:
            if not group.frozen:
                for parameter in group.parameters.values():
                    parameter.mul_(1.1)
    moved = movement()
    assert moved["embeddings"] == moved["layer 1"] == 0.0
    assert moved["layer 3"] == pytest.approx(0.1, rel=1e-4)


def test_the_average_is_the_mean_of_what_was_added():
    weight = torch.nn.Parameter(torch.zeros(5))
    average = optim.Average([weight])
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            weight.fill_(value)
        average.add()
    average.apply()
    assert torch.allclose(weight, torch.full_like(weight, 3.0))


def test_gradients_that_come_as_rows_are_those_of_the_whole_table_step_after_step():
    rows = torch.nn.Embedding(50, 4, padding_idx=0, sparse=True)
    whole = torch.nn.Embedding(50, 4, padding_idx=0)
    whole.load_state_dict(rows.state_dict())
    spread = optim.RowGradients([rows.weight])
    for ids in ([1, 2, 2, 0], [7, 2], [49]):
        rows.weight.grad = whole.weight.grad = None
        for table in (rows, whole):
            table(torch.tensor(ids)).sin().sum().backward()
        assert rows.weight.grad.is_sparse
        spread.spread()
        assert torch.equal(rows.weight.grad, whole.weight.grad)
        rows.weight.grad.add_(1)  # as the average over several processes does, in rows that were not used here


def test_what_was_frozen_or_has_no_gradient_is_left_alone():
    parameter = torch.nn.Parameter(torch.zeros(3))
    optim.RowGradients([parameter]).spread()
    assert parameter.grad is None


def test_a_large_change_is_measured_whole():
    a, b = torch.randn(5_000, 3), torch.randn(5_000, 3)
    assert optim._distance(a, b) == pytest.approx(float((a - b).norm()), rel=1e-5)
