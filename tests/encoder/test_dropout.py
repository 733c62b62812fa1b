"""Dropout drops each number on its own, as often as asked, keeps the mean, and follows the seed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.encoder.dropout import Dropout


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_p_whatever_the_place(p):
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(400, 1000))
    assert out.unique().tolist() == pytest.approx([0, 1 / (1 - p)], rel=1e-3)
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.005)
    # Four numbers come of one draw: none of them is dropped more often, or along with another.
    quarters = (out.view(-1, 4) == 0).float()
    assert quarters.mean(0).tolist() == pytest.approx([p] * 4, abs=0.01)
    together = (quarters.T @ quarters / len(quarters))[~torch.eye(4, dtype=torch.bool)]
    assert together.tolist() == pytest.approx([p * p] * 12, abs=0.01)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.sampled_from([torch.float32, torch.bfloat16]))
def test_any_shape_and_precision_comes_back_as_it_went_in(shape, dtype):
    out = Dropout(0.3)(torch.ones(shape, dtype=dtype))
    assert out.shape == torch.Size(shape) and out.dtype == dtype


def test_the_mean_and_the_gradient_are_those_of_what_was_kept():
    torch.manual_seed(1)
    inputs = torch.rand(300, 300, requires_grad=True)
    out = Dropout(0.2)(inputs)
    assert out.mean().item() == pytest.approx(inputs.mean().item(), rel=0.02)
    out.sum().backward()
    assert torch.allclose(inputs.grad, (out / inputs).detach())


def test_a_seed_gives_the_same_and_another_one_another():
    def drawn(seed):
        torch.manual_seed(seed)
        return Dropout(0.5)(torch.ones(50))

    assert torch.equal(drawn(3), drawn(3)) and not torch.equal(drawn(3), drawn(4))


@pytest.mark.parametrize("layer", [Dropout(0.5).eval(), Dropout(0.0)])
def test_nothing_is_dropped_in_an_answer_or_at_zero(layer):
    inputs = torch.rand(20, 20)
    assert torch.equal(layer(inputs), inputs)
