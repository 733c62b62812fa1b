"""What a run needs to go on after an interruption: written after every epoch, read by `fit`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtl.config import TrainConfig
from mtl.files import replacing
from mtl.training.adam import AdamW
from mtl.training.optim import Average, Best

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
# The settings there were while the key was made of all of them.
_EARLIER = (
    *("epochs", "batch_size", "freeze", "freeze_heads", "unfreeze", "lr", "lr_decay", "head_lr", "rates"),
    *("weight_decay", "warmup", "clip", "anchor", "backbone_dropout", "average", "blend", "label_trust"),
    *("calibrate", "validation", "keep_best", "patience", "cache_mb", "task_weights", "seed", "precision"),
)


@dataclass
class Position:
    """How far a run has come: whole epochs, steps, seconds of training. `stale` counts the epochs since the best one,
    `precision` is the one chosen for the run, `last_epoch` the event of the last whole epoch."""

    epochs_done: int = 0
    step: int = 0
    stale: int = 0
    seconds: float = 0.0
    precision: str = ""
    last_epoch: dict[str, Any] | None = None


class State:
    """The state of a training run in a folder: tensors in `state.safetensors`, with a header of plain numbers.

    One file, moved into place when it is whole, so that a run killed while writing still finds the epoch before.
    """

    def __init__(self, folder: Path, config: TrainConfig, data: str) -> None:
        self._path = folder / "state.safetensors"
        self._keys = keys_of(config, data)

    def save(
        self, position: Position, learning: Sequence[nn.Parameter], adam: AdamW, average: Average, best: Best
    ) -> None:
        from safetensors.torch import save_file

        tensors: dict[str, torch.Tensor] = {}
        for i, parameter in enumerate(learning):
            tensors[f"weight.{i}"] = parameter.detach()
            moments = adam.state.get(parameter, {})
            tensors |= {f"{name}.{i}": moments[name] for name in _MOMENTS if name in moments}
        tensors |= {f"mean.{i}": mean for i, mean in enumerate(average.weights)}
        tensors |= {f"best.{i}": weight for i, weight in enumerate(best.weights)}
        numbers = {**vars(position), "averaged": average.count, "best_epoch": best.epoch, "best_score": best.score}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        copies = {name: tensor.cpu().clone() for name, tensor in tensors.items()}
        with replacing(self._path) as temporary:
            save_file(copies, temporary, metadata={"key": self._keys[0], "numbers": json.dumps(numbers)})

    def restore(self, learning: Sequence[nn.Parameter], adam: AdamW, average: Average, best: Best) -> Position | None:
        """Bring weights, moments and averages to the saved state and return the position.

        None, and nothing is changed, where there is no state, or one of other settings or data."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path, framework="pt") as file:
                header = file.metadata() or {}
                if header.get("key") not in self._keys:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        except (FileNotFoundError, SafetensorError):
            return None
        numbers = json.loads(header["numbers"])
        with torch.no_grad():
            for i, parameter in enumerate(learning):
                parameter.copy_(tensors[f"weight.{i}"])
                moments = {name: tensors[f"{name}.{i}"] for name in _MOMENTS if f"{name}.{i}" in tensors}
                if moments:
                    adam.state[parameter] = {k: v.to(parameter.device) for k, v in moments.items()}
        for kept, name in ((average, "mean"), (best, "best")):
            found = [(tensors.get(f"{name}.{i}"), parameter.device) for i, parameter in enumerate(learning)]
            kept.weights = [tensor.to(device) for tensor, device in found if tensor is not None]
        average.count, best.epoch, best.score = numbers["averaged"], numbers["best_epoch"], numbers["best_score"]
        return Position(**{name: numbers[name] for name in vars(Position()) if name in numbers})


def keys_of(config: TrainConfig, data: str) -> list[str]:
    """The key of a run's settings and data, and the one that earlier versions gave it, if they could have had it."""
    changed, everything = config.to_json(), config.to_json(defaults=True)
    forms = [changed]
    if changed.keys() <= {*_EARLIER}:
        forms.append({name: everything[name] for name in _EARLIER})
    texts = [json.dumps({"config": form, "data": data}, sort_keys=True) for form in forms]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]
