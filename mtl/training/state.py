"""What a run needs to go on after an interruption: written after every epoch, read by `fit`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mtl.config import TrainConfig
from mtl.files import replacing

if TYPE_CHECKING:
    from mtl.training.loop import _Training

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
# The settings there were while the key was made of all of them.
_EARLIER = (
    *("epochs", "batch_size", "freeze", "freeze_heads", "unfreeze", "lr", "lr_decay", "head_lr", "rates"),
    *("weight_decay", "warmup", "clip", "anchor", "backbone_dropout", "average", "blend", "label_trust"),
    *("calibrate", "validation", "keep_best", "patience", "cache_mb", "task_weights", "seed", "precision"),
)


class State:
    """The state of a training run in a folder: tensors in `state.safetensors`, with a header of plain numbers.

    One file, moved into place when it is whole, so that a run killed while writing still finds the epoch before.
    """

    def __init__(self, folder: Path, config: TrainConfig, data: str) -> None:
        self._path = Path(folder) / "state.safetensors"
        self._key = _key(config.to_json(), data)
        self._earlier_key = _earlier_key(config, data)

    def save(self, run: _Training) -> None:
        from safetensors.torch import save_file

        tensors: dict[str, torch.Tensor] = {}
        for i, parameter in enumerate(run.learning):
            tensors[f"weight.{i}"] = parameter.detach()
            for name in _MOMENTS:
                if name in run.adam.state.get(parameter, {}):
                    tensors[f"{name}.{i}"] = run.adam.state[parameter][name]
        for i, mean in enumerate(run.average.means):
            tensors[f"mean.{i}"] = mean
        for i, weight in enumerate(run.best.weights):
            tensors[f"best.{i}"] = weight
        numbers = {
            "epochs_done": run.epochs_done,
            "step": run.step,
            "stale": run.stale,
            "seconds": run.seconds(),
            "averaged": run.average.count,
            "best_epoch": run.best.epoch,
            "best_score": run.best.score,
            "precision": run.config.precision,
            "last_epoch": run.last_epoch,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        copies = {name: tensor.cpu().clone() for name, tensor in tensors.items()}
        with replacing(self._path) as temporary:
            save_file(copies, temporary, metadata={"key": self._key, "numbers": json.dumps(numbers)})

    def restore(self, run: _Training) -> None:
        """Bring `run` to the saved state. Nothing happens where there is none, or one of other settings or data."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path, framework="pt") as file:
                header = file.metadata() or {}
                if header.get("key") not in (self._key, self._earlier_key):
                    return
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        except (FileNotFoundError, SafetensorError):
            return
        numbers = json.loads(header["numbers"])
        with torch.no_grad():
            for i, parameter in enumerate(run.learning):
                parameter.copy_(tensors[f"weight.{i}"])
                moments = {name: tensors[f"{name}.{i}"] for name in _MOMENTS if f"{name}.{i}" in tensors}
                if moments:
                    run.adam.state[parameter] = {k: v.to(parameter.device) for k, v in moments.items()}
        run.average.means = [tensors[f"mean.{i}"] for i in range(len(run.learning)) if f"mean.{i}" in tensors]
        run.average.count = numbers["averaged"]
        kept = [tensors[f"best.{i}"] for i in range(len(run.learning)) if f"best.{i}" in tensors]
        run.best.restore(numbers["best_epoch"], numbers["best_score"], kept)
        run.epochs_done, run.step, run.stale = (numbers[k] for k in ("epochs_done", "step", "stale"))
        run.last_epoch = numbers.get("last_epoch")
        run.seconds_before = numbers["seconds"]
        run.config = replace(run.config, precision=numbers.get("precision", run.config.precision))
        run.schedule.go_to(run.step)


def _key(settings: dict[str, Any], data: str) -> str:
    return hashlib.sha256(json.dumps({"config": settings, "data": data}, sort_keys=True).encode()).hexdigest()


def _earlier_key(config: TrainConfig, data: str) -> str | None:
    """The key that versions before this one gave to such a run; None where they could not have had it."""
    if not config.to_json().keys() <= {*_EARLIER}:
        return None
    everything = config.to_json(defaults=True)
    return _key({name: everything[name] for name in _EARLIER}, data)
