"""Checkpoints: a folder that holds only what training changed.

    config.json           format version, base (name and SHA-256), tasks, pooling, hashes of the weights
    weights*.safetensors  the tensors that differ from those of the base, in several files if one would exceed 9 MB
    weights-by-hand-*.safetensors
                          fitted parameters, such as thresholds, that somebody chose instead; may be missing
    familiarity.safetensors
                          statistics of the training texts (see `mtl.familiarity`); may be missing
    train.json            settings, data and metrics (written by the training run)
    README.md             a model card

The *base* is a bare backbone, or the bundled default model: a checkpoint of fine-tuned heads then holds only these
heads, and in memory it shares everything else. An exported model's folder has its heads in such a checkpoint, `heads`,
whose base is the encoder around it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mtl import weights
from mtl.config import ModelConfig, UserError, listed
from mtl.encoder import backbone as backbones
from mtl.encoder.backbone import replace_parameter
from mtl.familiarity import Familiarity
from mtl.files import read_json, write_bytes, write_json
from mtl.model import MultiTaskModel, quickest_dtype, slow_format
from mtl.places import ASSETS

FORMAT = 1
DEFAULT = "default"
DEFAULT_FOLDER = ASSETS / "models" / "default"
_MAX_FILE = 9_000_000
_BY_HAND = "weights-by-hand-"
# The folder of the heads in that of an exported model, and the name that their base has there.
HEADS, _AROUND = "heads", ".."
_warn_once = functools.cache(logging.getLogger(__name__).warning)


@dataclass(frozen=True)
class Base:
    """The source of a model's unchanged tensors: "default" or a backbone's name, and the SHA-256 of its weights."""

    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name[:80]!r} (SHA-256 {self.sha256[:12]}…)"


# --- loading ---

_bases: dict[tuple[str, torch.dtype, str], MultiTaskModel] = {}
_lock = threading.RLock()


def load(
    name: str | os.PathLike | None = None, dtype: str | torch.dtype = "auto", device: str | None = None
) -> MultiTaskModel:
    """Load a model, ready to answer, with heads that an export has put beside its encoder.

    `name`: None or "default" for the bundled model; a checkpoint's folder; or a backbone (its name, a folder or a
    Hugging Face Hub id), which gives a model without heads. `dtype`: "float32", "bfloat16" or "auto" (the quicker one
    on this processor; the log warns once about the slower one). `device`: "cpu" or "cuda"; by default what the
    environment variable MTL_DEVICE says, or a GPU if there is one. Raises `UserError`.
    """
    device = device or os.environ.get("MTL_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise UserError(f"MTL_DEVICE must be cpu or cuda; it is {device!r}.")
    if dtype == "auto":
        dtype = quickest_dtype() if device == "cpu" else torch.float32
    elif isinstance(dtype, str):
        if dtype not in ("float32", "bfloat16"):
            raise UserError(f"dtype must be auto, float32 or bfloat16; it is {dtype!r}.")
        dtype = getattr(torch, dtype)
    if slow := slow_format(torch.device(device), dtype):
        _warn_once(slow)
    if name is None or str(name) == DEFAULT:
        return _base_model(DEFAULT, dtype, device)
    if _is_checkpoint(name):
        return _load_folder(Path(name), dtype, device)
    base = _base_model(str(name), dtype, device)
    heads = base.backbone.source.folder / HEADS
    return _load_folder(heads, dtype, device, base) if (heads / "config.json").is_file() else base


def fingerprint(name: str | os.PathLike | None = None) -> str:
    """SHA-256 of what the model that `load` gives is made of: its weights, tasks and settings. Raises `UserError`."""
    folder = DEFAULT_FOLDER
    if name is not None and str(name) != DEFAULT:
        folder = Path(name)
        if not _is_checkpoint(name):
            source = backbones.find(name)
            folder = source.folder / HEADS
            if not (folder / "config.json").is_file():
                return source.sha256
    base, files, config = read_config(folder)
    about = [base.sha256, files, config.to_json()]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _is_checkpoint(name: str | os.PathLike) -> bool:
    file = Path(name) / "config.json"
    return file.is_file() and "mtl_format" in read_json(file)


def _base_model(name: str, dtype: torch.dtype, device: str) -> MultiTaskModel:
    """A base, loaded once per process; models derived from it share its memory."""
    with _lock:
        key = (name, dtype, device)
        if key not in _bases:
            if name == DEFAULT:
                model = _load_folder(DEFAULT_FOLDER, dtype, device)
                base, files, _ = read_config(DEFAULT_FOLDER)
                # One SHA-256 for all of its weights and those of its base.
                digests = "".join((base.sha256, *(files[name] for name in sorted(files))))
                model.origin = Base(DEFAULT, hashlib.sha256(digests.encode()).hexdigest())
            else:
                source = backbones.find(name)
                model = MultiTaskModel(backbones.load(source, dtype, device), ModelConfig()).eval()
                model.origin = Base(source.name, source.sha256)
            _bases[key] = model
        return _bases[key]


def read_config(folder: Path, name: str = "") -> tuple[Base, dict[str, str], ModelConfig]:
    """(base, {weights file: SHA-256}, model) from config.json. Raises `UserError`, which calls the file `name`."""
    name = name or f"{folder}/config.json"
    config = read_json(folder / "config.json", name)
    version = config.get("mtl_format")
    if version is None:
        raise UserError(f"{name} is not that of a checkpoint of this program (it has no mtl_format).")
    if version != FORMAT:
        newer = isinstance(version, int) and not isinstance(version, bool) and version > FORMAT
        raise UserError(
            f"{name} was written in format {str(version)[:20]}{', by a newer version' if newer else ''}; this program "
            f"reads format {FORMAT}. {'Update the program.' if newer else 'Train the model again.'}"
        )
    try:
        base = Base(str(config["base"]["name"]), str(config["base"]["sha256"]))
        files = {str(file): str(digest) for file, digest in config["weights"].items()}
        return base, files, ModelConfig.from_json(config["model"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{name} is damaged: {error} is missing or of the wrong type.") from error


def other_base(checkpoint: str, base: Base, here: Collection[Base]) -> UserError:
    """The refusal of a checkpoint whose base is none of those that are here."""
    return UserError(
        f"{checkpoint} was trained on {base}; available here: {listed(map(str, here), 'or')}. A checkpoint holds only "
        "what training changed, so it works on exactly the model it was trained on."
    )


def _load_folder(folder: Path, dtype: torch.dtype, device: str, around: MultiTaskModel | None = None) -> MultiTaskModel:
    """The model of a checkpoint; `around`: that of the folder around it, which is its base."""
    origin, files, model_config = read_config(folder)
    name = str(folder.absolute().parent) if origin.name == _AROUND else origin.name
    base = around or _base_model(name, dtype, device)
    if base.origin.sha256 != origin.sha256:
        raise other_base(str(folder), origin, [base.origin])
    model = _overlay(base, model_config, _read_weights(folder, files), folder)
    # Not the base's, where there are none: a model trained elsewhere may know other texts.
    model.familiarity = Familiarity.read(folder, model.backbone.dim, len(model.backbone.groups))
    return model


def _read_weights(folder: Path, files: dict[str, str]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load as load_bytes

    tensors: dict[str, torch.Tensor] = {}
    for name, digest in files.items():
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UserError(
                f"{folder}/config.json names {name!r} as weights; only .safetensors files beside it are read."
            )
        weights.check(folder / name, digest=digest)
        tensors |= load_bytes((folder / name).read_bytes())  # not mapped: Windows replaces no file that is
    return tensors


def _overlay(
    base: MultiTaskModel, config: ModelConfig, tensors: dict[str, torch.Tensor], folder: Path
) -> MultiTaskModel:
    model = derive(base, config)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for name, tensor in tensors.items():
        shape = tuple(tensor.shape)
        if name not in shapes:
            raise UserError(f"{folder} holds a tensor {name!r} that its config.json has no place for.")
        if shapes[name] != shape:
            raise UserError(f"{folder}: tensor {name!r} has the shape {shape}, expected {shapes[name]}.")
        replace_parameter(model, name, tensor.to(device=base.device, dtype=base.backbone.dtype))
    shared = {id(p) for p in base.parameters()}
    optional = {*tensors, *model.fitted}
    missing = [n for n, p in model.named_parameters() if n not in optional and id(p) not in shared]
    if missing:
        raise UserError(f"{folder} lacks the weights {listed(missing, most=3)}.")
    return model.eval()


def derive(base: MultiTaskModel, config: ModelConfig) -> MultiTaskModel:
    """A model of `config` that shares every tensor of `base` that it can use; heads of new or changed tasks are new.

    `base` does not change, and a shared weight cannot be trained until it is replaced.
    """
    model = MultiTaskModel(base.backbone.fork(), config)
    for part in model.children():
        if part is not model.backbone:  # some of whose numbers stay in float32, such as ModernBERT's rotations
            part.to(device=base.device, dtype=base.backbone.dtype)
    model.requires_grad_(False)
    layer = ("projection", "projection_activation", "projection_norm", "pooling")
    same_layer = all(getattr(base.config, name) == getattr(config, name) for name in layer)
    for name, spec in model.tasks.items():
        if name in base.tasks and _same_weights(base.tasks[name], spec) and (same_layer or spec.reads == "backbone"):
            _share(model.head(name), base.head(name))
    if model.projection is not None and base.config.projection == config.projection:
        _share(model.projection, base.projection)
    model.origin, model.familiarity = base.origin, base.familiarity
    return model


def _same_weights(old, new) -> bool:
    """Whether a head of one spec can use the weights of the other."""
    fields = ("kind", "labels", "reads", "hidden", "hidden_activation", "low", "high", "shape_window")
    return all(getattr(old, name) == getattr(new, name) for name in fields)


def _share(module: nn.Module, other: nn.Module) -> None:
    """Let a module have the very parameters of another."""
    module.load_state_dict(other.state_dict(keep_vars=True), assign=True)


def own_bytes(model: MultiTaskModel) -> int:
    """The bytes of the tensors that `model` does not share with its base."""
    base = _base_model(model.origin.name, model.backbone.dtype, str(model.device))
    shared = {id(parameter) for parameter in base.parameters()}
    return sum(p.nbytes for p in model.parameters() if id(p) not in shared)


# --- saving ---


def save(model: MultiTaskModel, folder: str | os.PathLike, dtype: torch.dtype | None = None) -> None:
    """Write the tensors of `model` that differ from its base's, and what is needed to load them again.

    `dtype` stores them in another precision (float16 halves the files); by default they are stored as they are, and
    loading gives exactly the same model. `config.json` is written last, so that an interrupted save is no checkpoint.
    """
    base = _base_model(model.origin.name, model.backbone.dtype, str(model.device))
    originals = dict(base.named_parameters())
    changed = {
        name: parameter.detach().to("cpu", dtype or parameter.dtype).contiguous()
        for name, parameter in model.named_parameters()
        if name not in originals or not (parameter is originals[name] or torch.equal(parameter, originals[name]))
    }
    _write(Path(folder), changed, model.origin, model)


def save_heads(model: MultiTaskModel, folder: Path) -> None:
    """Write all of a model but its encoder, beside that, which lies in `folder` as other programs have it."""
    own = {n: p.detach().cpu().contiguous() for n, p in model.named_parameters() if not n.startswith("backbone.")}
    _write(folder / HEADS, own, Base(_AROUND, backbones.fingerprint(folder)), model)


def _write(folder: Path, tensors: dict[str, torch.Tensor], base: Base, model: MultiTaskModel) -> None:
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    shards = _shards(tensors)
    hashes: dict[str, str] = {}
    for i, shard in enumerate(shards):
        name = "weights.safetensors" if len(shards) == 1 else f"weights-{i + 1}-of-{len(shards)}.safetensors"
        data = to_bytes(shard, metadata={"format": "pt"})
        write_bytes(folder / name, data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    if model.familiarity is not None:
        model.familiarity.write(folder)
    else:
        (folder / weights.FAMILIARITY).unlink(missing_ok=True)
    config = {
        "mtl_format": FORMAT,
        "base": {"name": base.name, "sha256": base.sha256},
        "model": model.config.to_json(),
        "weights": hashes,
    }
    write_json(folder / "config.json", config)
    for old in folder.glob("weights*.safetensors"):
        if old.name not in hashes:
            old.unlink()


def set_fitted(folder: Path, values: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Let parameters that were fitted after training have other values: {task: {parameter: its numbers}}; {}: those
    that were fitted again.

    They are in a file of their own, whose name changes with what it holds, so that whoever loads the checkpoint
    meanwhile has the values of before. Raises `UserError` where it is no checkpoint."""
    from safetensors.torch import save as to_bytes

    config = read_json(folder / "config.json")
    model = load(folder, dtype="float32", device="cpu")
    tensors = {}
    for task, own in values.items():
        for name, numbers in own.items():
            tensors[f"{model.head_path(task)}{name}"] = torch.tensor(numbers).view_as(getattr(model.head(task), name))
    hashes = {name: digest for name, digest in config["weights"].items() if not name.startswith(_BY_HAND)}
    if tensors:
        data = to_bytes(tensors, metadata={"format": "pt"})
        digest = hashlib.sha256(data).hexdigest()
        name = f"{_BY_HAND}{digest[:16]}.safetensors"
        write_bytes(folder / name, data)
        hashes[name] = digest  # the last: what it holds counts
    write_json(folder / "config.json", {**config, "weights": hashes})
    for old in folder.glob(f"{_BY_HAND}*.safetensors"):
        if old.name not in hashes:
            old.unlink()


def _shards(tensors: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if size and size + tensor.nbytes > _MAX_FILE:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards
