"""The page. `python app.py` serves it; `demo` is what the `gradio` command and a Space look for."""

from mtl.ui.app import build, serve

demo = build()

if __name__ == "__main__":
    serve(demo)
