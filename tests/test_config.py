"""Settings are checked when made, name what is wrong, and survive JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError, listed
from mtl.kinds.tagging import tags_of


def test_tags_are_bio_with_o_first():
    spec = TaskSpec("entities", "tagging", ("PER", "ORG"))
    assert tags_of(spec) == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG")
    assert spec.outputs == 5


@pytest.mark.parametrize(
    ("names", "sentence"),
    [("", "none"), ("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d"), ("abcde", "a, b, c, d and 1 more")],
)
def test_names_are_listed_as_in_a_sentence(names, sentence):
    assert listed(names, most=4) == sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "", "kind": "regression"}, "name"),
        ({"name": "text", "kind": "regression"}, "already has a field"),
        ({"name": "a", "kind": "magic"}, "one of classification, multilabel, regression, tagging, similarity"),
        ({"name": "a", "kind": "classification", "labels": ("x",)}, "at least 2 labels"),
        ({"name": "a", "kind": "classification", "labels": ("x", "x")}, "twice"),
        ({"name": "a", "kind": "tagging"}, "at least 1 entity type"),
        ({"name": "a", "kind": "regression", "labels": ("x",)}, "no labels"),
        ({"name": "a", "kind": "regression", "low": 1, "high": 1}, "below"),
        ({"name": "a", "kind": "regression", "pooling": "median"}, "mean, max, cls or pooler"),
        ({"name": "a", "kind": "regression", "dropout": 1}, "0 to 0.9"),
    ],
)
def test_a_wrong_task_is_refused_with_words(arguments, words):
    with pytest.raises(UserError, match=words):
        TaskSpec(**arguments)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("batch_size", -1),
        ("lr", float("nan")),
        ("lr", 2),
        ("rates", {"layer 1": -1}),
        ("validation", 1.0),
        ("precision", "int8"),
        ("seed", "7"),
        ("backbone_dropout", 1),
    ],
)
def test_a_wrong_training_setting_is_named(field, value):
    with pytest.raises(UserError, match=field.replace("rates", "layer 1")):
        TrainConfig(**{field: value})


def test_an_unknown_setting_is_named_beside_the_known_ones():
    with pytest.raises(UserError, match="learning_rate.*epochs"):
        TrainConfig.from_json({"learning_rate": 1})


def test_two_tasks_of_one_name_are_refused():
    task = TaskSpec("a", "regression")
    with pytest.raises(UserError, match="same name"):
        ModelConfig(tasks=(task, task))


@given(
    st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=6, unique=True),
    st.integers(0, 4096),
    st.floats(0, 1),
)
def test_json_gives_back_the_same(labels, hidden, rate):
    model = ModelConfig(tasks=(TaskSpec("a.b", "classification", tuple(labels), hidden=hidden),), projection=8)
    assert ModelConfig.from_json(json.loads(json.dumps(model.to_json()))) == model
    train = TrainConfig(rates={"layer 1": rate}, freeze=-1, freeze_heads=("a",), task_weights={"a": rate})
    assert TrainConfig.from_json(json.loads(json.dumps(train.to_json()))) == train


@pytest.mark.parametrize(
    "settings",
    [
        {"rates": [1]},
        {"rates": 5},
        {"rates": {"layer 1": None}},
        {"freeze_heads": 5},
        {"freeze_heads": "sentiment"},
        {"freeze_heads": [["sentiment"]]},
        {"task_weights": [["sentiment", 1.0]]},
        {"lr": 10**400},
        {"unfreeze": 5},
        {"unfreeze": [[2, [1]]]},
    ],
)
def test_settings_of_any_wrong_type_are_refused_in_words(settings):
    with pytest.raises(UserError, match=next(iter(settings))[:4]):
        TrainConfig.from_json(settings)


def test_only_heads_on_sentences_can_read_the_projection_and_only_where_there_is_one():
    with pytest.raises(UserError, match="'names': its kind is tagging.*one vector for each sentence"):
        TaskSpec("names", "tagging", ("PER",), reads="shared")
    task = TaskSpec("stars", "regression", reads="shared")
    with pytest.raises(UserError, match="no projection for stars"):
        ModelConfig((task,))
    model = ModelConfig((task,), pooling="cls", projection=8)
    assert model.on_projection == {"stars"} and model.poolings == {"cls"}


SHAPED = ModelConfig(
    (TaskSpec("a", "regression"), TaskSpec("b", "tagging", ("X",), hidden=9), TaskSpec("c", "regression"))
)


@given(st.sampled_from([0, 7]), st.booleans(), st.sampled_from([0, 5]), st.sampled_from([0, 11]))
def test_settings_shape_the_heads_that_are_taught_and_no_others(projection, share, hidden, longest):
    train = TrainConfig(projection=projection, share_projection=share, hidden=hidden, max_tokens=longest)
    model = SHAPED.shaped_by(train, ["a", "b"])
    a, b, c = model.tasks
    assert c == SHAPED.tasks[2]
    assert (a.reads == "shared") == (projection > 0 and share) and b.reads == "backbone"
    assert (a.hidden, b.hidden) == ((hidden, hidden) if hidden else (0, 9))
    assert (model.projection, model.max_tokens) == (projection, longest)
    assert model.shaped_by(train, ["a", "b"]) == model and model.shaped_by(TrainConfig(), ["a", "b"]) == model


def test_a_projection_that_a_model_has_is_replaced_with_all_its_properties():
    model = ModelConfig(projection=8, projection_activation="tanh", projection_norm=True)
    assert model.shaped_by(TrainConfig(projection_activation="none")) == model
    assert model.shaped_by(TrainConfig(projection=4)) == ModelConfig(projection=4)
