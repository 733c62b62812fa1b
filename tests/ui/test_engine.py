"""The page's own model comes with all that its answers need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import mtl

PACKAGE = Path(mtl.__file__).parent
# Run by commands or in processes of their own, in which one thread imports.
ELSEWHERE = {"tools", "bulk"}


def imported_when_needed() -> set[str]:
    """The modules of scipy and scikit-learn that some function of the package imports."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if ELSEWHERE.intersection(path.relative_to(PACKAGE).parts):
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                found |= {node.module for node in ast.walk(function) if isinstance(node, ast.ImportFrom)}
    return {name for name in found if name and name.split(".")[0] in ("scipy", "sklearn")}


def test_no_answer_imports_a_part_of_a_library_while_another_thread_does():
    wanted = imported_when_needed()
    assert {"scipy.spatial.distance", "sklearn.linear_model"} <= wanted
    code = f"import sys; from mtl.ui.engine import Engine; Engine().wait(); print({wanted!r} - set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
