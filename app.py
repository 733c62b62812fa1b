"""The page. `python app.py` serves it; `demo` is what the `gradio` command and a Space look for."""

import sys

from mtl.config import UserError
from mtl.ui.app import build, serve

try:
    demo = build()
except UserError as problem:
    sys.exit(f"The page cannot be served: {problem}")

if __name__ == "__main__":
    serve(demo)
