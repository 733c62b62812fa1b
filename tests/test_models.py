"""Models in use share what they did not change, are kept within limits, and come back when they are asked for again."""

from __future__ import annotations

import threading
import types

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.training.runs.service import Runs
from mtl.ui import names
from mtl.ui.models import Models
from mtl.ui.page import use_model
from mtl.ui.visitors import Registry, Work

TASKS = (TaskSpec("mood", "classification", ("bad", "good")),)


@pytest.fixture(scope="module")
def base(tiny):
    """What the page's own model is in these tests, in the precision that checkpoints are loaded in here."""
    return mtl.load(tiny)


@pytest.fixture
def engine(base):
    return types.SimpleNamespace(name=None, model=lambda: base, wait=lambda: None)


@pytest.fixture
def saved(base, tmp_path):
    """`saved(name)`: the folder of a new checkpoint of one head."""

    def save(name: str, seed: int = 0, layers: bool = False):
        torch.manual_seed(seed)
        model = checkpoint.derive(base, ModelConfig(tasks=TASKS))
        if layers:
            for parameter, value in list(model.backbone.named_parameters()):
                replace_parameter(model.backbone, parameter, value + 0.25)
        checkpoint.save(model, tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def loads(monkeypatch):
    """The folders that were read from the disk, in order."""
    read, load = [], mtl.load
    monkeypatch.setattr(mtl, "load", lambda name: (read.append(name), load(name))[1])
    return read


def test_the_pages_own_model_is_the_engines(engine, base):
    assert Models(engine).get(None) is base
    assert Models(engine).get("default") is base
    engine.name = "somewhere/checkpoint"
    assert Models(engine).get("somewhere/checkpoint") is base


def test_a_checkpoint_is_loaded_once_and_borrows_what_it_did_not_change(engine, base, saved, loads):
    models, path = Models(engine), saved("a")
    model = models.get(path)
    assert models.get(str(path)) is model and loads == [str(path)]
    own = {id(p) for p in base.parameters()}
    assert {n.split(".")[0] for n, p in model.named_parameters() if id(p) not in own} == {"heads"}
    assert checkpoint.own_bytes(model) == sum(p.nbytes for p in model.head("mood").parameters())
    assert checkpoint.own_bytes(base) == 0


def test_thirty_models_with_trained_heads_cost_little(engine, saved):
    models = Models(engine)
    for i in range(30):
        models.get(saved(f"m{i}", seed=i))
    assert len(models) == 30 and models.bytes < 15_000_000


def test_the_ones_not_asked_for_for_longest_go_first(engine, saved, loads):
    models = Models(engine, most=2)
    a, b, c = (saved(name) for name in "abc")
    models.get(a), models.get(b), models.get(a), models.get(c)
    assert len(models) == 2
    models.get(a), models.get(c)
    assert len(loads) == 3
    models.get(b)
    assert loads[3:] == [str(b)]


def test_large_models_are_limited_by_their_bytes(engine, saved, base):
    size = sum(p.nbytes for p in base.parameters())
    models = Models(engine, max_bytes=int(2.5 * size) + 2_000_000)
    for name in "abc":
        models.get(saved(name, layers=True))
    assert len(models) == 2 and models.bytes > 2 * size
    one = Models(engine, max_bytes=1)
    one.get(saved("d", layers=True)), one.get(saved("e", layers=True))
    assert len(one) == 1


def test_a_run_that_was_resumed_has_another_model(engine, saved, loads):
    models, path = Models(engine), saved("a")
    first = models.get(path).analyze(["fine"])[0].mood.probabilities
    saved("a", seed=5)
    assert models.get(path).analyze(["fine"])[0].mood.probabilities != first and len(loads) == 2


def test_what_is_gone_or_damaged_is_said_without_the_servers_folders(engine, saved, tmp_path):
    models, path = Models(engine), saved("a")
    (path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="This model/weights.safetensors is not a safetensors file") as told:
        models.get(path)
    assert str(tmp_path) not in str(told.value)
    with pytest.raises(UserError, match=names.MODEL_GONE[:30]):
        models.get(tmp_path / "nowhere")


def test_many_at_once_load_it_once(engine, saved, loads):
    models, path = Models(engine), saved("a")
    threads = [threading.Thread(target=models.get, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [str(path)]


def test_an_analysis_outlives_the_tensors_of_its_model(engine, saved, loads):
    models = Models(engine, most=1)
    shared = models.shared(saved("a"), "ada")
    texts = ["A day.", "Another day."]
    work = Work(shared, shared.analyze(texts), shared.config.pooling)
    expected = models.get(saved("a")).encode(texts, "max")
    models.get(saved("b"))
    np.testing.assert_array_equal(work.vectors("max"), expected)
    assert len(loads) >= 3 and work.size > 0 and work.heads("sentiment") == ["mood"]


# --- who uses what ---


def test_only_the_session_that_chose_a_model_uses_it_and_its_run_is_kept(tmp_path):
    registry = Registry()
    mine, yours = registry.visit("mine"), registry.visit("yours")
    session = types.SimpleNamespace(next_revision=lambda: 7)
    path = tmp_path / "run-a" / "checkpoint"
    assert use_model(session, mine, path) == 7
    yours.train.run = "run-b"
    assert (mine.train.model, yours.train.model) == (path, None)
    assert registry.in_use() == {"run-a", "run-b"} and registry.models() == {path}
    use_model(session, mine, None)
    assert registry.in_use() == {"run-b"} and registry.models() == set()


def test_names_say_which_run_and_what_was_trained(tmp_path):
    runs = Runs(tmp_path)
    table = tmp_path / "data.csv"
    table.write_text("text,mood\na,good\nb,bad\n")
    first, other = runs.start("me", table), runs.start("you", table)
    second = runs.start("me", table, start_from="somewhere")
    assert [names.name_of_run(runs, "me", run.id) for run in (first, second)] == ["run 1", "run 2"]
    assert names.name_of_model(runs, "me", second.folder / "checkpoint") == "run 2"
    assert names.name_of_model(runs, "me", other.folder / "checkpoint") == names.SOME_RUN
    assert names.name_of_model(runs, "me", tmp_path / "brought" / "x" / "my model") == "my model"
    assert names.own_name(None) == "Built-in English model" and names.own_name("runs/first/checkpoint") == "first"


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({"embeddings": 0, "layer 1": 0, "head a": 0.1, "head b": 0.2}, "heads only"),
        ({"embeddings": 0, "layer 1": 0, "head a": 0.1, "head b": 0}, "head a only"),
        ({"embeddings": 0.1, "layer 1": 0.1, "head a": 0.1}, "all layers of the backbone and head a trained"),
        ({"embeddings": 0.1, "layer 1": 0.1, "head a": 0}, "all layers of the backbone trained"),
        ({"embeddings": 0.1, "layer 1": 0.1}, "all layers of the backbone trained"),
        (
            {"embeddings": 0, "layer 1": 0, "layer 2": 0.1, "layer 3": 0.1, "head a": 0.1},
            "top 2 of 3 layers and head a trained",
        ),
        ({"embeddings": 0, "layer 1": 0.1, "layer 2": 0.1}, "all 2 layers without the embeddings trained"),
        ({"embeddings": 0, "layer 1": 0.1, "layer 2": 0, "head a": 0, "head b": 0}, "layer 1 trained"),
        (
            {"embeddings": 0.1, "layer 1": 0, "layer 2": 0.1, "head a": 0.1, "head b": 0.1},
            "2 layer groups (embeddings, 2) and heads trained",
        ),
        ({}, ""),
    ],
)
def test_what_was_trained_in_a_few_words(moved, said):
    assert names.trained(moved) == said


@pytest.mark.parametrize("content", ["", "[]", '{"moved": 3}', '{"moved": {"a": "b"}}', "[" * 100_000])
def test_a_strangers_record_does_no_harm(tmp_path, content):
    (tmp_path / "train.json").write_text(content)
    assert names.trained_in(tmp_path) == "" == names.trained_in(tmp_path / "nowhere")
