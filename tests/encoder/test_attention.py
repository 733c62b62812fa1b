"""Attention is what torch's own gives, reads no padding, and costs no precision in bfloat16."""

import pytest
import torch
from torch import nn

from mtl.encoder.attention import attend, mask_scores


def _inputs(dtype, tokens=9):
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, tokens, 8).to(dtype) for _ in range(3))
    mask = torch.arange(tokens)[None, :] < torch.tensor([[tokens], [4], [1]])
    return query, key, value, mask


def _torchs(query, key, value, mask):
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.bfloat16, 0.02)])
def test_it_is_scaled_dot_product_attention(dtype, near):
    query, key, value, mask = _inputs(dtype)
    answer = attend(query, key, value, mask_scores(mask, dtype))
    exact = _torchs(*(t.float() for t in (query, key, value)), mask)
    assert answer.dtype == dtype
    assert (answer.float() - exact).abs().max() < near


def test_padding_is_not_read():
    query, key, value, mask = _inputs(torch.float32)
    answer = attend(query, key, value, mask_scores(mask, torch.float32))
    key[1, :, 4:], value[1, :, 4:] = 100.0, 100.0
    again = attend(query, key, value, mask_scores(mask, torch.float32))
    assert torch.equal(answer, again)


def test_no_padding_needs_no_mask():
    assert mask_scores(torch.ones(2, 5, dtype=torch.bool), torch.float32) is None


def test_dropout_happens_only_where_it_is_asked_for():
    query, key, value, mask = _inputs(torch.float32)
    scores = mask_scores(mask, torch.float32)
    first = attend(query, key, value, scores, dropout=0.5)
    second = attend(query, key, value, scores, dropout=0.5)
    assert not torch.equal(first, second)
    assert torch.equal(attend(query, key, value, scores), attend(query, key, value, scores))
