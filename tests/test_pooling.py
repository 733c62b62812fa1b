"""Pooling looks at real tokens alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.pooling import POOL


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
