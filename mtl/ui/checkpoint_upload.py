"""Checkpoints that visitors bring as zip files. They are a stranger's: see `mtl.archive` for what is checked."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from mtl import archive
from mtl.config import UserError
from mtl.ui.page import Session
from mtl.ui.train.result import words
from mtl.ui.visitors import Visit

# A whole encoder of the default's size takes 92 MB.
MAX_ZIP_BYTES = 110_000_000
# What was brought is kept for so many seconds, so many of each visitor, and longer where a session uses it.
_KEPT_FOR = 24 * 3600
_KEPT_OF_ONE = 5


def bring(session: Session, visit: Visit, file: str | Path) -> Path:
    """The checkpoint in a zip that a visitor brought, unpacked and found to load.

    Raises `UserError` saying what is wrong with the file; nothing is kept of it then.
    """
    from mtl.checkpoint import Base

    file = Path(file)
    if file.stat().st_size > MAX_ZIP_BYTES:
        raise UserError(words.upload_too_big(MAX_ZIP_BYTES))
    own = session.models.get(None)
    source = own.backbone.source
    bases = {own.origin, Base(source.name, source.sha256)}
    everybody = session.runs.root / "brought"
    # Whose it is can be told from the folder's name, and the secret itself cannot.
    mine = everybody / hashlib.sha256(visit.owner.encode()).hexdigest()[:16]
    _tidy(everybody, session.registry.models(), mine)
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = mine / secrets.token_hex(6) / _plain_name(file.stem)
    try:
        archive.read(file, folder, bases)
        session.models.get(folder)
    except BaseException:
        shutil.rmtree(folder.parent, ignore_errors=True)
        with contextlib.suppress(OSError):  # another one of theirs is there
            mine.rmdir()
        raise
    return folder


def _plain_name(name: str) -> str:
    """What a person called a file, as a folder's name that every system takes."""
    return re.sub(r"[^\w .()-]+", " ", name)[:40].strip(" .") or words.UPLOADED_NAME


def _tidy(everybody: Path, used: Collection[Path], mine: Path) -> None:
    """Delete what was brought long ago, or by one visitor in large numbers, and is not in use."""
    ages = {path: time.time() - path.stat().st_mtime for path in everybody.glob("*/*")}
    latest = sorted((path for path in ages if path.parent == mine), key=ages.get)[: _KEPT_OF_ONE - 1]
    for path, age in ages.items():
        crowded = path.parent == mine and path not in latest
        if (age > _KEPT_FOR or crowded) and not any(path in model.parents for model in used):
            shutil.rmtree(path, ignore_errors=True)
