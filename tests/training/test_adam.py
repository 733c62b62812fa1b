"""AdamW and its schedule give what torch.optim gives, to the last digit."""

import torch
from torch import nn

from mtl.training.adam import AdamW, Schedule


def _model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3), nn.Linear(3, 1))


def _groups(model):
    return [
        {"params": list(model[0].parameters()), "lr": 1e-2, "weight_decay": 0.1, "name": "low"},
        {"params": list(model[2].parameters()), "lr": 3e-2, "weight_decay": 0.0, "name": "high"},
        {"params": list(model[3].parameters()), "lr": 1e-1, "weight_decay": 0.5, "name": "never used"},
    ]


def test_twenty_steps_are_those_of_torch():
    mine, theirs = _model(), _model()
    adam, other = AdamW(_groups(mine)), torch.optim.AdamW(_groups(theirs), fused=True)
    schedule = Schedule(adam, 20, 0.2)
    rule = torch.optim.lr_scheduler.LambdaLR(other, lambda step: (step + 1) / 4 if step < 4 else (20 - step) / 16)
    inputs = torch.randn(20, 8, 6)
    for done, batch in enumerate(inputs, 1):
        for model, optimizer in ((mine, adam), (theirs, other)):
            optimizer.zero_grad()
            model[:3](batch).square().mean().backward()
        assert [g["lr"] for g in adam.param_groups] == [g["lr"] for g in other.param_groups]
        for optimizer in (adam, other):
            optimizer.step()
        schedule.go_to(done)
        rule.step()
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
    assert not any(p in adam.state for p in mine[3].parameters()), "what has no gradient is left alone"
