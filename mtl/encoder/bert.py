"""The BERT encoder, which the default backbone is, as plain torch modules.

Same weights, names and numbers as in transformers, whose class takes longer to import than torch and the weights
together. With this one a fresh process has its model in a third of the time: make bench ARGS="--only own".
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from mtl.encoder.attention import attend, fused_is_quicker, mask_scores
from mtl.encoder.linear import Linear
from mtl.files import read_json

# What config.json must contain: the sizes, and the only values that are implemented of some settings.
_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
)
_FIXED = {
    "model_type": ("bert",),
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "add_cross_attention": (False, None),
}


class Encoder(nn.Module):
    """The modules that `mtl.encoder.backbone` runs: `embeddings`, `encoder.layer`, `pooler`; `config` has the sizes."""

    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.pooler = _Pooler(config)

    def run(self, layers: Iterable[_Layer], hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Run some layers, from and to (batch, tokens, dim), zeros for padding."""
        texts = _Texts(mask, hidden.dtype)
        tokens = texts.strip(hidden)
        for layer in layers:
            tokens = layer(tokens, texts)
        return texts.pad(tokens)


class _Texts:
    """Removes and restores the padding of a batch. Layers process the real tokens of all texts, (tokens, dim), since
    padding costs as much time as words. Only attention needs to know which text a token belongs to. A graph that is
    exported keeps the padding, as other programs are quicker at plain products."""

    def __init__(self, mask: torch.Tensor, dtype: torch.dtype) -> None:
        self.shape = tuple(mask.shape)
        self.scores = mask_scores(mask, dtype)
        whole = self.scores is None or torch.jit.is_tracing()
        self._places = None if whole else mask.reshape(-1).nonzero()[:, 0]

    def strip(self, padded: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, dim) to (real tokens, dim)."""
        flat = padded.reshape(-1, padded.shape[-1])
        return flat if self._places is None else flat.index_select(0, self._places)

    def pad(self, tokens: torch.Tensor) -> torch.Tensor:
        """(real tokens, dim) to (batch, tokens, dim), zeros for padding."""
        if self._places is not None:
            batch, longest = self.shape
            tokens = tokens.new_zeros(batch * longest, tokens.shape[-1]).index_copy(0, self._places, tokens)
        return tokens.view(*self.shape, -1)


class _Embeddings(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.word_embeddings = _rows(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.word_embeddings.sparse = True  # a batch has some hundred of its thirty thousand rows
        self.position_embeddings = _rows(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = _rows(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Token ids (batch, tokens), all of one segment, to (batch, tokens, dim)."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        hidden = self.word_embeddings(input_ids) + self.token_type_embeddings(torch.zeros_like(input_ids))
        return self.dropout(self.LayerNorm(hidden + self.position_embeddings(positions)))


def _rows(count: int, dim: int, padding: int | None = None) -> nn.Embedding:
    # Drawing random numbers without memory to hold them, as `load` would have it, imports torch's compiler.
    return nn.Embedding.from_pretrained(torch.empty(count, dim), freeze=False, padding_idx=padding)


class _Layer(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = nn.Module()
        self.intermediate.dense = Linear(config.hidden_size, config.intermediate_size)
        self.output = _Output(config.intermediate_size, config)

    def forward(self, hidden: torch.Tensor, texts: _Texts) -> torch.Tensor:
        hidden = self.attention(hidden, texts)
        return self.output(self.intermediate.dense(hidden, gelu=True), hidden)


class _Attention(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.self = nn.Module()
        for name in ("query", "key", "value"):
            self.self.add_module(name, Linear(config.hidden_size, config.hidden_size))
        self.self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.output = _Output(config.hidden_size, config)

    def forward(self, hidden: torch.Tensor, texts: _Texts) -> torch.Tensor:
        # Cast once: under autocast each of the three would cast it, and again in the backward pass.
        device = hidden.device.type
        shared = hidden.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else hidden
        query, key, value = (
            texts.pad(linear(shared)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear in (self.self.query, self.self.key, self.self.value)
        )
        dropout = self.self.dropout.p if self.training else 0.0
        fused = fused_is_quicker(hidden, texts.shape[1])
        attention = nn.functional.scaled_dot_product_attention if fused else attend
        answer = attention(query, key, value, texts.scores, dropout).transpose(1, 2).flatten(2)
        return self.output(texts.strip(answer), hidden)


class _Output(nn.Module):
    """The end of either half of a layer: a projection to the encoder's width, the residual, the norm."""

    def __init__(self, width: int, config: SimpleNamespace) -> None:
        super().__init__()
        self.dense = Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return self.LayerNorm(self.dense(hidden, plus=before))
        return self.LayerNorm(self.dropout(self.dense(hidden)) + before)


class _Pooler(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.dense(tokens[:, 0]))


def load(folder: Path, dtype: torch.dtype) -> Encoder | None:
    """The encoder in `folder`, or None if it is another architecture or incomplete, which is left to transformers."""
    from safetensors.torch import load_file

    try:
        config = read_json(folder / "config.json")
        if not (config.keys() >= set(_SIZES) and all(config.get(name) in values for name, values in _FIXED.items())):
            return None
        tensors = load_file(folder / "model.safetensors")
    except (OSError, ValueError, AttributeError):
        return None
    tensors.pop("embeddings.position_ids", None)  # a buffer (0, 1, 2 ...) in old files
    with torch.device("meta"):  # the weights are replaced at once
        encoder = Encoder(SimpleNamespace(**{"pad_token_id": 0, **config}))
    try:
        encoder.load_state_dict({name: tensor.to(dtype) for name, tensor in tensors.items()}, assign=True)
    except RuntimeError:  # other names or shapes
        return None
    return encoder
