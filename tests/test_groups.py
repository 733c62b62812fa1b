"""Which weights learn in which epoch, at what rate: the answers agree with one another and with the real optimiser."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.groups import Groups
from mtl.training import optim
from tests.conftest import FAMILIES, LAYERS

# Names that look like those of groups are only names of tasks.
TASKS = (
    TaskSpec("mood", "classification", ("good", "bad")),
    TaskSpec("projection", "regression"),
    TaskSpec("head a.b", "tagging", ("PER",), hidden=8, shape_window=1),
)
LAYER_NAMES = ["embeddings", *(f"layer {i + 1}" for i in range(LAYERS))]
TASK_NAMES = [task.name for task in TASKS]
NAMES = [*LAYER_NAMES, *(f"head {name}" for name in TASK_NAMES), "projection"]
SIZES = {name: 10 + i for i, name in enumerate(NAMES)}
EPOCHS = range(1, 9)

rates = st.sampled_from([0.0, 1e-5, 3e-4, 1.0])
thaws = st.dictionaries(st.integers(2, 8), st.integers(0, LAYERS + 1), max_size=4).map(
    lambda d: tuple(sorted(d.items()))
)
configs = st.builds(
    TrainConfig,
    epochs=st.just(8),
    freeze=st.integers(-1, LAYERS + 1),
    freeze_heads=st.lists(st.sampled_from(TASK_NAMES), unique=True).map(tuple),
    unfreeze=thaws,
    lr=rates,
    lr_decay=st.sampled_from([0.0, 0.5, 1.0]),
    head_lr=rates,
    rates=st.dictionaries(st.sampled_from(NAMES), rates, max_size=2),
)


def derived(folder, **config):
    return checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(tasks=TASKS, **config))


@pytest.fixture(scope="module")
def model(tiny):
    return derived(tiny, projection=8)


def frozen_by_the_settings(config: TrainConfig, name: str, epoch: int) -> bool:
    """What the settings say of one group, spelled out as their documentation does."""
    lowest = len(LAYER_NAMES) if config.freeze == -1 else config.freeze
    for first, k in config.unfreeze:
        lowest = k if epoch >= first else lowest
    return name in LAYER_NAMES[:lowest] or name in [f"head {task}" for task in config.freeze_heads]


# --- which there are ---


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("projection", [0, 8])
def test_every_parameter_is_in_exactly_one_group(tiny_backbones, family, projection):
    model = derived(tiny_backbones[family], projection=projection)
    groups = Groups.of_model(model, TrainConfig(freeze=2))
    assert [group.name for group in groups] == NAMES[: None if projection else -1]
    placed = [id(parameter) for group in groups for parameter in group.parameters.values()]
    learnt = {id(parameter) for name, parameter in model.named_parameters() if name not in model.fitted}
    assert len(placed) == len(set(placed)) and set(placed) == learnt
    for group in groups:
        assert group.size == sum(parameter.numel() for parameter in group.parameters.values())
    # The sizes are known before there is a model.
    assert Groups.of(model.backbone, model.config).sizes == groups.sizes


def test_a_head_without_weights_is_no_group_and_yet_a_task_with_a_weight():
    groups = Groups({**SIZES, "head alike": 0}, TrainConfig(task_weights={"alike": 2.0}))
    assert "head alike" not in [group.name for group in groups] and "alike" in groups.tasks


def test_a_group_says_what_it_is():
    groups = Groups(SIZES)
    assert [g.name for g in groups.layers] == LAYER_NAMES and {g.kind for g in groups.layers} == {"layer"}
    assert [(g.kind, g.label) for g in groups.tops] == [
        *(("head", name) for name in TASK_NAMES),
        ("projection", "projection"),
    ]
    assert groups.tasks == TASK_NAMES
    assert {group.name: group.size for group in groups} == SIZES


def test_asking_needs_no_torch():
    code = "import sys, mtl.groups; mtl.groups.Groups({'layer 1': 3}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- what learns when, and how fast ---


@given(configs)
def test_a_group_learns_unless_it_is_frozen_or_has_the_rate_0(config):
    groups = Groups(SIZES, config)
    for group in groups:
        learns = [not frozen_by_the_settings(config, group.name, epoch) and group.rate > 0 for epoch in EPOCHS]
        assert [group.learns(epoch) for epoch in EPOCHS] == learns
        assert group.frozen == (not any(learns))
        later = [epoch for epoch in EPOCHS if learns[epoch - 1]]
        for epoch in EPOCHS:
            assert group.next_epoch(epoch) == next((e for e in later if e >= epoch), 0)
        spans = group.frozen_spans(8)
        assert [e for first, last in spans for e in range(first, last + 1)] == [e for e in EPOCHS if e not in later]
        assert all(last + 1 < first for (_, last), (first, _) in zip(spans, spans[1:], strict=False))
    for epoch in EPOCHS:
        lowest = [group.learns(epoch) for group in groups.layers]
        assert groups.depth(epoch) == (lowest.index(True) if True in lowest else len(lowest))


@given(configs)
def test_with_gradual_unfreezing_more_and_more_learns(config):
    ks = sorted((k for _, k in config.unfreeze), reverse=True)
    gradual = tuple((epoch, k) for (epoch, _), k in zip(config.unfreeze, ks, strict=True))
    groups = Groups(SIZES, replace(config, freeze=-1, unfreeze=gradual))
    learning = [{group.name for group in groups if group.learns(epoch)} for epoch in EPOCHS]
    assert all(before <= after for before, after in zip(learning, learning[1:], strict=False))
    assert [groups.depth(e) for e in EPOCHS] == sorted((groups.depth(e) for e in EPOCHS), reverse=True)


@given(configs)
def test_rates_fall_by_depth_unless_they_are_given(config):
    groups = Groups(SIZES, config)
    expected = config.lr
    for layer in reversed(groups.layers):
        assert layer.rate == config.rates.get(layer.name, pytest.approx(expected))
        expected *= config.lr_decay
    assert all(group.rate == config.rates.get(group.name, config.head_lr) for group in groups.tops)


@settings(max_examples=50)
@given(configs)
def test_the_optimiser_does_in_each_epoch_what_is_said(model, config):
    if all(group.frozen for group in Groups.of_model(model, config)):
        with pytest.raises(UserError, match="nothing would learn"):
            optim.unfreeze(model, config)
        return
    groups = optim.unfreeze(model, config)
    adam = optim.optimizer(groups, 0.01)
    parameters = dict(model.named_parameters())
    for epoch in EPOCHS:
        optim.set_frozen(groups, epoch)
        for group in groups:
            own = [parameters[name] for name in group.parameters]
            assert {parameter.requires_grad for parameter in own} == {group.learns(epoch)}
            at = {id(p): part["lr"] for part in adam.param_groups for p in part["params"]}
            assert {at[id(parameter)] for parameter in own} == {group.rate}
        needs_gradient = {
            model.backbone.group_of(name) for name, p in model.backbone.named_parameters() if p.requires_grad
        }
        assert groups.depth(epoch) == min(needs_gradient, default=len(LAYER_NAMES))


def test_a_head_without_labels_stays_as_it_is():
    groups = Groups(SIZES, learns=("mood",))
    assert [g.name for g in groups if g.idle] == ["head projection", "head head a.b"]
    assert all(group.frozen == group.idle for group in groups)


@given(thaws, st.integers(0, LAYERS + 1))
def test_what_the_browser_is_given_is_what_the_settings_do(unfreeze, freeze):
    table = Groups(SIZES).first_epochs(unfreeze)
    assert len(table) == len(LAYER_NAMES) + 1
    groups = Groups(SIZES, TrainConfig(freeze=freeze, unfreeze=unfreeze))
    assert table[freeze] == [layer.next_epoch() for layer in groups.layers]


# --- settings that do not fit ---


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (TrainConfig(freeze=LAYERS + 2), rf"{LAYERS + 2} groups cannot be frozen.* has {LAYERS + 1} layer groups"),
        (TrainConfig(unfreeze=((2, 9),)), "9 groups cannot be frozen"),
        (
            TrainConfig(freeze_heads=("topic",)),
            "No head is called 'topic'; the heads are mood, projection and head a.b",
        ),
        (TrainConfig(task_weights={"topic": 2.0}), "No head is called 'topic'; the heads are mood"),
        (TrainConfig(rates={"layer 9": 1e-3}), "No group is called 'layer 9'.*layer 3, head mood"),
        (TrainConfig(rates={"mood": 1e-3}), "No group is called 'mood'.*head mood"),
    ],
)
def test_what_names_a_part_that_is_not_there_is_refused(config, words):
    with pytest.raises(UserError, match=words):
        Groups(SIZES, config)
    with pytest.raises(UserError, match=words):
        Groups(SIZES).under(config)
    groups = Groups(SIZES)
    assert groups.under(groups.fitted(config)).config.epochs == config.epochs


@given(configs)
def test_settings_that_fit_are_left_as_they_are(config):
    assert Groups(SIZES).fitted(config) == config
