"""Modules that add to the program, named by the environment variable MTL_PLUGINS ("module,module").

A plug-in is imported with `mtl`, in the server and in its workers, so it should import torch and gradio inside
functions. Uploads, such as checkpoints, cannot name one. It may define

    TASK_KINDS     kinds of task (see `mtl.kinds.kind.Kind`)
    TABLE_READERS  name of a format -> function from a file's path to its rows of cells, the header first, or to None
                   if the file has another format
    views()        name of a kind -> how it is shown, a class (see `mtl.ui.kinds.view.View`)
    TITLE, build   a tab of the page (see `mtl.ui.tabs`)
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from mtl.config import register_kind

MODULES: list[ModuleType] = []


def load() -> None:
    """Import the plug-ins. Raises `ImportError` with the name of one that fails, and the reason."""
    for name in filter(None, map(str.strip, os.environ.get("MTL_PLUGINS", "").split(","))):
        try:
            module = importlib.import_module(name)
            for kind in getattr(module, "TASK_KINDS", ()):
                register_kind(kind)
        except Exception as error:
            raise ImportError(
                f"MTL_PLUGINS names {name!r}, which cannot be used: {type(error).__name__}: {error}"
            ) from error
        MODULES.append(module)
