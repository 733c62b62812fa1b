"""What many models with fine-tuned heads cost beside the default one: printed in MB, as JSON, by a process of its own.

one      the process with the default model, which has answered
many     the same after `MODELS` checkpoints have been loaded and each has answered
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.startup import LIMIT, ROOT
from tests.bench.table import Row

MODELS = 30


def many_models() -> tuple[list[Row], str]:
    command = [sys.executable, "-m", "tests.bench.memory"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * LIMIT)
    assert output.returncode == 0, output.stderr
    found = json.loads(output.stdout)
    more = found["many"] - found["one"]
    what = f"memory with {MODELS} models of fine-tuned heads beside the default one"
    sizes = f"{found['many']:.0f} MB", f"{found['one']:.0f} MB"
    return [Row(what, "the default one alone", *sizes, f"{more:.0f} MB more", "under 100 MB more", more < 100)], ""


def main() -> None:
    import mtl

    with tempfile.TemporaryDirectory() as name:
        # Written by another process, so that this one has never held what it is going to load.
        subprocess.run([sys.executable, "-m", "tests.bench.memory", name], cwd=ROOT, check=True)
        default = mtl.load()
        default.analyze(["A first sentence."])
        memory = {"one": uss_mb()}
        models = []
        for folder in sorted(Path(name).iterdir()):
            models.append(mtl.load(folder))
            models[-1].analyze(["A first sentence."])
        memory["many"] = uss_mb()
    assert len(models) == MODELS
    print(json.dumps(memory))


def write(folder: Path) -> None:
    """Checkpoints whose every head differs from the default model's, as after training with the backbone frozen."""
    import torch

    import mtl
    from mtl import checkpoint
    from mtl.encoder.backbone import replace_parameter

    default = mtl.load(dtype="float32")
    for number in range(MODELS):
        torch.manual_seed(number)
        model = checkpoint.derive(default, default.config)
        for name, parameter in list(model.heads.named_parameters(prefix="heads")):
            replace_parameter(model, name, parameter + 0.01 * torch.randn_like(parameter))
        checkpoint.save(model, folder / f"{number:02}")


def uss_mb() -> float:
    """What this process alone keeps in memory, in MB."""
    import psutil

    gc.collect()
    return psutil.Process().memory_full_info().uss / 1e6


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else write(Path(sys.argv[1]))
