"""Where the program's own files are, in a checkout and where a wheel has put them."""

from __future__ import annotations

from pathlib import Path

from mtl.config import UserError

_PACKAGE = Path(__file__).resolve().parent
# The folder that `mtl` is imported from. The program's other processes start in it, so that they find the same `mtl`,
# whatever lies in the folder where somebody started this one.
HOME = _PACKAGE.parent


def _assets() -> Path:
    installed = _PACKAGE / "_assets"  # pyproject.toml puts them there
    return installed if installed.is_dir() else HOME / "assets"


# The default model, the samples, the lessons, and what the page is made of beside its templates.
ASSETS = _assets()


# What a Space is made of beside the package and the assets: app.py, Spacefile, README.md, LICENSE, requirements.txt.
SPACE = HOME if ASSETS.parent == HOME else _PACKAGE / "_space"  # pyproject.toml puts them there, too


def checkout(command: str) -> Path:
    """The checkout that this program runs from. Raises `UserError` if it is installed: `command` needs a checkout."""
    if ASSETS.parent != HOME:
        raise UserError(f"{command} works only in a checkout of the project. Run it there: python -m {command}")
    return HOME
