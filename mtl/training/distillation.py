"""What other models answer for the rows of a part, to learn from beside the rows' labels.

Knowledge distillation (Hinton et al. 2015) with teacher annealing: in the course of a run the targets go from the
teacher's answers to the labels (BAM, Clark et al. 2019), as far as `TrainConfig.label_trust` says.
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
    """The teachers that `parts` name. A row is asked about when a batch first needs it, and its answers are kept.

    `tasks`: those of `model` that learn. Raises `UserError` for a teacher that knows none of them.
    """

    def __init__(self, model: MultiTaskModel, tasks: Sequence[str], parts: Sequence[Part]) -> None:
        self._models: dict[str, MultiTaskModel] = {}
        self._answers: dict[int, dict[str, torch.Tensor]] = {}
        self._known: dict[int, torch.Tensor] = {}
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
            taught = [name for name in tasks if _alike(model.tasks[name], teacher.tasks.get(name))]
            if not taught:
                kinds = " or ".join(name for name, kind in KINDS.items() if kind.teachable)
                raise UserError(
                    f"{part.name}: the teacher {part.teacher} has no {kinds} with the labels of {', '.join(tasks)}."
                )
            rows = len(part.rows)
            self._answers[id(part)] = {name: torch.zeros(rows, model.tasks[name].outputs) for name in taught}
            self._known[id(part)] = torch.zeros(rows, dtype=torch.bool)

    def __call__(self, part: Part, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Task -> (rows, outputs) in float32: the probability of each label, or the number between -1 and 1.

        Empty for a part without a teacher."""
        answers = self._answers.get(id(part))
        if answers is None:
            return {}
        known = self._known[id(part)]
        asked = [i for i in indices if not known[i]]
        if asked:
            self._ask(self._models[part.teacher], [part.rows[i].texts for i in asked], asked, answers)
            known[asked] = True
        return {name: kept[list(indices)] for name, kept in answers.items()}

    @staticmethod
    def _ask(
        teacher: MultiTaskModel, texts: list[tuple[str, ...]], places: Sequence[int], answers: dict[str, torch.Tensor]
    ) -> None:
        def keep(chosen: list[int], batch: Batch, encoded: Encoded) -> None:
            for name, kept in answers.items():
                logits = teacher.logits(encoded, batch, name)
                kept[[places[i] for i in chosen]] = teacher.head(name).as_teacher(logits).cpu()

        teacher.each_batch(teacher.tokenise(texts, words=False), keep)


def _alike(own: TaskSpec, other: TaskSpec | None) -> bool:
    """Whether one's answers can be the other's targets."""
    if other is None or not KINDS[own.kind].teachable:
        return False
    return all(getattr(own, name) == getattr(other, name) for name in ("kind", "labels", "low", "high"))


def mixed(head: Head, labels: Sequence[Any], answers: torch.Tensor, trust: float) -> torch.Tensor:
    """What a head should answer, (rows, outputs): `trust` (0 to 1) of a row's label, the rest of the teacher's answer.

    Where there is no label (None) the teacher alone is believed."""
    wanted = answers.clone()
    for i, label in enumerate(labels):
        if label is not None:
            wanted[i] = trust * head.label_as_teacher(label) + (1 - trust) * answers[i]
    return wanted
