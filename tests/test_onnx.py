"""An export to ONNX answers as the model does, by the program in its folder, where neither torch nor mtl is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import mtl
from mtl import checkpoint, onnx
from mtl.__main__ import main
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.heads import ClassificationHead
from tests.conftest import FAMILIES

# One of each way to decode; the heads read all that heads can read.
TASKS = (
    TaskSpec("mood", "classification", ("glad", "sad", "calm"), pooling="cls"),
    TaskSpec("mood of both", "pair_classification", ("same", "other"), pooling="max", hidden=8),
    TaskSpec("topics", "multilabel", ("food", "sport"), reads="shared"),
    TaskSpec("stars", "regression", low=1, high=5, pooling="pooler"),
    TaskSpec("names", "tagging", ("PER", "ORG"), shape_window=2, hidden=16),
    TaskSpec("places", "tagging", ("LOC",)),
    TaskSpec("alike", "similarity", low=0, high=5),
    TaskSpec("partners", "contrastive"),
)
TEXTS = [
    "Ada Lovelace met Mr. Babbage in LONDON, 1833!",
    "rain",
    "Café ☕ and naïve 日本 words: e\u0301t\u0301e\u0301.",
]


@pytest.fixture(scope="module")
def model(tiny):
    """A model with every kind of head, whose weights are random and large."""
    torch.manual_seed(0)
    config = ModelConfig(TASKS, projection=24, projection_activation="tanh", projection_norm=True, max_tokens=40)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), config).eval()
    for name, parameter in model.heads.named_parameters():
        values = torch.full_like(parameter, 0.4) if "thresholds" in name else torch.randn_like(parameter)
        parameter.data = torch.tensor(2.5) if "temperature" in name else values
    return model


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "out"
    onnx.export(model, folder)
    return folder


def without_torch(folder: Path, *command: str, given: str = "") -> str:
    """What a program prints where importing torch or this project fails."""
    blocked = folder.parent / "blocked"
    for name in ("torch", "transformers", "mtl", "onnx"):
        (blocked / name).mkdir(parents=True, exist_ok=True)
        (blocked / name / "__init__.py").write_text(f"raise ImportError('{name} is not there')")
    environment = {**os.environ, "PYTHONPATH": str(blocked)}
    ended = subprocess.run(
        [sys.executable, *command], cwd=folder.parent, env=environment, input=given, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def assert_alike(theirs, ours):
    """Two answers as JSON data are the same, but for rounding."""
    if isinstance(ours, dict):
        assert theirs.keys() == ours.keys()
        for name in ours:
            assert_alike(theirs[name], ours[name])
    elif isinstance(ours, (list, tuple)):
        for one, other in zip(theirs, ours, strict=True):
            assert_alike(one, other)
    else:
        assert theirs == pytest.approx(ours, abs=1e-4) if isinstance(ours, float) else theirs == ours


def test_the_program_in_the_folder_answers_as_the_model_without_torch(model, exported):
    lines = without_torch(exported, str(exported / "run.py"), *TEXTS).splitlines()
    for line, answer in zip(lines, model.analyze(TEXTS), strict=True):
        ours = answer.to_json()
        del ours["embedding"]
        assert_alike(json.loads(line), ours)
    assert without_torch(exported, str(exported / "run.py"), given="\n".join(TEXTS)).splitlines() == lines


def test_pairs_of_texts_have_answers_too_in_any_batch(model, exported):
    rows = [TEXTS[0], (TEXTS[1], TEXTS[0]), (TEXTS[2], TEXTS[1]), TEXTS[1], "many words " * 60]
    code = (
        f"import json, sys; sys.path.insert(0, {str(exported)!r}); from run import Model; rows = json.load(sys.stdin)\n"
        "for size in (1, 2, 32): print(json.dumps(Model().analyze(rows, size)))"
    )
    ours = [answer.to_json() for answer in model.analyze(rows)]
    for line in without_torch(exported, "-B", "-c", code, given=json.dumps(rows)).splitlines():
        assert_alike(json.loads(line), ours)


def test_the_folder_says_what_a_program_has_to_know(exported):
    about = json.loads((exported / "model.json").read_text())
    assert (about["max_tokens"], about["pooling"], about["weights"]) == (40, "mean", "float32")
    tasks = {task["name"]: task for task in about["tasks"]}
    assert [*tasks] == [task.name for task in TASKS]
    assert tasks["mood"]["labels"] == ["glad", "sad", "calm"]
    assert (tasks["mood"]["kind"], tasks["mood"]["temperature"]) == ("classification", 2.5)
    assert tasks["topics"]["thresholds"] == pytest.approx([0.4, 0.4])
    assert (tasks["stars"]["low"], tasks["stars"]["high"]) == (1, 5)
    files = {path.name for path in exported.iterdir()}
    assert files == {"model.onnx", "model.json", "tokenizer.json", "run.py", "words.py"}


def test_the_graph_takes_batches_and_lengths_of_any_size(model, exported):
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    for texts, tokens in ((1, 3), (7, 40)):
        ids = np.full((texts, tokens), 1000)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "word_shapes": np.zeros((*ids.shape, 5), int)}
        answers = dict(zip((each.name for each in session.get_outputs()), session.run(None, given), strict=True))
        assert answers["embedding"].shape == (texts, 24)
        assert answers["logits_mood"].shape == (texts, 3)
        assert answers["logits_names"].shape == (texts, tokens, 5)


@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_of_every_family_are_exported(tiny_backbones, tmp_path, family):
    torch.manual_seed(0)
    config = ModelConfig(tuple(task for task in TASKS if task.name in ("mood", "names")))
    model = checkpoint.derive(mtl.load(tiny_backbones[family], dtype="float32"), config).eval()
    found = onnx.export(model, tmp_path / "out")
    assert found.lowest > 0.99999 and [each.share for each in found.differences] == [0, 0]


def test_a_model_without_heads_has_its_embedding(tiny, tmp_path):
    model = mtl.load(tiny, dtype="float32")
    onnx.export(model, tmp_path / "out")
    [line] = without_torch(tmp_path / "out", str(tmp_path / "out" / "run.py"), "A text.").splitlines()
    assert json.loads(line)["text"] == "A text."


@pytest.mark.parametrize("int8", [False, True])
def test_the_default_model_is_exported_and_what_it_costs_is_said(tmp_path, capsys, int8):
    assert main(["export", "default", str(tmp_path / "out"), "--onnx", *["--int8"] * int8]) == 0
    said = capsys.readouterr().out
    assert "on 500 texts" in said
    for task in ("embedding", "sentiment", "intensity", "topic", "entities", "familiarity"):
        assert f"\n  {task}: " in said
    size = (tmp_path / "out" / "model.onnx").stat().st_size
    assert size < 40e6 if int8 else size > 80e6


def test_an_export_that_answers_otherwise_is_refused_and_removed(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "_LIMITS", {"float32": (0.0, 1.1)})
    with pytest.raises(UserError, match=r"embedding: cosine with the model's own 1\.0.* nothing was written"):
        onnx.export(model, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_weights_of_8_bits_that_change_too_many_answers_are_refused(model, tmp_path):
    """Of a model whose random weights have large outliers."""
    with pytest.raises(UserError, match=r"another answer to \d+ of 1000 texts .* Leave --int8 out"):
        onnx.export(model, tmp_path / "out", "int8")
    assert [*tmp_path.iterdir()] == []


def test_a_head_that_another_program_could_not_decode_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(ClassificationHead, "decoding", lambda head: {})
    with pytest.raises(UserError, match="Task 'mood' cannot be exported to ONNX: heads of its kind, classification"):
        onnx.export(model, tmp_path / "out")


def test_a_folder_in_use_is_left_alone(tiny, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export", str(tiny), str(tmp_path), "--onnx"]) == 1
    assert capsys.readouterr().err == f"mtl: {tmp_path} is not empty. Name a new folder.\n"


def test_what_is_missing_is_named_in_one_line(tiny, tmp_path, monkeypatch, capsys):
    assert main(["export", str(tiny), str(tmp_path / "out"), "--int8"]) == 1
    assert "--onnx --int8" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", str(tiny), str(tmp_path / "out"), "--onnx"]) == 1
    error = capsys.readouterr().err
    assert "needs onnxruntime, of the extra onnx: pip install" in error and error.count("\n") == 1
    assert main(["export", str(tmp_path / "none"), str(tmp_path / "out"), "--onnx"]) == 1
    assert capsys.readouterr().err == f"mtl: There is no folder {tmp_path / 'none'}.\n"
    assert not (tmp_path / "out").exists()


def test_texts_to_compare_on_are_many_and_different():
    texts = onnx.texts()
    assert len(texts) == len(set(texts)) == 500
    assert max(map(len, texts)) > 10 * min(map(len, texts))
