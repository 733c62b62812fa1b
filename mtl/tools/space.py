"""Copies the settings of the Hugging Face Space from `Spacefile` to the block on top of README.md.

Hugging Face reads only that block, which is a poor place to edit or comment settings. The block is the text of
`Spacefile` without comments; no YAML is parsed, so nothing is reformatted.
"""

from __future__ import annotations

from pathlib import Path

from mtl.config import UserError

FENCE = "---\n"


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
