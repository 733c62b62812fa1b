"""Outputs of an encoder that several runs ask for, kept in files: what one has computed, the next one reads.

    with sharing(folder):
        ...             # encoding texts with frozen weights reads from `folder`, and writes there what is missing

A file is named by all that its tensors depend on (see `key_of`), so it is never out of date. Many processes may read
one while others write: a file appears whole, and one whose checksum is wrong is computed anew. Those that were not used
for longest are deleted where all together would be too large.

torch is imported inside functions: a process enters `sharing` before it knows whether it will train.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import UserError
from mtl.files import replacing

if TYPE_CHECKING:
    import torch

    from mtl.encoder.backbone import Backbone
    from mtl.text.batches import Tokens

_log = logging.getLogger(__name__)
# Changes with what is in the files.
_FORMAT = 1
# The gigabytes of all files together, unless MTL_STATES_GB says otherwise.
GIGABYTES = 2.0
# One file may take this share of it.
_SHARE = 0.1
# Bytes of the disk that are left free for the runs themselves.
_LEAST_FREE = 500e6
# After so many seconds the file of a process that was killed while it wrote is deleted.
_ABANDONED = 3600.0

_current: ContextVar[States | None] = ContextVar("states", default=None)


class States:
    """The files in `folder`, of at most `most_bytes` together."""

    def __init__(self, folder: Path, most_bytes: float) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        # Why something could not be kept, once that has happened; and how long computing it has taken so far.
        self.problem = ""
        self.seconds = 0.0

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Around the computation of what is kept: the next run will not need this time."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def fits(self, size: float) -> bool:
        """Whether a file of so many bytes would be kept."""
        return size <= _SHARE * self._most_bytes

    def read(self, key: str) -> dict[str, torch.Tensor]:
        """The tensors that are kept under `key`, mapped into memory; {} if there are none that can be believed."""
        from safetensors import SafetensorError, safe_open

        path = self._path(key)
        try:
            with safe_open(path, framework="pt") as file:
                expected = (file.metadata() or {}).get("checksum")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
            if _checksum(tensors) == expected:
                os.utime(path)
                return tensors
            _log.warning("%s is damaged, and computed anew.", path.name)
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError) as error:
            _log.warning("%s cannot be read, and is computed anew: %s", path.name, error)
        return {}

    def write(self, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep tensors under `key`, if there is room. Never raises for a disk that is full or cannot be written."""
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        size = sum(tensor.nbytes for tensor in tensors.values())
        if not self.fits(size):
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            if shutil.disk_usage(self._folder).free < size + _LEAST_FREE:
                self._say("the disk is nearly full")
                return
            with replacing(self._path(key)) as temporary:
                save_file(tensors, temporary, metadata={"checksum": _checksum(tensors)})
        except (OSError, SafetensorError) as error:
            self._say(getattr(error, "strerror", None) or str(error))

    def _say(self, why: str) -> None:
        self.problem = f"Outputs of frozen layers could not be kept for later runs: {why}."
        _log.warning(self.problem)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"

    def _make_room(self, size: float) -> None:
        """Delete what was not used for longest until `size` more bytes fit, and what a killed process left."""
        kept = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):  # another process may have deleted it
                status = path.stat()
                if path.suffix == ".safetensors":
                    kept.append((status.st_mtime, status.st_size, path))
                elif time.time() - status.st_mtime > _ABANDONED:
                    path.unlink()
        total = sum(bytes_ for _, bytes_, _ in kept)
        for _, bytes_, path in sorted(kept):
            if total + size <= self._most_bytes:
                return
            with contextlib.suppress(OSError):  # in use, on systems that delete no open file
                path.unlink()
                total -= bytes_


@contextlib.contextmanager
def sharing(folder: Path) -> Iterator[States | None]:
    """Meanwhile, keep outputs of frozen layers in `folder`; None where the environment says that nothing is kept."""
    most = _most_bytes()
    token = _current.set(States(folder, most) if most else None)
    try:
        yield _current.get()
    finally:
        _current.reset(token)


def current() -> States | None:
    """Where outputs are kept now, None if nowhere."""
    return _current.get()


def _most_bytes() -> float:
    value = os.environ.get("MTL_STATES_GB") or GIGABYTES
    with contextlib.suppress(ValueError):
        if 0 <= (number := float(value)) < float("inf"):
            return number * 1e9
    raise UserError(f"MTL_STATES_GB must be a number of gigabytes; it is {value!r}.")


def key_of(backbone: Backbone, depth: int, texts: Sequence[Tokens], *inputs: Any) -> str:
    """A name for what the lowest `depth` groups make of texts and other `inputs` (plain values), in the number format
    of now. Of a text its tokens count, and so the tokenizer and the limit of its length do."""
    import numpy as np
    import torch

    device = next(backbone.parameters()).device.type
    weights = [
        (name, str(parameter.dtype), _digest(parameter))
        for name, parameter in backbone.named_parameters()
        if backbone.group_of(name) < depth
    ]
    autocast = torch.is_autocast_enabled(device) and str(torch.get_autocast_dtype(device))
    machine = torch.__version__, device, torch.backends.cpu.get_cpu_capability(), autocast
    about = (_FORMAT, *machine, depth, backbone.family, weights, inputs)
    digest = hashlib.sha256(repr(about).encode())
    for tokens in (each for row in texts for each in (row, *row.others)):
        words = [position for _, _, position in tokens.words]
        digest.update(np.array([len(tokens.ids), *tokens.ids, len(words), *words], dtype=np.int64).tobytes())
    return digest.hexdigest()


@functools.cache
def _digests() -> MutableMapping[torch.Tensor, tuple[tuple[int, int], str]]:
    """The digest of each parameter, as long as it is the same tensor with the same values: (these, digest)."""
    from torch.utils.weak import WeakTensorKeyDictionary

    return WeakTensorKeyDictionary()


def _digest(parameter: torch.nn.Parameter) -> str:
    version = parameter._version, parameter.data_ptr()
    known = _digests().get(parameter)
    if known is None or known[0] != version:
        known = version, hashlib.sha256(_bytes(parameter)).hexdigest()
        _digests()[parameter] = known
    return known[1]


def _checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(_bytes(tensors[name]), zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    return memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
