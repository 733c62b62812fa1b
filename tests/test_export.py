"""An exported folder gives the same embeddings in sentence-transformers, and the same vectors in transformers."""

import shutil

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.export import export

TEXTS = ["A first text.", "And another, longer one, by Ada Lovelace."]


@pytest.mark.parametrize(
    "config",
    [
        {"pooling": "mean"},
        {"pooling": "cls"},
        {"pooling": "max"},
        {"projection": 16},
        {"projection": 16, "projection_activation": "tanh", "projection_norm": True, "max_tokens": 9},
    ],
)
def test_sentence_transformers_gives_the_same_embeddings(tiny, tmp_path, config):
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(**config))
    export(model, tmp_path / "out")
    other = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    found = other.encode(TEXTS, show_progress_bar=False)
    assert np.abs(found - model.encode(TEXTS)).max() < 1e-5


@pytest.mark.parametrize("family", ["bert", "modernbert", "deberta-v2"])
def test_transformers_loads_it_and_so_do_we(tiny_backbones, tmp_path, family):
    from transformers import AutoModel

    model = mtl.load(tiny_backbones[family], dtype="float32")
    export(model, tmp_path / "out")
    again = AutoModel.from_pretrained(tmp_path / "out")
    assert sum(p.numel() for p in again.parameters()) == model.backbone.parameter_count
    assert np.allclose(mtl.load(tmp_path / "out", dtype="float32").encode(TEXTS), model.encode(TEXTS), atol=1e-6)


def test_mtl_loads_it_with_its_heads(tiny, tmp_path):
    torch.manual_seed(0)
    specs = (TaskSpec("mood", "classification", ("a", "b")), TaskSpec("names", "tagging", ("PER",)))
    config = ModelConfig(specs, pooling="max", projection=16, max_tokens=9)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), config).eval()
    for name, parameter in model.named_parameters():
        if "layer.2" in name:  # a layer that has learned
            replace_parameter(model, name, parameter + torch.randn_like(parameter) / 10)
    export(model, tmp_path / "out")
    for name in (tmp_path / "out", tmp_path / "out" / "heads"):
        again = mtl.load(name, dtype="float32")
        assert again.config == model.config
        for one, other in zip(again.analyze(TEXTS), model.analyze(TEXTS), strict=True):
            assert np.allclose(one.embedding, other.embedding, atol=1e-6)
            assert [(e.start, e.end) for e in one.names] == [(e.start, e.end) for e in other.names]
            assert one.mood.probabilities == pytest.approx(other.mood.probabilities)
    checkpoint.save(again, tmp_path / "tuned")
    assert mtl.load(tmp_path / "tuned", dtype="float32").encode(TEXTS) == pytest.approx(model.encode(TEXTS), abs=1e-6)


def test_heads_of_another_encoder_are_refused(tiny, tiny_backbones, tmp_path):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(projection=16))
    export(model, tmp_path / "out")
    shutil.copytree(tiny_backbones["roberta"], tmp_path / "other")
    shutil.copytree(tmp_path / "out" / "heads", tmp_path / "other" / "heads")
    with pytest.raises(UserError, match="works on exactly the model it was trained on"):
        mtl.load(tmp_path / "other")


def test_a_folder_in_use_is_left_alone(tiny, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        export(mtl.load(tiny, dtype="float32"), tmp_path)


def test_a_pooler_cannot_be_exported(tiny, tmp_path):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(pooling="pooler"))
    with pytest.raises(UserError, match="pooler cannot be exported"):
        export(model, tmp_path / "out")
