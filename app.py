"""The page. `python app.py` is `mtl serve`; `demo` is what the `gradio` command and a Space look for."""

import sys

if __name__ == "__main__":
    from mtl.__main__ import main

    sys.exit(main(["serve", *sys.argv[1:]]))
else:
    from mtl.ui.app import build

    demo = build()
