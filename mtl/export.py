"""Export to a complete model folder for sentence-transformers and transformers, with the heads beside it for mtl."""

from __future__ import annotations

import os
from pathlib import Path

from mtl.checkpoint import save_heads
from mtl.config import ModelConfig, UserError
from mtl.files import write_json
from mtl.model import MultiTaskModel
from mtl.pooling import POOL

_MODULES = "sentence_transformers.models"


def export(model: MultiTaskModel, folder: str | os.PathLike) -> None:
    """Write the encoder (transformers) with pooling and normalisation (sentence-transformers), and the heads and all
    else that only this program knows in the folder `heads`, so that `mtl.load(folder)` gives the same model.

    Raises `UserError` if the folder is not empty, or the pooling has no counterpart there.
    """
    pooling = model.config.pooling
    if pooling not in POOL:
        raise UserError(f"A model pooled by its own {pooling} cannot be exported; use mean, max or cls.")
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty. Name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _whole_encoder(model).save_pretrained(folder)
    tokenizer = model.backbone.tokenizer
    tokenizer.save(str(folder / "tokenizer.json"))
    for name in ("tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        source = model.backbone.source.folder / name
        if source.is_file():
            (folder / name).write_bytes(source.read_bytes())
    modules = [_module(0, "", "Transformer"), _module(1, "1_Pooling", "Pooling")]
    _write(folder / "sentence_bert_config.json", {"max_seq_length": model.max_tokens, "do_lower_case": False})
    modes = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}
    modes = {f"pooling_mode_{name}": pooling == how for name, how in modes.items()}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": model.backbone.dim, **modes})
    if model.projection is not None:
        modules.append(_module(len(modules), "2_Dense", "Dense"))
        _write_dense(model, folder / "2_Dense")
    modules.append(_module(len(modules), f"{len(modules)}_Normalize", "Normalize"))
    (folder / modules[-1]["path"]).mkdir()
    _write(folder / "modules.json", modules)
    if model.config != ModelConfig() or model.familiarity is not None:
        save_heads(model, folder)


def _whole_encoder(model: MultiTaskModel):
    """The encoder as transformers has it, with this model's weights."""
    from transformers import AutoModel

    encoder = AutoModel.from_pretrained(model.backbone.source.folder, dtype=model.backbone.dtype, local_files_only=True)
    encoder.load_state_dict(model.backbone.encoder.state_dict())
    return encoder


def _module(index: int, path: str, kind: str) -> dict:
    return {"idx": index, "name": str(index), "path": path, "type": f"{_MODULES}.{kind}"}


def _write_dense(model: MultiTaskModel, folder: Path) -> None:
    from safetensors.torch import save_file

    settings = {"in_features": model.backbone.dim, "out_features": model.dim, "bias": False}
    activation = "activation.Tanh" if model.config.projection_activation == "tanh" else "linear.Identity"
    _write(folder / "config.json", {**settings, "activation_function": f"torch.nn.modules.{activation}"})
    save_file({"linear.weight": model.projection.weight.detach().contiguous()}, folder / "model.safetensors")


def _write(path: Path, data) -> None:
    path.parent.mkdir(exist_ok=True)
    write_json(path, data)
