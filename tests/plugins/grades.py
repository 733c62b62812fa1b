"""A plug-in of one file: ordered grades, told apart by thresholds on one number (cumulative link, McCullagh 1980)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mtl.kinds.kind import Kind, Metric
from mtl.kinds.regression import spearman


@dataclass(frozen=True)
class Grade:
    grade: str
    probability: float


def head(spec, dim):
    import torch
    from torch import nn

    from mtl.heads import Head

    class CumulativeLink(Head):
        """Sentence vector (batch, dim) to the log-probability of each grade (batch, grades)."""

        def __init__(self):
            super().__init__()
            self.spec = spec
            self.score = nn.Linear(dim, 1)
            self.first = nn.Parameter(torch.tensor(-(spec.outputs - 2) / 2))
            self.gaps = nn.Parameter(torch.full((spec.outputs - 2,), 0.5))  # softplus of it is about 1

        def forward(self, vectors):
            thresholds = self.first + torch.cat((self.gaps.new_zeros(1), nn.functional.softplus(self.gaps).cumsum(0)))
            below = torch.sigmoid(thresholds.float() - self.score(vectors).float())  # P(grade <= k)
            edge = below[:, :1]
            steps = torch.cat((torch.zeros_like(edge), below, torch.ones_like(edge)), 1).diff(dim=1)
            return steps.clamp_min(1e-6).log()

        def target(self, value, words=(), unlabelled=()):
            return spec.labels.index(value)

        def losses(self, logits, targets):
            return nn.functional.nll_loss(logits, torch.tensor(targets, device=logits.device), reduction="none")

        def decode(self, logits, texts=(), words=()):
            best = logits.exp().max(-1)
            return [Grade(spec.labels[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]

    return CumulativeLink()


class Grades(Kind):
    name = "grades"
    head = f"{__name__}:head"
    metrics = (Metric("rank", "rank correlation", "How well it orders the rows.", "correlation"),)

    def counts(self, values):
        return Counter(values)

    def score(self, spec, truths, answers, words):
        places = spec.labels.index
        return {"rank": spearman([*map(places, truths)], [places(answer.grade) for answer in answers])}

    def answer_text(self, answer):
        return f"grade {answer.grade} ({answer.probability:.0%})"


TASK_KINDS = (Grades(),)
