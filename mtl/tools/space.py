"""A Hugging Face Space of this program: the folder that the Hub takes, and the settings on top of a README.

Hugging Face reads settings only from the block on top of README.md, which is a poor place to edit or comment them.
The block is the text of `Spacefile` without comments; no YAML is parsed, so nothing is reformatted.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mtl.config import UserError
from mtl.places import ASSETS, HOME, SPACE

FENCE = "---\n"
# Torch without CUDA, a tenth of the download, is on an index of its own.
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# What ZeroGPU has: https://huggingface.co/docs/hub/spaces-zerogpu
_ZEROGPU_PYTHON, _ZEROGPU_TORCH = "3.12.12", "2.11.0"
# The Hub takes larger files, and binary ones whatever their size, only through Git LFS. `hf upload` sees to that by
# itself; `git push` goes by .gitattributes.
_LARGE = 10_000_000
_IN_LFS = "filter=lfs diff=lfs merge=lfs -text"


@dataclass(frozen=True)
class Kind:
    """What a Space is made for.

    `zerogpu`: for ZeroGPU, else for processors. `bucket`: the folder that the Space's bucket is mounted at, "" without
    one. `org`: the organisation whose members alone can sign in, which all have to then (`mtl.ui.server.sign_in`), ""
    for a Space without signing in. Raises `UserError`.
    """

    zerogpu: bool = False
    bucket: str = ""
    org: str = ""

    def __post_init__(self) -> None:
        if self.bucket and not re.fullmatch(r"(/[\w.-]+)+", self.bucket):
            raise UserError(
                f"--bucket is the folder that the bucket is mounted at, such as /data; not {self.bucket!r}."
            )
        if self.org and not re.fullmatch(r"\w[\w.-]*", self.org):
            raise UserError(f"--org is the name of an organisation on the Hub; {self.org!r} cannot be one.")

    @property
    def hardware(self) -> str:
        """What the Hub calls it."""
        return "zero-a10g" if self.zerogpu else "cpu-basic"


# --- the folder ---


def write(out: Path, kind: Kind) -> int:
    """Write all files of a Space into the folder `out`, which is new or empty; their bytes in total.

    Raises `UserError` if what it is made of is not here, and `OSError`, after which nothing of it is left.
    """
    texts = {
        "README.md": _readme(kind),
        "requirements.txt": requirements(_source("requirements.txt"), kind),
        "app.py": _app(_source("app.py"), kind),
        "LICENSE": _source("LICENSE"),
    }
    files = dict(_files())
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
        for name, file in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, out / name)
        (out / ".gitattributes").write_text(_attributes(out), encoding="utf-8")
    except OSError:
        shutil.rmtree(out, ignore_errors=True)
        if not new:
            out.mkdir()
        raise
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _source(name: str) -> str:
    try:
        return (SPACE / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"A Space is made of {name}, which is not in {SPACE}. Run this in a checkout, or where a wheel is."
        raise UserError(message) from None


def _files() -> Iterator[tuple[PurePosixPath, Path]]:
    """Where each file of the package and of the assets is in a Space, and where it is here."""
    for path in sorted((HOME / "mtl").rglob("*")):
        name = PurePosixPath(path.relative_to(HOME).as_posix())
        if path.suffix in (".py", ".html") and not {"_assets", "_space"} & {*name.parts}:
            yield name, path
    for path in sorted(ASSETS.rglob("*")):
        name = PurePosixPath("assets", path.relative_to(ASSETS).as_posix())
        # The pictures are those of this project's README.
        if path.is_file() and path.suffix != ".png" and not path.name.startswith("."):
            yield name, path


def _readme(kind: Kind) -> str:
    """The Space's README: the settings, and of this project's README the title and what it is."""
    text = with_block(_source("README.md"), "").lstrip("\n")
    title, what, *_ = text.split("\n\n")
    on_top = block(settings(_source("Spacefile"), kind))
    return f"{on_top}\n{title}\n\n{what}\n\nThe command `mtl space` wrote this folder.\n"


def settings(spacefile: str, kind: Kind) -> str:
    """A Spacefile's text with the settings of such a Space."""
    if kind.zerogpu:
        spacefile = re.sub(r"(?m)^python_version:.*$", f'python_version: "{_ZEROGPU_PYTHON}"', spacefile)
    lines = [f"suggested_hardware: {kind.hardware}"]
    if kind.org:
        lines += ["hf_oauth: true", f"hf_oauth_authorized_org: {kind.org}"]
    return spacefile.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in lines)


def requirements(pins: str, kind: Kind) -> str:
    """The requirement file of such a Space, from the pins of this project's own."""
    if kind.zerogpu:  # another torch needs other releases of what it alone brings
        pins = re.sub(r"(?m)^\S.*\n    # via torch\n", "", pins)
    lines = [line for line in pins.splitlines() if re.match(r"\w", line)]
    [torch] = [line for line in lines if line.startswith("torch==")]
    lines.remove(torch)
    if kind.zerogpu:
        # `spaces` is the Hub's own side, which knows its newest release.
        return "".join(f"{line}\n" for line in ("spaces", f"torch=={_ZEROGPU_TORCH}", *lines))
    return "".join(f"{line}\n" for line in (f"--extra-index-url {_CPU_INDEX}", f"{torch}+cpu", *lines))


def _app(app: str, kind: Kind) -> str:
    """What the Space starts: this project's own, which finds the bucket where it is."""
    setting = f'os.environ.setdefault("MTL_BUCKET", "{kind.bucket}")'
    return app.replace("import sys\n", f"import os\nimport sys\n\n{setting}\n", 1) if kind.bucket else app


def _attributes(folder: Path) -> str:
    """What Git LFS has to hold, by the endings of the files that need it."""
    needed = {path.suffix or path.name for path in folder.rglob("*") if path.is_file() and _needs_lfs(path)}
    return "".join(f"*{ending} {_IN_LFS}\n" for ending in sorted(needed))


def _needs_lfs(path: Path) -> bool:
    with path.open("rb") as file:
        return path.stat().st_size > _LARGE or b"\0" in file.read(8192)  # as git tells binary files


# --- the settings on top of a README ---


def block(settings: str) -> str:
    """The README's block for a Spacefile's text: its lines without comments and blanks, between two fences."""
    lines = [line.rstrip() for line in settings.splitlines()]
    lines = [line for line in lines if line and not line.lstrip().startswith("#")]
    if not lines:
        raise UserError("Spacefile has no settings. Give at least title, sdk and app_file.")
    if any(line.startswith("---") for line in lines):
        raise UserError("Spacefile has a line of dashes, which would end the block early. Remove it.")
    return FENCE + "".join(f"{line}\n" for line in lines) + FENCE


def with_block(readme: str, new: str) -> str:
    """`readme` with `new` as its block, which replaces an old one if there is one."""
    if not readme.startswith(FENCE):
        return f"{new}\n{readme}"
    end = readme.find("\n" + FENCE, len(FENCE) - 1)
    if end < 0:
        raise UserError("README.md starts with --- but has no second line of ---. Add it below the settings.")
    return new + readme[end + 1 + len(FENCE) :]


def rewrite(root: Path) -> bool:
    """Update the block of `root`/README.md from `root`/Spacefile. True if the README changed.

    Raises `UserError` if a file is missing or the end of the block cannot be found.
    """
    for name in ("Spacefile", "README.md"):
        if not (root / name).is_file():
            raise UserError(f"{name} is not in {root}. Run this in a checkout of the project.")
    path = root / "README.md"
    before = path.read_text(encoding="utf-8")
    after = with_block(before, block((root / "Spacefile").read_text(encoding="utf-8")))
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before
