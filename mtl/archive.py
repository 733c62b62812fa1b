"""Checkpoints as zip files: written for download, and read from untrusted uploads.

An upload may be damaged or hostile: names, sizes, links and formats are checked before a byte is unpacked, the result
is checked again, and only a complete checkpoint ends up in the requested folder. Nothing else on the disk is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mtl import weights
from mtl.config import ModelConfig, UserError
from mtl.data.files import known_format
from mtl.files import read_json

if TYPE_CHECKING:
    from mtl.checkpoint import Base

# Unpacked, in total. A whole encoder of the default's size in float32 is 91 MB.
MAX_BYTES = 256_000_000
MAX_FILES = 100
# In bytes, for each of config.json, train.json and README.md. Which of 300 labels were taken for which is 1.3 MB.
_MAX_TEXT = 10_000_000
# Of all heads together; the default model's have a hundred thousand.
_MAX_HEAD_WEIGHTS = 20_000_000
# A lower bound for the width of the vectors that heads read.
_NARROW = 384
_CHUNK = 1 << 20
_TEXTS = ("config.json", "train.json", "README.md")
_WEIGHTS = re.compile(r"weights[0-9a-z-]{0,40}\.safetensors")
# Files that file managers add.
_LITTER = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_TAKE_WHOLE = "Zip the folder called checkpoint as it is, or download it here again."


# --- writing ---


def write(folder: str | os.PathLike, target: str | os.PathLike | IO[bytes], name: str = "checkpoint") -> None:
    """Write the checkpoint in `folder` as a zip, all files in one folder called `name`.

    The same checkpoint gives the same bytes. Raises `UserError` if `folder` has no checkpoint.
    """
    folder = Path(folder)
    files = [folder / file for file in _TEXTS if (folder / file).is_file()]
    if not (folder / "config.json").is_file():
        raise UserError("There is no checkpoint to pack: its folder has no config.json.")
    files += sorted(path for path in folder.iterdir() if _is_tensors(path.name))
    with zipfile.ZipFile(target, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{name}/{path.name}")
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            # Weights hardly compress, and trying takes seconds.
            entry.compress_type = zipfile.ZIP_DEFLATED if path.name in _TEXTS else zipfile.ZIP_STORED
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed, _CHUNK)


# --- reading ---


def read(path: str | os.PathLike, into: str | os.PathLike, bases: Collection[Base]) -> Path:
    """Unpack an uploaded zip into the folder `into`, which must not exist yet, and return it.

    A checkpoint on any base but `bases` is refused, so that the name of its base is never looked up on the network.
    Raises `UserError` saying what is wrong with the file; then `into` does not exist either.
    """
    path, into = Path(path), Path(into)
    if into.exists():
        raise UserError(f"{into.name} exists already.")
    temporary = into.with_name(f".{into.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        with _opened(path) as archive:
            for name, entry in _entries(archive).items():
                # Reads no more than the size in the list of contents, and checks the CRC-32 of what it has read.
                with archive.open(entry) as packed, (temporary / name).open("xb") as file:
                    shutil.copyfileobj(packed, file, _CHUNK)
        _check(temporary, bases)
        temporary.rename(into)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise UserError(f"This zip file is damaged or was cut short ({_plain(error)}). Download it again.") from error
    except OSError as error:
        raise UserError(f"The zip file could not be unpacked: {error.strerror or _plain(error)}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return into


def _is_tensors(name: str) -> bool:
    return name == weights.FAMILIARITY or _WEIGHTS.fullmatch(name) is not None


def _plain(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _opened(path: Path) -> zipfile.ZipFile:
    with path.open("rb") as file:
        start = file.read(64)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_557))
        tail = file.read()
    if not size:
        raise UserError("This file is empty. Choose the zip file of a checkpoint.")
    if start.startswith(b"PK\x05\x06"):
        raise UserError(f"This zip file holds nothing. {_TAKE_WHOLE}")
    if not start.startswith(b"PK\x03\x04"):
        kind, _ = known_format(start) or ("something else", "")
        raise UserError(f"This is not a zip file but {kind}. {_TAKE_WHOLE}")
    # The list of contents is at the end, and Python would read all of it into memory.
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise UserError("This zip file was cut short: its end, with the list of its contents, is missing.")
    count, listing = struct.unpack("<HI", tail[at + 10 : at + 16])
    if count > 2 * MAX_FILES or listing > 1000 * MAX_FILES or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise UserError(f"This zip file lists far more than a checkpoint holds (at most {MAX_FILES} files).")
    return zipfile.ZipFile(path)


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries to unpack, by plain file name."""
    entries: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    total = 0
    for entry in archive.infolist():
        shown = repr(entry.filename[:80])
        parts = entry.filename.split("/")
        if entry.filename.startswith("/") or "\\" in entry.filename or ":" in entry.filename or ".." in parts:
            raise UserError(f"This zip file was refused: its entry {shown} leads to a place outside of it.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UserError(f"This zip file was refused: its entry {shown} is a link or a device, not a file.")
        if entry.is_dir() or _LITTER.search(entry.filename):
            continue
        if entry.flag_bits & 0x1:
            raise UserError("This zip file is encrypted. Zip the checkpoint without a password.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f"The entry {shown} of this zip file is packed in a way that is not read. {_TAKE_WHOLE}")
        name = parts[-1]
        if name.lower().endswith(_PICKLES):
            raise UserError(
                f"This zip file holds {shown}, in a format (pickle) that can run code when it is opened, so nothing of "
                "it was read. A checkpoint of this program keeps its weights in .safetensors files."
            )
        if name not in _TEXTS and not _is_tensors(name):
            raise UserError(f"This zip file holds {shown}, which is no part of a checkpoint. {_TAKE_WHOLE}")
        if name in entries or len(parts) > 2:
            raise UserError(f"This zip file holds more than one checkpoint, or folders within it. {_TAKE_WHOLE}")
        if name in _TEXTS and entry.file_size > _MAX_TEXT:
            raise UserError(f"This zip file was refused: {shown} is {entry.file_size / 1e6:,.0f} MB of text.")
        entries[name] = entry
        folders.add(tuple(parts[:-1]))
        total += entry.file_size
    if len(entries) > MAX_FILES:
        raise UserError(f"This zip file holds {len(entries)} files; a checkpoint has at most {MAX_FILES}.")
    if total > MAX_BYTES:
        raise UserError(
            f"This zip file would take {total / 1e6:,.0f} MB unpacked; the most is {MAX_BYTES / 1e6:.0f} MB. "
            "Use a model that large on the command line: python -m mtl analyze --model FOLDER."
        )
    if "config.json" not in entries or len(folders) > 1:
        raise UserError(f"This zip file holds no checkpoint: there is no config.json beside weights. {_TAKE_WHOLE}")
    return entries


# --- what was unpacked ---


def _check(folder: Path, bases: Collection[Base]) -> None:
    from mtl.checkpoint import other_base, read_config

    base, files, model = read_config(folder, "config.json in this zip file")
    if base not in bases:
        raise other_base("This checkpoint", base, bases)
    if model.projection > 1024 or _head_weights(model) > _MAX_HEAD_WEIGHTS:
        raise UserError("This checkpoint names heads that are far too large for this page.")
    present = {path.name for path in folder.iterdir()} - {*_TEXTS, weights.FAMILIARITY}
    if present != set(files):
        missing = sorted(set(files) - present)
        what = f"lacks {missing[0][:80]!r}" if missing else "holds weights that its config.json does not name"
        raise UserError(f"This zip file {what}: it is not whole. Download it again.")
    for file, digest in files.items():
        weights.check(folder / file, f"{file} in this zip file", digest)
    if (folder / weights.FAMILIARITY).exists():
        weights.check(folder / weights.FAMILIARITY, f"{weights.FAMILIARITY} in this zip file")
    if (folder / "train.json").exists():
        read_json(folder / "train.json", "train.json in this zip file")


def _head_weights(model: ModelConfig) -> int:
    """Roughly how many weights the heads have, for any backbone."""
    return sum(t.hidden * (_NARROW + t.outputs) if t.hidden else _NARROW * t.outputs for t in model.tasks)
