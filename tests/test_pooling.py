"""Pooling looks at real tokens alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import ModelConfig
from mtl.pooling import POOL, Projection


@pytest.mark.parametrize("how", POOL)
@given(length=st.integers(1, 6), padding=st.integers(0, 5), seed=st.integers(0, 99))
def test_padding_changes_nothing_whatever_it_holds(how, length, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(1, length, 4, generator=generator)
    junk = torch.full((1, padding, 4), 1e9)
    mask = torch.tensor([[True] * length + [False] * padding])
    padded = POOL[how](torch.cat((tokens, junk), 1), mask)
    assert torch.allclose(padded, POOL[how](tokens, mask[:, :length]), atol=1e-6)


def test_mean_max_and_cls_are_what_they_say():
    tokens = torch.tensor([[[1.0, -5.0], [3.0, -1.0], [99.0, 99.0]]])
    mask = torch.tensor([[True, True, False]])
    assert POOL["mean"](tokens, mask).tolist() == [[2.0, -3.0]]
    assert POOL["max"](tokens, mask).tolist() == [[3.0, -1.0]]
    assert POOL["cls"](tokens, mask).tolist() == [[1.0, -5.0]]


@pytest.mark.parametrize("activation", ["none", "tanh"])
@pytest.mark.parametrize("norm", [False, True])
def test_a_projection_is_linear_then_its_activation_then_its_length(activation, norm):
    layer = Projection(6, ModelConfig(projection=3, projection_activation=activation, projection_norm=norm))
    vectors = torch.randn(5, 6)
    expected = vectors @ layer.weight.T
    expected = expected.tanh() if activation == "tanh" else expected
    expected = expected / expected.norm(dim=1, keepdim=True) if norm else expected
    assert torch.allclose(layer(vectors), expected, atol=1e-6)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]  # checkpoints know it by this name
