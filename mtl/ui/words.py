"""The words that several parts of the page use. Plain text: HTML escapes it."""

from __future__ import annotations

TITLE = "MTL Playground"
TAGLINE = "Embeddings, sentiment and entities from one pass of one small English model, on this machine."
TRAIN = "Train"
AS_TABLE = "The same as a table"
DOWNLOAD_CSV = "Download CSV"

LOADING_DATA = "Loading the data that this page begins with…"
LOADING = "Loading the model: a few seconds, once per start of the server."
EXPIRED = "There is no analysis to work with: none was made yet, or it was put away after a long pause. Press Analyze."


def duration(seconds: float) -> str:
    """Seconds in words short enough for a line that is read in passing."""
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


def number(value: int) -> str:
    return f"{value:,}"


def file_too_big(limit: int) -> str:
    return (
        f"This file is too big: the page takes files up to {limit // 1_000_000} MB. Split it, or use the command line."
    )
