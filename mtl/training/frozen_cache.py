"""Caches the outputs of frozen layer groups: each row's are computed when first needed.

Training then starts at the first group that learns. With every group frozen the heads train on cached sentence and
word vectors, and the backbone does not run at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

import torch

from mtl.data.dataset import Part
from mtl.encoder import states
from mtl.encoder.backbone import Backbone, replace_parameter
from mtl.encoder.states import States
from mtl.model import ROWS_PER_BATCH, TOKENS_PER_BATCH, Encoded, MultiTaskModel
from mtl.text.batches import Batch, Tokens, by_length, collate, distinct_texts
from mtl.text.words import shape

# The number of tokens up to which a computation is filled with later rows: a third of a second on two cores.
_AHEAD = 4 * TOKENS_PER_BATCH


class _Cached:
    """One part's texts, all tokens (and all words) concatenated. `*_starts`: where each text's begin; `done`: which
    texts have been computed. Of a `whole` backbone it holds word and sentence vectors, else `hidden` token vectors.

    `places` has the indices of each row's texts; a text that stands in several pairs is there once."""

    def __init__(
        self, rows: list[Tokens], dim: int, poolings: Collection[str], whole: bool, dtype: torch.dtype
    ) -> None:
        texts, self.places = distinct_texts(rows)
        words = [(text.text[start:end], position) for text in texts for start, end, position in text.words]
        self.rows, self.tokens = rows, texts
        self.token_starts = _starts([len(text.ids) for text in texts])
        self.word_starts = _starts([len(text.words) for text in texts])
        self.word_positions = torch.tensor([position for _, position in words], dtype=torch.int64)
        self.word_shapes = torch.tensor([shape(word) for word, _ in words], dtype=torch.int64)
        self.hidden = None if whole else torch.empty(int(self.token_starts[-1]), dim, dtype=dtype)
        self.words = torch.empty(len(words), dim, dtype=dtype) if whole else None
        self.pooled = {how: torch.empty(len(texts), dim, dtype=dtype) for how in poolings} if whole else {}
        self.done = torch.zeros(len(texts), dtype=torch.bool)
        self.targets: dict[tuple[str, int], Any] = {}
        # Under which name each kind of vectors is kept for other runs, of those that are not there yet.
        self.to_keep: dict[str, str] = {}

    @property
    def vectors(self) -> dict[str, torch.Tensor]:
        """All vectors by kind."""
        named = {"hidden": self.hidden, "words": self.words, **{f"pooled-{how}": v for how, v in self.pooled.items()}}
        return {kind: tensor for kind, tensor in named.items() if tensor is not None}

    def share(self, store: States, key: str) -> None:
        """Take the vectors that other runs have kept, if all are there; otherwise note which ones to keep for them."""
        names = {kind: f"{key}-{kind}" for kind in self.vectors}
        found = {kind: store.read(name).get(kind) for kind, name in names.items()}
        self.to_keep = {kind: name for kind, name in names.items() if found[kind] is None}
        if not self.to_keep:
            self.hidden, self.words = found.get("hidden"), found.get("words")
            self.pooled = {how: found[f"pooled-{how}"] for how in self.pooled}
            self.done[:] = True


class Prefix:
    """The outputs of the lowest `depth` layer groups for the rows of parts; at first of none.

    `keep(part)` allocates memory for a part, or takes what other runs have kept (see `mtl.encoder.states`);
    `batch(part, indices)` builds a batch from the cache and computes what is missing: for its own rows alone at the
    first step, so that it need not wait, later for further rows too, since fuller batches are quicker. With `half` in
    half precision. The cache is on the CPU, batches on the model's device.
    """

    def __init__(self, model: MultiTaskModel, depth: int, half: bool) -> None:
        self._model = model
        self.depth = depth
        self._half = half
        self._stored = torch.float16 if half else torch.float32
        self._whole = depth == len(model.backbone.groups)
        self._poolings = model.config.poolings
        self._cached: dict[Part, _Cached] = {}
        # How long computing outputs has taken so far.
        self.seconds = 0.0

    @cached_property
    def _frozen(self) -> Backbone:
        return _in_half(self._model.backbone, self.depth) if self._half else self._model.backbone

    def __contains__(self, part: Part) -> bool:
        return part in self._cached

    def targets(self, part: Part) -> dict[tuple[str, int], Any]:
        """A cache for the targets of a part's rows, by task and row."""
        return self._cached[part].targets

    @property
    def bytes(self) -> int:
        """The memory that the cached vectors take."""
        return sum(tensor.nbytes for cached in self._cached.values() for tensor in cached.vectors.values())

    @property
    def seconds_left(self) -> float:
        """About how long computing the outputs that are missing takes."""
        return self.seconds_for(sum(int((~cached.done).sum()) for cached in self._cached.values()))

    def seconds_for(self, texts: int) -> float:
        """About how long computing the outputs of so many texts takes; 0 as long as there are none."""
        done = sum(int(cached.done.sum()) for cached in self._cached.values())
        return self.seconds / done * texts if done else 0.0

    def estimate(self, parts: Sequence[Part]) -> int:
        """About how many bytes `keep` will take for these parts, from the lengths of their texts."""
        texts = [text for part in parts for row in part.rows for text in row.texts]
        # About four characters per token; tokenising to count would take half as long as the computation.
        vectors = sum(min(len(text) // 4 + 3, self._model.max_tokens) for text in texts)
        vectors += len(self._poolings) * len(texts) if self._whole else 0
        return vectors * self._model.backbone.dim * self._stored.itemsize

    def keep(self, part: Part) -> None:
        """Allocate the cache for a part's rows."""
        rows = self._model.tokenise([row.texts for row in part.rows])
        cached = _Cached(rows, self._model.backbone.dim, self._poolings, self._whole, self._stored)
        if store := states.current():
            cached.share(store, states.key_of(self._model.backbone, self.depth, cached.tokens, self._half))
        self._cached[part] = cached

    @torch.no_grad()
    def _compute(self, cached: _Cached, texts: torch.Tensor) -> None:
        """Run the frozen groups over the texts that are still missing, in batches of similar length."""
        began = time.perf_counter()
        missing = texts[~cached.done[texts]].tolist()
        if missing and cached.done.any():
            missing = _with_next(missing, cached)
        device = self._model.device
        # The frozen copy is in half precision already: autocast would cast it again.
        with torch.autocast(device.type, enabled=False):
            for places in _by_length([cached.tokens[i] for i in missing]):
                indices = [missing[place] for place in places]
                batch = collate([cached.tokens[i] for i in indices], self._frozen.pad_id).to(device)
                hidden = self._frozen.run(batch.ids, batch.mask, 0, self.depth)
                at = torch.tensor(indices)
                if self._whole:
                    encoded = Encoded(hidden, batch.mask, self._frozen)
                    cached.words[_ranges(cached.word_starts, at)] = encoded.words(batch).cpu().to(self._stored)
                    for how, vectors in cached.pooled.items():
                        vectors[at] = encoded.pooled(how).cpu().to(self._stored)
                else:
                    cached.hidden[_ranges(cached.token_starts, at)] = hidden[batch.mask].cpu().to(self._stored)
                cached.done[at] = True
        took = time.perf_counter() - began
        self.seconds += took
        if cached.to_keep and (store := states.current()):
            store.seconds += took
            if cached.done.all():
                for kind, name in cached.to_keep.items():
                    store.write(name, {kind: cached.vectors[kind]})
                cached.to_keep = {}

    def batch(self, part: Part, indices: Sequence[int]) -> tuple[list[Tokens], Batch, torch.Tensor | None, Encoded]:
        """(tokens, batch, outputs of the frozen groups, encoded) for some rows of a cached part.

        `encoded` carries gradients from the groups above. The batch has no token ids, since no later step reads them.
        """
        model, cached = self._model, self._cached[part]
        chosen = [cached.places[i] for i in indices]
        number: dict[int, int] = {}  # of each text in the batch, first texts first
        for text in (*(places[0] for places in chosen), *(text for places in chosen for text in places[1:])):
            number.setdefault(text, len(number))
        texts = torch.tensor([*number])
        self._compute(cached, texts)
        lengths = cached.token_starts[texts + 1] - cached.token_starts[texts]
        places = torch.arange(int(lengths.max()))[None, :]
        mask = places < lengths[:, None]
        counts = cached.word_starts[texts + 1] - cached.word_starts[texts]
        words = _ranges(cached.word_starts, texts)
        batch = Batch(
            torch.empty(0, dtype=torch.int64),
            mask,
            torch.repeat_interleave(torch.arange(len(texts)), counts),
            cached.word_positions[words],
            cached.word_shapes[words],
            tuple(counts.tolist()),
            tuple(tuple(map(number.get, places)) for places in chosen),
        ).to(model.device)
        tokens = [cached.rows[i] for i in indices]
        if self._whole:
            pooled = {how: vectors[texts].float().to(model.device) for how, vectors in cached.pooled.items()}
            word_vectors = cached.words[words].float().to(model.device)
            return tokens, batch, None, Encoded(torch.empty(0), batch.mask, model.backbone, None, pooled, word_vectors)
        # Padding repeats a row's first token: any finite numbers do, since the mask hides them.
        grid = cached.token_starts[texts][:, None] + torch.where(mask, places, 0)
        hidden = cached.hidden[grid].float().to(model.device)
        return tokens, batch, hidden, model.encode_batch(batch, hidden, self.depth)

    def all_batches(self, part: Part) -> tuple[list[Tokens], Callable]:
        """The tokens of a cached part's rows, and a function like `MultiTaskModel.each_batch` for them."""
        rows = self._cached[part].rows

        @torch.no_grad()
        def each_batch(handle: Callable[[list[int], Batch, Encoded], None]) -> None:
            for indices in _by_length(rows):
                _, batch, _, encoded = self.batch(part, indices)
                handle(indices, batch, encoded)

        return rows, each_batch


def _with_next(texts: list[int], cached: _Cached) -> list[int]:
    """These texts, and missing ones up to `_AHEAD` tokens, those of similar length first."""
    lengths = cached.token_starts.diff()
    # A few thousand candidates are enough: sorting all texts of a large file each time would take longer.
    missing = (~cached.done).nonzero()[:, 0][: 50 * ROWS_PER_BATCH]
    missing = missing[~torch.isin(missing, torch.tensor(texts))]
    middle = lengths[texts].float().mean()
    missing = missing[(lengths[missing] - middle).abs().argsort(stable=True)]
    room = _AHEAD - int(lengths[texts].sum())
    return texts + missing[lengths[missing].cumsum(0) <= room].tolist()


def _in_half(backbone: Backbone, depth: int) -> Backbone:
    """The same backbone with the weights of its lowest `depth` groups in bfloat16."""
    half = backbone.fork()
    for name, parameter in list(half.named_parameters()):
        if half.group_of(name) < depth:
            replace_parameter(half, name, parameter.detach().to(torch.bfloat16))
    return half.eval()


def _by_length(tokens: Sequence[Tokens]) -> Iterator[list[int]]:
    return by_length([t.length for t in tokens], TOKENS_PER_BATCH, ROWS_PER_BATCH)


def _starts(lengths: Sequence[int]) -> torch.Tensor:
    return torch.cat((torch.zeros(1, dtype=torch.int64), torch.tensor(lengths, dtype=torch.int64).cumsum(0)))


def _ranges(starts: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """start, start + 1 ... of each row, concatenated."""
    counts = starts[rows + 1] - starts[rows]
    first = torch.repeat_interleave(starts[rows] - (counts.cumsum(0) - counts), counts)
    return first + torch.arange(int(counts.sum()))
