"""Teachers: models whose answers for the rows of a part are targets beside the rows' labels.

Knowledge distillation (Hinton et al. 2015) with teacher annealing (BAM, Clark et al. 2019): during a run the targets
move from the teacher's answers to the labels, up to `TrainConfig.label_trust`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mtl import checkpoint
from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.dataset import Part
from mtl.heads import Head
from mtl.model import Encoded, MultiTaskModel
from mtl.text.batches import Batch


class Teachers:
    """The teachers of `parts`. A teacher answers a row when a batch first needs it; answers are cached.

    `tasks`: those of `model` that learn. Raises `UserError` for a teacher that has none of them.
    """

    def __init__(self, model: MultiTaskModel, tasks: Sequence[str], parts: Sequence[Part]) -> None:
        self._models: dict[str, MultiTaskModel] = {}
        # By task, to each part's rows, NaN where they have not been needed yet.
        self._answers: dict[Part, dict[str, torch.Tensor]] = {}
        for part in parts:
            if not part.teacher:
                continue
            if part.teacher not in self._models:
                try:
                    self._models[part.teacher] = checkpoint.load(part.teacher, device=str(model.device))
                except UserError as error:
                    raise UserError(
                        f"{part.name}: its teacher could not be loaded. {error} The recipe names it: the folder of a "
                        "checkpoint that lies beside the data, or any other model that --model takes."
                    ) from error
            teacher = self._models[part.teacher]
            shared = [name for name in tasks if _is_same_task(model.tasks[name], teacher.tasks.get(name))]
            if not shared:
                kinds = " or ".join(name for name, kind in KINDS.items() if kind.teachable)
                raise UserError(
                    f"{part.name}: the teacher {part.teacher} has no {kinds} with the labels of {', '.join(tasks)}."
                )
            shapes = {name: (len(part.rows), model.tasks[name].outputs) for name in shared}
            self._answers[part] = {name: torch.full(shape, torch.nan) for name, shape in shapes.items()}

    def __call__(self, part: Part, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Task -> (rows, outputs) in float32: the probability of each label, or the number between -1 and 1.

        Empty for a part without a teacher."""
        answers = self._answers.get(part, {})
        missing = [i for i in indices if any(values[i].isnan().any() for values in answers.values())]

        def store(places: list[int], batch: Batch, encoded: Encoded) -> None:
            for name, values in answers.items():
                logits = teacher.logits(encoded, batch, name)
                values[[missing[place] for place in places]] = teacher.head(name).as_teacher(logits).cpu()

        if missing:
            teacher = self._models[part.teacher]
            teacher.each_batch(teacher.tokenise([part.rows[i].texts for i in missing], words=False), store)
        return {name: values[list(indices)] for name, values in answers.items()}


def _is_same_task(own: TaskSpec, other: TaskSpec | None) -> bool:
    """Whether the answers of one can be targets of the other."""
    if other is None or not KINDS[own.kind].teachable:
        return False
    return all(getattr(own, name) == getattr(other, name) for name in ("kind", "labels", "low", "high"))


def mixed(head: Head, labels: Sequence[Any], answers: torch.Tensor, trust: float) -> torch.Tensor:
    """Targets (rows, outputs): `trust` (0 to 1) times a row's label plus the rest of the teacher's answer.

    For a row without a label (None) the teacher's answer alone."""
    targets = answers.clone()
    for i, label in enumerate(labels):
        if label is not None:
            own = head.label_as_teacher(label)
            # Where the label leaves something open, the teacher's answer alone.
            targets[i] = torch.where(own.isnan(), answers[i], trust * own + (1 - trust) * answers[i])
    return targets
