"""A folder of parts: what it was made from, and which parts are there.

A part is written whole under a hidden name, and then gets its own, which says of which file it is and its number. So
whatever ends the work, a part that is there is complete, and the same command goes on with the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from mtl.config import UserError
from mtl.files import NotThere, read_json, write_json
from mtl.text.values import cut

if TYPE_CHECKING:
    import pyarrow as pa

    from mtl.bulk.files import Found

# Names that begin so are no data for programs that read a folder of Parquet.
_MADE_FROM, _LOCK = "_made_from.json", ".lock"
_FILES = "files"


@dataclass(frozen=True)
class Parts:
    """The parts in the folder `out`, made from the files that were found."""

    out: Path
    found: Found

    def path(self, file: Path, number: int) -> Path:
        """Where the part of that number, from 0 on, of a file is; it may not be there yet."""
        return self.out / f"{self.found.name(file)}-{number:06}.parquet"

    def write(self, path: Path, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        pq.write_table(table, temporary)
        temporary.replace(path)

    def claim(self) -> filelock.FileLock:
        """A lock on the folder, which is made where it is not there; release it when the work ends. Raises `UserError`
        if the parts would lie among the data, or another process writes some."""
        if self.found.whole and self.out.resolve().is_relative_to(self.found.root.resolve()):
            raise UserError(f"{self.out} lies in {self.found.root}, whose files are read as data. Name another folder.")
        self.out.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.out / _LOCK, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise UserError(f"Another process writes to {self.out}. Wait until it is done.") from None
        return lock

    def check(self, made_from: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Write down what the parts are made from, and `about` that what does not matter to them. Raises `UserError` if
        the folder has parts that were made from something else, or one of their files has changed since."""
        versions = {self.found.name(file): _version(file) for file in self.found.files}
        before = {**made_from, _FILES: {}}
        if any(self.out.rglob("[!.]*.parquet")):
            try:
                before = read_json(self.out / _MADE_FROM)
            except NotThere:
                raise UserError(f"{self.out} has files already that were not made here. Name a new folder.") from None
        for key, value in made_from.items():
            if before.get(key) != value:
                former, now = (cut(json.dumps(found, ensure_ascii=False), 40) for found in (before.get(key), value))
                raise UserError(
                    f"{self.out} was made with another {key.replace('_', ' ')} ({former}, and now it is {now}): name a "
                    "new folder, or delete that one."
                )
        known = before.get(_FILES) or {}
        for name, version in versions.items():
            if known.get(name, version) != version:
                raise UserError(
                    f"{self.found.root / name} has changed since parts were made of it: name a new folder, or delete "
                    f"{self.out}."
                )
        write_json(self.out / _MADE_FROM, {**before, **about, _FILES: {**known, **versions}})


def _version(file: Path) -> list[int]:
    """What changes when a file is written anew: its size and its time."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
