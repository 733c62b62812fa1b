from dataclasses import replace

import pytest
import torch

from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.groups import Groups
from mtl.training import optim
from mtl.training.presets import BY_NAME, FREEZING, PRESETS, PROPOSED, RATES, which
from mtl.training.presets import GROUPS as SETS

HEADS = ["sentiment", "topic"]
GROUPS = Groups(dict.fromkeys(["embeddings", *(f"layer {i}" for i in range(1, 7)), "head sentiment", "head topic"], 9))
# What a preset must leave alone.
BASE = TrainConfig(
    epochs=4, batch_size=8, anchor=2.5, seed=9, freeze=3, rates={"layer 1": 0.5}, task_weights={"topic": 2}
)


def settings(name: str, base: TrainConfig = BASE) -> TrainConfig:
    return BY_NAME[name].make(GROUPS, base)


def rates(name: str) -> list[float]:
    """Of the embeddings, the layers and a head, from the bottom up."""
    return [group.rate for group in GROUPS.under(settings(name))][:-1]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_a_preset_decides_what_learns_and_how_fast_and_nothing_else(preset):
    made = preset.make(GROUPS, BASE)
    decided = {"freeze", "freeze_heads", "freeze_projection", "unfreeze", "lr", "lr_decay", "head_lr", "rates"}
    assert {k: v for k, v in made.to_json().items() if k not in decided} == {
        k: v for k, v in BASE.to_json().items() if k not in decided
    }
    # Whatever was set before does not shine through.
    assert made == preset.make(
        GROUPS, TrainConfig(epochs=4, batch_size=8, anchor=2.5, seed=9, task_weights={"topic": 2})
    )
    assert preset.sentence.endswith(".") and len(preset.sentence) < 160


def test_names_are_unique_and_the_sets_are_made_of_them():
    names = [p.name for p in PRESETS]
    assert len(set(names)) == len(names) == 12
    assert [p.name for group in SETS.values() for p in group] == names
    assert {*FREEZING, *RATES} <= set(names) and "frozen" not in FREEZING


def test_the_scenarios_freeze_what_they_say():
    assert settings("frozen").freeze == -1 and settings("frozen").freeze_heads == ("sentiment", "topic")
    assert settings("heads").freeze == -1 and settings("heads").freeze_heads == ()
    assert settings("one-head").freeze == 0 and settings("one-head").freeze_heads == ("sentiment",)
    for name in ("uniform", "depth", *(p.name for p in SETS[PROPOSED])):
        assert settings(name).freeze == 0 and not settings(name).freeze_heads and not settings(name).unfreeze


def test_the_rates_are_those_of_their_sources():
    assert len(set(rates("uniform"))) == 1
    assert rates("slow") == [1e-5] * 8
    assert rates("fast-heads") == [2e-5] * 7 + [3e-4]
    assert rates("slow-heads") == [1e-5] * 7 + [2e-5]
    ulmfit, electra = rates("ulmfit")[:7], rates("electra")[:7]
    assert [high / low for low, high in zip(ulmfit, ulmfit[1:], strict=False)] == pytest.approx([2.6] * 6)
    assert [low / high for low, high in zip(electra, electra[1:], strict=False)] == pytest.approx([0.8] * 6)
    embeddings, *layers, head = rates("rising")
    assert embeddings == 1e-5 and head == 1e-4
    assert layers[0] == pytest.approx(2e-5, rel=0.01) and layers == sorted(layers) and layers[-1] < head


@pytest.mark.parametrize(("layers", "epochs"), [(7, 3), (7, 1), (7, 30), (13, 4), (2, 5)])
def test_gradual_unfreezing_begins_with_the_heads_and_ends_with_everything(layers, epochs):
    groups = Groups({f"layer {i}": 9 for i in range(layers)})
    made = BY_NAME["gradual"].make(groups, TrainConfig(epochs=epochs))
    assert made.epochs == max(epochs, 3)
    frozen = [groups.under(made).depth(epoch) for epoch in range(1, made.epochs + 1)]
    assert frozen[0] == layers and frozen[-1] == 0
    assert frozen == sorted(frozen, reverse=True)


def test_the_default_settings_are_a_preset_and_are_recognised():
    assert which(GROUPS, TrainConfig()) == "depth"
    assert which(GROUPS, TrainConfig(lr=3e-5)) is None
    for preset in PRESETS:
        assert which(GROUPS, preset.make(GROUPS, BASE)) == preset.name


@pytest.mark.parametrize("projection", [0, 8])
def test_the_engine_takes_every_preset(tiny, projection):
    import mtl
    from mtl.checkpoint import derive

    torch.manual_seed(0)
    base = mtl.load(tiny, dtype="float32")
    tasks = tuple(TaskSpec(name, "classification", ("a", "b")) for name in HEADS)
    for preset in PRESETS:
        model = derive(base, ModelConfig(tasks=tasks, projection=projection))
        config = preset.make(Groups.of_model(model, TrainConfig()), TrainConfig())
        if preset.name == "frozen":
            with pytest.raises(UserError, match="nothing would learn"):
                optim.unfreeze(model, config)
        else:
            assert any(not group.frozen for group in optim.unfreeze(model, config))


def test_a_preset_that_would_do_nothing_for_the_data_says_why():
    none = replace(GROUPS, learns=())
    assert {p.name for p in PRESETS if p.misfit(none)} == {"heads", "one-head", "gradual"}
    assert {p.name for p in PRESETS if p.misfit(replace(GROUPS, new=HEADS))} == {"one-head", "slow-heads"}
    assert "(sentiment and topic)" in BY_NAME["one-head"].misfit(replace(GROUPS, new=HEADS))
    assert not any(p.misfit(replace(GROUPS, new=HEADS[:1])) or p.misfit(GROUPS) for p in PRESETS)
    assert which(none, TrainConfig()) == which(replace(GROUPS, new=HEADS), TrainConfig()) == "depth"


def test_one_head_frozen_names_a_head_that_has_labels_and_knows_something():
    preset = BY_NAME["one-head"]
    for change, head in (({}, "sentiment"), ({"learns": ["topic"]}, "topic"), ({"new": ["sentiment"]}, "topic")):
        groups = replace(GROUPS, **change)
        assert preset.make(groups, BASE).freeze_heads == (head,)
        assert preset.about(groups) == f"{preset.sentence} Here it is the head {head}."
    # Where all is frozen, no head is named among them.
    assert all(p.about(GROUPS) == p.sentence for p in PRESETS if p is not preset)
