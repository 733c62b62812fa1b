"""An exported folder gives the same embeddings in sentence-transformers, and the same vectors in transformers."""

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, UserError
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


def test_a_folder_in_use_is_left_alone(tiny, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        export(mtl.load(tiny, dtype="float32"), tmp_path)


def test_a_pooler_cannot_be_exported(tiny, tmp_path):
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(pooling="pooler"))
    with pytest.raises(UserError, match="pooler cannot be exported"):
        export(model, tmp_path / "out")
