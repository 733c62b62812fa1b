"""What the tests have called in another process, which finds it here by its name."""

from __future__ import annotations

import os
import time

from mtl.config import UserError
from mtl.ui.train.data.tables import read_for


def doubled(number, progress):
    progress(0.5)
    return 2 * number, os.getpid()


def refusing(progress):
    raise UserError("Line 3 holds no text.")


def failing(secret, progress):
    raise ValueError(f"{secret} is in this message")


def printing(progress):
    print("not an answer")
    os.write(1, b"not one either")
    return "an answer"


def forever(note, progress):
    note.write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


def greedy(progress):
    kept = bytearray()
    while True:
        kept += b"x" * 10_000_000
        time.sleep(0.01)


def dying(progress):
    os._exit(9)


def read_when(file, *arguments, progress, **reading):
    """Read a table as soon as `file` is there."""
    while not file.exists():
        time.sleep(0.01)
    return read_for(*arguments, progress=progress, **reading)
