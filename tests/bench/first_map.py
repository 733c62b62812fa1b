"""Serves the page as `python app.py` does and prints, as JSON, seconds from when it answers.

answer   until `/analyze` has answered for the opening sentences, the model's loading included
waited   whether that answer came only after the map's warm-up was over
warm     until the warm-up was over
map      what the first map of the opening sentences takes after that
"""

import json
from time import perf_counter, sleep

import numpy as np
from gradio_client import Client

import app
from mtl import maps
from mtl.ui.examples import OPENING, SETS
from tests.bench.startup import LIMIT, free_port


def main() -> None:
    texts = list(SETS[OPENING])
    _, address, _ = app.demo.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True)
    app.demo.engine.start()
    start = perf_counter()
    answers = Client(address, verbose=False).predict(texts, api_name="/analyze")["answers"]
    seconds = {"answer": perf_counter() - start, "waited": maps.is_warm()}
    while not maps.is_warm():
        assert perf_counter() - start < LIMIT, f"The map was not warm after {LIMIT} s"
        sleep(0.01)
    seconds["warm"] = perf_counter() - start
    vectors = np.array([answer["embedding"] for answer in answers], dtype=np.float32)
    start = perf_counter()
    drawn = maps.project(vectors)
    seconds["map"] = perf_counter() - start
    assert drawn.method == "umap"
    app.demo.close()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
