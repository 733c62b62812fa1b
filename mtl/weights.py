"""Files of weights: safetensors only, as files in other formats (pickle) can run code when they are opened."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mtl.config import UserError

# The file of a checkpoint with the statistics of its training texts (see `mtl.familiarity`).
FAMILIARITY = "familiarity.safetensors"
# In bytes. The header of a file with ten thousand tensors is a tenth of that.
_LONGEST_HEADER = 10_000_000
# How pickles begin: in their own format, and as torch.save packs them.
_PICKLES = (b"\x80", b"PK")


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, name: str = "", digest: str | None = None) -> None:
    """Raise `UserError`, which calls the file `name`, unless it is a whole safetensors file. No tensor is read.

    `digest`: the SHA-256 that it must have.
    """
    from safetensors import SafetensorError, safe_open

    name = name or str(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if int.from_bytes(start, "little") > _LONGEST_HEADER:
            raise SafetensorError("header too large")
        with safe_open(path, "np"):
            pass
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        if start.startswith(_PICKLES):
            raise UserError(
                f"{name} is not what its name says but a Python pickle, which can run code when it is opened. Nothing "
                "of it was read."
            ) from error
        raise UserError(f"{name} is not a safetensors file, or was cut short: {error}.") from error
    if digest is not None and sha256(path) != digest:
        raise UserError(
            f"{name} is not the file that was saved: it was changed (its SHA-256 is not the one in config.json). "
            "Copy, download or train it again."
        )
