"""The model: one backbone pass, which all requested heads share.

texts -> Batch -> Backbone, once -> Encoded (tokens, pooled) -> logits per task -> decode -> Analysis
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mtl.config import KINDS, ModelConfig, TaskSpec, UserError, listed
from mtl.encoder import states
from mtl.encoder.backbone import Backbone
from mtl.familiarity import Familiarity
from mtl.heads import Head
from mtl.pooling import POOL, Encoded, Projection, mean
from mtl.text.batches import Batch, Tokens, by_length, collate, count_tokens, tokenise

# The quickest batch size in padded tokens on two cores: larger batches exceed the processor's cache.
TOKENS_PER_BATCH = 1024
ROWS_PER_BATCH = 128


@dataclass(frozen=True)
class Analysis:
    """The model's answers for one text. Each task's answer is also an attribute: `analysis.sentiment.label`.

    `embedding`: float32 (dim,) of length 1. `results`: requested task -> its kind's answer (`Classes`, a float, a tuple
    of `Entity`). `tokens`: how many were read; `truncated`: the text was longer. `unread`: none of its words is in the
    vocabulary, so that the answers are meaningless. `familiarity`: how like its training texts the model finds it, from
    0 to 1, None if it has no statistics of them; below 0.5 the text is `unfamiliar`, and the answers deserve no trust.
    `text_b`: the second of two texts; if there is none, heads that read two are left out of `results`.
    """

    text: str
    embedding: np.ndarray
    results: dict[str, Any]
    tokens: int
    truncated: bool
    unread: bool = False
    familiarity: float | None = None
    text_b: str | None = None

    @property
    def unfamiliar(self) -> bool:
        return is_unfamiliar(self.familiarity)

    def __getattr__(self, name: str):
        # Through __dict__, as copying and unpickling look up attributes before `results` is set.
        results = self.__dict__.get("results", {})
        if name in results:
            return results[name]
        raise AttributeError(f"No task {name!r} in this analysis; it has {listed(results)}.")

    def to_json(self) -> dict[str, Any]:
        """JSON data, with the tasks beside `text` and `embedding`."""
        return {
            "text": self.text,
            **({} if self.text_b is None else {"text_b": self.text_b}),
            "embedding": [float(x) for x in self.embedding],
            **{name: _plain(value) for name, value in self.results.items()},
            "tokens": self.tokens,
            "truncated": self.truncated,
            "unread": self.unread,
            "familiarity": self.familiarity,
            "unfamiliar": self.unfamiliar,
        }


@dataclass(frozen=True)
class Pair:
    """The model's answers for two texts: the `cosine` of their embeddings, from -1 to 1, and `results`, the answer of
    each head that reads two texts; `truncated` and `unread` as in `Analysis`, of either text; `familiarity` of the one
    that is less familiar."""

    text: str
    text_b: str
    cosine: float
    results: dict[str, Any]
    truncated: bool = False
    unread: bool = False
    familiarity: float | None = None

    @property
    def unfamiliar(self) -> bool:
        return is_unfamiliar(self.familiarity)

    def to_json(self) -> dict[str, Any]:
        """JSON data, with the tasks beside `cosine`."""
        answers = {name: _plain(value) for name, value in self.results.items()}
        about = {"text": self.text, "text_b": self.text_b, "cosine": self.cosine}
        trust = {"familiarity": self.familiarity, "unfamiliar": self.unfamiliar}
        return {**about, **answers, "truncated": self.truncated, "unread": self.unread, **trust}


class MultiTaskModel(nn.Module):
    """One backbone and its heads. Use `mtl.load` to create one.

    `backbone`: a fork that the model owns. `config`: tasks, pooling and projection. `origin`: the base that the model
    was derived from (see `mtl.checkpoint.Base`).
    """

    def __init__(self, backbone: Backbone, config: ModelConfig) -> None:
        super().__init__()
        if "pooler" in config.poolings and not backbone.has_pooler:
            raise UserError(f"{backbone.name} has no pooler of its own; choose {listed(POOL, 'or')} as pooling.")
        self.backbone = backbone
        self.config = config
        widths = {"backbone": backbone.dim, "shared": config.projection}
        self.heads = nn.ModuleDict({_key(t.name): KINDS[t.kind].build(t, widths[t.reads]) for t in config.tasks})
        self.projection = Projection(backbone.dim, config) if config.projection else None
        self.origin = None
        self.familiarity: Familiarity | None = None

    # --- properties ---

    @property
    def tasks(self) -> dict[str, TaskSpec]:
        return {t.name: t for t in self.config.tasks}

    @property
    def dim(self) -> int:
        """The width of an embedding."""
        return self.config.projection or self.backbone.dim

    @property
    def dtype(self) -> str:
        return str(self.backbone.dtype).removeprefix("torch.")

    @property
    def slow_format(self) -> str:
        """A note for the user if another number format would be much quicker here, else ""."""
        return slow_format(self.device, self.backbone.dtype)

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    @property
    def max_tokens(self) -> int:
        return self.most_tokens()

    def most_tokens(self, setting: int = 0) -> int:
        """The longest input in tokens under a setting, 0 for the model's own."""
        limit = self.backbone.max_tokens
        return min(setting or self.config.max_tokens or limit, limit)

    @property
    def poolings(self) -> tuple[str, ...]:
        return (*POOL, "pooler") if self.backbone.has_pooler else tuple(POOL)

    def head(self, task: str) -> Head:
        if task not in self.tasks:
            raise UserError(f"This model has no task {task!r}; it has {listed(self.tasks)}.")
        return self.heads[_key(task)]

    def head_path(self, task: str) -> str:
        """The prefix of a head's parameters in `named_parameters()`."""
        return f"heads.{_key(task)}."

    @property
    def fitted(self) -> set[str]:
        """The names of the parameters that are fitted after training (see `Head.fitted`)."""
        return {self.head_path(task) + name for task in self.tasks for name in self.head(task).fitted}

    # --- tensors ---

    def tokenise(self, texts: Sequence[str | tuple[str, ...]], words: bool = True) -> list[Tokens]:
        """The tokens of each row: a text, or a tuple of one to three."""
        rows = [(text,) if isinstance(text, str) else text for text in texts]
        tokens = tokenise(self.backbone.tokenizer, [row[0] for row in rows], self.max_tokens, words)
        others = iter(tokenise(self.backbone.tokenizer, [t for row in rows for t in row[1:]], self.max_tokens, words))
        return [
            replace(own, others=tuple(itertools.islice(others, len(row) - 1))) if len(row) > 1 else own
            for own, row in zip(tokens, rows, strict=True)
        ]

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, special ones included, even beyond the model's limit."""
        return count_tokens(self.backbone.tokenizer, texts)

    def encode_batch(
        self, batch: Batch, hidden: torch.Tensor | None = None, start: int = 0, keep_lower: Sequence[int] = ()
    ) -> Encoded:
        """Run the backbone once, from the group `start` on if `hidden` (batch, tokens, dim), its input, is given.

        `keep_lower`: keep the mean of the token vectors after each of these numbers of groups as well.
        """
        inputs, lower = batch.ids if hidden is None else hidden, []
        for stop in keep_lower:
            inputs = self.backbone.run(inputs, batch.mask, start, stop)
            lower.append(inputs)
            start = stop
        tokens = self.backbone.run(inputs, batch.mask, start)
        return Encoded(tokens, batch.mask, self.backbone, sum(lower) / len(lower) if lower else None)

    def logits(self, encoded: Encoded, batch: Batch, task: str) -> torch.Tensor:
        """One task's logits: (rows, outputs), or (words, outputs) for the words of all rows."""
        return self.head(task).read(self, encoded, batch)

    def shared(self, encoded: Encoded, pooling: str | None = None) -> torch.Tensor:
        """Sentence vectors (batch, dim), projected if the model has a projection."""
        vectors = encoded.pooled(pooling or self.config.pooling)
        return vectors if self.projection is None else self.projection(vectors)

    def embeddings(self, encoded: Encoded, pooling: str | None = None) -> torch.Tensor:
        """Sentence embeddings (batch, dim) in float32 of length 1."""
        return F.normalize(self.shared(encoded, pooling).float(), dim=-1)

    # --- answers ---

    def analyze(
        self,
        texts: Iterable[str | tuple[str, str]],
        tasks: Iterable[str] | None = None,
        pooling: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Analysis]:
        """One `Analysis` per text, or pair of texts, from one backbone pass over each.

        `tasks`: the names of the heads to run, default all. `pooling`: of the embedding, default the model's own.
        `progress(done, total)` is called after each batch. Raises `UserError` for an empty text or an unknown task or
        pooling. Thread safe.
        """
        specs = self._chosen(tasks)
        rows = self.tokenise(self._checked(texts, pooling, most=2), words=reads_words(specs))
        answers: list[Analysis | None] = [None] * len(rows)

        def decode(indices: list[int], batch: Batch, encoded: Encoded) -> None:
            part = [rows[i] for i in indices]
            embeddings = self.embeddings(encoded, pooling)[batch.first].cpu().numpy()
            results, familiar = self._answers(specs, part, batch, encoded), self._familiar(part, encoded, batch)
            for i, row, embedding, values, share in zip(indices, part, embeddings, results, familiar, strict=True):
                answers[i] = _analysis(row, embedding, values, share)

        self.each_batch(rows, decode, progress, self._levels)
        return answers

    def compare(
        self,
        pairs: Iterable[tuple[str, str]],
        tasks: Iterable[str] | None = None,
        pooling: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Pair]:
        """One `Pair` per pair of texts: the cosine of their embeddings, and the answers of heads that read two texts.

        A text that stands in several pairs of a batch is encoded once. Arguments and errors as for `analyze`.
        """
        specs = [spec for spec in self._chosen(tasks) if KINDS[spec.kind].texts == 2 or tasks is not None]
        if alone := [spec.name for spec in specs if KINDS[spec.kind].texts == 1]:
            raise UserError(f"Task {alone[0]!r} reads one text, not two: analyze has its answers.")
        pairs = [tuple(pair) if isinstance(pair, (list, tuple)) else pair for pair in pairs]
        for number, pair in enumerate(pairs, 1):
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise UserError(f"Pair {number} is not two texts: compare([(text, other), ...]).")
        rows = self.tokenise(self._checked(pairs, pooling, most=2, what="Pair"), words=False)
        answers: list[Pair | None] = [None] * len(rows)

        def decode(indices: list[int], batch: Batch, encoded: Encoded) -> None:
            part = [rows[i] for i in indices]
            one, other = batch.pairs(self.embeddings(encoded, pooling))
            cosines = (one * other).sum(-1).tolist()
            results, familiar = self._answers(specs, part, batch, encoded), self._familiar(part, encoded, batch)
            for i, row, cosine, values, share in zip(indices, part, cosines, results, familiar, strict=True):
                cut = any(tokens.truncated for tokens in (row, *row.others))
                answers[i] = Pair(row.text, row.others[0].text, cosine, values, cut, _unread(row), share)

        self.each_batch(rows, decode, progress, self._levels)
        return answers

    def _answers(
        self, specs: Sequence[TaskSpec], part: Sequence[Tokens], batch: Batch, encoded: Encoded
    ) -> list[dict[str, Any]]:
        """Of each row of a batch the answers by task; those of heads that read two texts if it has two."""
        results: list[dict[str, Any]] = [{} for _ in part]
        for spec in specs:
            places = range(len(part)) if KINDS[spec.kind].texts == 1 else batch.paired
            if not places:
                continue
            texts, words = [part[i].text for i in places], [part[i].words for i in places]
            decoded = self.head(spec.name).decode(self.logits(encoded, batch, spec.name), texts, words)
            for place, answer in zip(places, decoded, strict=True):
                results[place][spec.name] = answer
        return results

    @property
    def _levels(self) -> Sequence[int]:
        """After how many groups the vectors are kept that tell how familiar a text is."""
        return self.familiarity.levels if self.familiarity else ()

    def _familiar(self, part: Sequence[Tokens], encoded: Encoded, batch: Batch) -> list[float | None]:
        """How familiar each row of a batch is: of two texts, the one that is less so."""
        if self.familiarity is None:
            return [None] * batch.rows
        values = self.familiarity.of(mean(encoded.lower, encoded.mask)).tolist()
        # Every unknown word has the same vector, whatever it is.
        return [
            0.0 if _unread(row) else min(values[i] for i in places)
            for row, places in zip(part, batch.places, strict=True)
        ]

    def encode(
        self,
        texts: Iterable[str],
        pooling: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        normalize: bool = True,
    ) -> np.ndarray:
        """Embeddings alone: float32 (n, dim), each of length 1, or with `normalize=False` as they are."""
        texts = self._checked(texts, pooling)
        result = np.empty((len(texts), self.dim), dtype=np.float32)

        def store(indices: list[int], batch: Batch, encoded: Encoded) -> None:
            vectors = self.embeddings(encoded, pooling) if normalize else self.shared(encoded, pooling).float()
            result[indices] = vectors.cpu().numpy()

        self.each_batch(self.tokenise(texts, words=False), store, progress)
        return result

    @torch.inference_mode()
    def each_batch(
        self,
        rows: Sequence[Tokens],
        handle: Callable[[list[int], Batch, Encoded], None],
        progress: Callable[[int, int], None] | None = None,
        keep_lower: Sequence[int] = (),
    ) -> None:
        """Run the backbone over `rows` in batches of similar length and call `handle(indices, batch, encoded)`.

        What a frozen one gives is read and kept where outputs are shared (see `mtl.encoder.states`)."""
        done, store, fresh = 0, states.current(), {}
        size = sum(row.length for row in rows) * self.backbone.dim * 4 * (2 if keep_lower else 1)
        if store and (not store.fits(size) or any(p.requires_grad for p in self.backbone.parameters())):
            store = None
        key = states.key_of(self.backbone, len(self.backbone.groups), rows, tuple(keep_lower)) if store else ""
        known = store.read(key) if store else {}
        for number, indices in enumerate(by_length([row.length for row in rows], TOKENS_PER_BATCH, ROWS_PER_BATCH)):
            batch = collate([rows[i] for i in indices], self.backbone.pad_id).to(self.device)
            names = f"tokens {number}", f"lower {number}"
            if known:
                tokens, lower = (known[name].to(self.device) if name in known else None for name in names)
                encoded = Encoded(tokens, batch.mask, self.backbone, lower)
            else:
                with store.computing() if store else contextlib.nullcontext():
                    encoded = self.encode_batch(batch, keep_lower=keep_lower)
                fresh |= zip(names, (encoded.tokens, encoded.lower), strict=True) if store else ()
            handle(indices, batch, encoded)
            done += len(indices)
            if progress:
                progress(done, len(rows))
        if fresh:
            store.write(key, {name: tensor for name, tensor in fresh.items() if tensor is not None})

    def _chosen(self, tasks: Iterable[str] | None) -> list[TaskSpec]:
        if tasks is None:
            return list(self.config.tasks)
        if isinstance(tasks, str):
            raise UserError(f"tasks must be a list of names, such as [{tasks!r}].")
        return [self.head(name).spec for name in tasks]

    def _checked(self, texts: Iterable[Any], pooling: str | None, most: int = 1, what: str = "Text") -> list[Any]:
        if isinstance(texts, str):
            raise UserError("Give a list of texts, not one text: analyze([text]).")
        texts = list(texts)
        for i, item in enumerate(texts):
            for text in item if isinstance(item, tuple) and 0 < len(item) <= most else (item,):
                if not isinstance(text, str):
                    raise UserError(f"{what} {i + 1} is not a text but {type(text).__name__}.")
                if not text.strip():
                    raise UserError(f"{what} {i + 1} is empty. Leave it out or write something in it.")
        if pooling is not None and pooling not in self.poolings:
            raise UserError(f"Unknown pooling {pooling!r}; this model has {listed(self.poolings)}.")
        return texts


def _analysis(row: Tokens, embedding: np.ndarray, results: dict[str, Any], familiarity: float | None) -> Analysis:
    parts = (row, *row.others)
    return Analysis(
        row.text,
        embedding,
        results,
        sum(len(tokens.ids) for tokens in parts),
        any(tokens.truncated for tokens in parts),
        _unread(row),
        familiarity,
        *(tokens.text for tokens in parts[1:]),
    )


def is_unfamiliar(familiarity: float | None) -> bool:
    """Whether answers to a text of this familiarity deserve no trust."""
    return familiarity is not None and familiarity < 0.5


def _unread(row: Tokens) -> bool:
    return any(tokens.unread for tokens in (row, *row.others))


def reads_words(specs: Iterable[TaskSpec]) -> bool:
    """Whether the head of one of these tasks reads word vectors."""
    return any(KINDS[spec.kind].reads == "words" for spec in specs)


def _plain(answer: Any) -> Any:
    """An answer as JSON data: a number or text, a dataclass, or a tuple of these."""
    if isinstance(answer, tuple):
        return [_plain(part) for part in answer]
    return vars(answer) if is_dataclass(answer) else answer


def _key(task: str) -> str:
    # A name in a ModuleDict may not contain a dot or be one of its attributes ("type", "keys"); a column's name may.
    return "task " + task.replace("%", "%25").replace(".", "%2E")


@functools.cache
def quickest_dtype() -> torch.dtype:
    """bfloat16 if the processor multiplies in it (AMX, AVX-512 BF16: about twice as quick), else float32.

    Decided by the processor's features, not by timing, so that all processes of a machine agree. The environment
    variable MTL_DTYPE (float32 or bfloat16) overrides it.
    """
    override = os.environ.get("MTL_DTYPE")
    if override in ("float32", "bfloat16"):
        return getattr(torch, override)
    if override:
        raise UserError(f"MTL_DTYPE must be float32 or bfloat16; it is {override!r}.")
    return torch.bfloat16 if multiplies_in_bfloat16() else torch.float32


def multiplies_in_bfloat16() -> bool:
    """Whether this processor has instructions for products in bfloat16. Others convert to float32."""
    # Private names in torch, which inductor uses; a version without them counts as without the instructions.
    signs = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(sign() for sign in signs if sign)


def slow_format(device: torch.device, dtype: torch.dtype) -> str:
    """A note for the user if `dtype` is not the quick choice on this computer, else ""."""
    if device.type != "cpu" or dtype != torch.bfloat16 or multiplies_in_bfloat16():
        return ""
    return "This processor has no instructions for bfloat16: float32 gives the same answers several times as fast."
