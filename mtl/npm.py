"""The packages of npm that a page without a server takes along: those in a folder, or else fetched by npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mtl.config import UserError
from mtl.files import json_or_nothing


@dataclass(frozen=True)
class Package:
    """A package, the release that the page is tried with, its licence, and the files of it that a page needs."""

    name: str
    version: str
    licence: str
    files: tuple[str, ...]

    @property
    def release(self) -> str:
        """As npm names it."""
        return f"{self.name}@{self.version}"


_RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PACKAGES = (
    # The tokenizers of transformers.js.
    Package("@huggingface/tokenizers", "0.2.0", "Apache-2.0", ("dist/tokenizers.min.mjs",)),
    Package("onnxruntime-web", "1.30.0", "MIT", tuple(f"dist/{name}" for name in _RUNTIME)),
)
_INSTALL = f"npm install {' '.join(package.release for package in PACKAGES)}"
_LONGEST_WAIT = 600  # seconds


@contextmanager
def packages(folder: str | None = None) -> Iterator[list[Path]]:
    """The files of all packages: of `folder`, which is one called node_modules or has one, or else fetched by npm into
    a folder that goes when the block ends. Raises `UserError`, which says what to do."""
    if folder is not None:
        yield _in_folder(Path(folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield _fetched(Path(temporary))


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder} with packages of npm. Make one: {_INSTALL}")
    inside = folder / "node_modules" if (folder / "node_modules").is_dir() else folder
    for package in PACKAGES:
        version = json_or_nothing(inside / package.name / "package.json").get("version")
        if version != package.version:
            found = f"{package.name} {version}" if version else f"no {package.name}"
            raise UserError(f"{folder} has {found}; the page needs {package.version}: {_INSTALL}")
    files = [inside / package.name / file for package in PACKAGES for file in package.files]
    if missing := next((file for file in files if not file.is_file()), None):
        raise UserError(f"{missing} is missing: {_INSTALL}")
    return files


def _fetched(folder: Path) -> list[Path]:
    npm = shutil.which("npm")
    elsewhere = f"or name a folder that was made elsewhere by {_INSTALL}: --packages node_modules"
    if npm is None:
        raise UserError(f"There is no npm here to fetch what runs the model in a browser: install Node.js, {elsewhere}")
    releases = [package.release for package in PACKAGES]
    # Packages as they are, without those that they name and without running anything of theirs.
    command = [npm, "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder), *releases]
    try:
        asked = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=_LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        raise UserError(f"npm fetched nothing in {_LONGEST_WAIT // 60} minutes: try again, {elsewhere}") from None
    if asked.returncode:
        raise UserError(f"npm could not fetch {' and '.join(releases)}: {_why(asked.stdout)}; try again, {elsewhere}")
    files = []
    for package in PACKAGES:
        packed = f"{package.name.lstrip('@').replace('/', '-')}-{package.version}.tgz"
        with tarfile.open(folder / packed) as archive:
            for name in package.files:
                files.append(folder / Path(name).name)
                with archive.extractfile(f"package/{name}") as source, files[-1].open("wb") as target:
                    shutil.copyfileobj(source, target)
    return files


def _why(said: str) -> str:
    """What npm's JSON says went wrong."""
    try:
        return str(json.loads(said)["error"]["summary"]).splitlines()[0].rstrip(".")
    except (ValueError, KeyError, TypeError, IndexError):
        return "it does not say why"
