"""What other models answer for the rows of a part, to learn from beside the rows' labels.

Knowledge distillation (Hinton et al. 2015) with teacher annealing: in the course of a run the targets go from the
teacher's answers to the labels (BAM, Clark et al. 2019), as far as `TrainConfig.label_trust` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from mtl import checkpoint
from mtl.config import TaskSpec, UserError
from mtl.data.dataset import Part
from mtl.heads import ClassificationHead, RegressionHead
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
                raise UserError(
                    f"{part.name}: the teacher {part.teacher} has no classification or regression with the labels of "
                    f"{', '.join(tasks)}."
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
            self._ask(self._models[part.teacher], [part.rows[i].text for i in asked], asked, answers)
            known[asked] = True
        return {name: kept[list(indices)] for name, kept in answers.items()}

    @staticmethod
    def _ask(
        teacher: MultiTaskModel, texts: list[str], places: Sequence[int], answers: dict[str, torch.Tensor]
    ) -> None:
        def keep(chosen: list[int], batch: Batch, encoded: Encoded) -> None:
            for name, kept in answers.items():
                logits = teacher.logits(encoded, batch, name).float().cpu()
                if teacher.tasks[name].kind == "classification":
                    logits = torch.softmax(logits, -1)
                kept[[places[i] for i in chosen]] = logits

        teacher.each_batch(teacher.tokenise(texts, words=False), keep)


def _alike(own: TaskSpec, other: TaskSpec | None) -> bool:
    """Whether one's answers can be the other's targets. Words differ with the tokenizer, so tags cannot."""
    if other is None or own.kind == "tagging":
        return False
    return all(getattr(own, name) == getattr(other, name) for name in ("kind", "labels", "low", "high"))


def targets(
    head: ClassificationHead | RegressionHead, labels: Sequence[Any], answers: torch.Tensor, trust: float
) -> torch.Tensor:
    """What a head should answer, (rows, outputs): `trust` (0 to 1) of a row's label, the rest of the teacher's answer.

    Where there is no label (None) the teacher alone is believed."""
    wanted = answers.clone()
    for i, label in enumerate(labels):
        if label is not None:
            own = torch.tensor(head.target(label))
            if head.spec.kind == "classification":
                own = F.one_hot(own, len(head.spec.labels))
            wanted[i] = trust * own + (1 - trust) * answers[i]
    return wanted
