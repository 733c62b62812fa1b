"""Checkpoints that visitors upload as zip files. They are a stranger's: see `mtl.archive` for what is checked."""

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
# An upload is deleted after so many seconds, or when its visitor has uploaded so many more, unless a session uses it.
_MAX_AGE = 24 * 3600
_MOST_OF_ONE = 5
# The folder beside the runs; its name is that of earlier versions, whose uploads are to be deleted, too.
_FOLDER = "brought"


def unpack(session: Session, visit: Visit, file: str | Path) -> Path:
    """The folder of a checkpoint that a visitor uploaded as a zip; it has been loaded once.

    Raises `UserError` saying what is wrong with the file; nothing of it stays then.
    """
    from mtl.checkpoint import Base

    file = Path(file)
    if file.stat().st_size > MAX_ZIP_BYTES:
        raise UserError(words.upload_too_big(MAX_ZIP_BYTES))
    own = session.models.get(None)
    source = own.backbone.source
    bases = {own.origin, Base(source.name, source.sha256)}
    everybody = session.runs.root / _FOLDER
    # The name says whose it is without giving the secret away.
    mine = everybody / hashlib.sha256(visit.owner.encode()).hexdigest()[:16]
    _clean_up(everybody, session.registry.models(), mine)
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = mine / secrets.token_hex(6) / _plain_name(file.stem)
    try:
        archive.read(file, folder, bases)
        session.models.get(folder)
    except BaseException:
        shutil.rmtree(folder.parent, ignore_errors=True)
        with contextlib.suppress(OSError):  # another upload of theirs is there
            mine.rmdir()
        raise
    return folder


def _plain_name(name: str) -> str:
    """What a person called a file, as a folder name that every system takes."""
    return re.sub(r"[^\w .()-]+", " ", name)[:40].strip(" .") or words.UPLOADED_NAME


def _clean_up(everybody: Path, used: Collection[Path], mine: Path) -> None:
    """Delete uploads that are old, or too many of one visitor, and not in use."""
    ages = {path: time.time() - path.stat().st_mtime for path in everybody.glob("*/*")}
    latest = sorted((path for path in ages if path.parent == mine), key=ages.get)[: _MOST_OF_ONE - 1]
    for path, age in ages.items():
        crowded = path.parent == mine and path not in latest
        if (age > _MAX_AGE or crowded) and not any(path in model.parents for model in used):
            shutil.rmtree(path, ignore_errors=True)
