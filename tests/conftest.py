"""What all tests share: tiny random backbones of every family, and the real default model, each made once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and no clock: a busy machine is not a fault.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")

# Read by the libraries when they are imported: no test may reach for the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def pytest_collection_modifyitems(items):
    """The browser's tests come last: Playwright keeps an event loop in this thread, and no other can run beside it."""
    items.sort(key=lambda item: "browser" in item.path.parts)


FAMILIES = ("bert", "distilbert", "roberta", "electra", "mpnet", "modernbert", "deberta-v2")
LAYERS = 3


def tiny_config(family: str, layers: int = LAYERS, **changes):
    """A configuration of two heads and 32 dimensions; ELECTRA has narrower embeddings, as its small models do.
    ModernBERT sees four words around in all layers but the first, DeBERTa is as its version 3, with buckets that are
    fewer than the words of a text."""
    from transformers import AutoConfig

    size = {"vocab_size": 30522, "max_position_embeddings": 70, **changes}
    if family == "distilbert":
        return AutoConfig.for_model(family, dim=32, hidden_dim=64, n_heads=2, n_layers=layers, **size)
    extra = {
        "roberta": {"pad_token_id": 0},
        "electra": {"embedding_size": 16},
        "mpnet": {"pad_token_id": 1},
        "modernbert": {
            "local_attention": 8,
            "global_attn_every_n_layers": 3,
            "pad_token_id": 0,
            **dict.fromkeys(("bos_token_id", "cls_token_id"), 101),
            **dict.fromkeys(("eos_token_id", "sep_token_id"), 102),
        },
        "deberta-v2": {
            "relative_attention": True,
            "position_buckets": 8,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": "p2c|c2p",
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    }
    return AutoConfig.for_model(
        family,
        hidden_size=32,
        intermediate_size=64,
        num_attention_heads=2,
        num_hidden_layers=layers,
        **{**extra.get(family, {}), **size},
    )


def write_tiny_backbone(folder: Path, family: str, layers: int = LAYERS, seed: int = 0, **changes) -> Path:
    """A whole backbone folder with random weights and the real WordPiece tokenizer. `changes`: of the configuration."""
    import torch
    from transformers import AutoModel

    from mtl.encoder import backbone

    torch.manual_seed(seed)
    model = AutoModel.from_config(tiny_config(family, layers, **changes))
    for parameter in model.parameters():  # the usual start is so small that layers hardly matter
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    shutil.copy(backbone.find().folder / "tokenizer.json", folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """Checksums are remembered in a folder of the tests' own."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_backbones(tmp_path_factory) -> dict[str, Path]:
    """A folder for each family."""
    root = tmp_path_factory.mktemp("backbones")
    return {family: write_tiny_backbone(root / family, family) for family in FAMILIES}


@pytest.fixture(scope="session")
def tiny(tiny_backbones) -> Path:
    """The folder of the tiny BERT: enough wherever only shapes and plumbing matter."""
    return tiny_backbones["bert"]


@pytest.fixture(scope="session")
def default_model():
    """The bundled model in float32."""
    import mtl

    return mtl.load(dtype="float32")
