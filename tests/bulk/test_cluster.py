"""Work spread over a Ray cluster of several nodes on this machine: what one process answers, whatever node ends."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

from mtl.__main__ import main
from tests import clusters

TEXTS = [f"Day {i} was {('cold', 'warm')[i % 2]}{' and long' * (i % 23)}" for i in range(6000)]


@pytest.fixture
def data(tmp_path):
    pd.DataFrame({"key": range(len(TEXTS)), "text": TEXTS}).to_parquet(tmp_path / "texts.parquet", index=False)
    return tmp_path / "texts.parquet"


@pytest.fixture
def nodes(monkeypatch):
    """A function that ends a node of a cluster of two."""
    cluster, [first, _] = clusters.begin(monkeypatch, 2)
    yield lambda: clusters.end_node(cluster, first)
    cluster.shutdown()


@pytest.mark.slow
def test_a_node_that_ends_in_the_middle_costs_no_row_and_doubles_none(nodes, data, tiny, tmp_path, capsys):
    there = []  # how many parts when the node was gone

    def end_a_node():
        while len([*tmp_path.glob("out/*.parquet")]) < 3:
            time.sleep(0.01)
        nodes()
        there.append(len([*tmp_path.glob("out/*.parquet")]))

    killer = threading.Thread(target=end_a_node)
    killer.start()
    arguments = ["embed", data, tmp_path / "out", "--model", tiny, "--id", "key", "--part-rows", "100", "--ray"]
    assert main([str(argument) for argument in arguments]) == 0
    killer.join()
    assert there[0] < 60 and "6,000 rows in 60 parts" in capsys.readouterr().out
    assert main([str(argument) for argument in [*arguments[:2], tmp_path / "here", *arguments[3:-1]]]) == 0
    spread, here = (pd.read_parquet(tmp_path / name) for name in ("out", "here"))
    assert list(spread["key"]) == list(here["key"]) == [*range(len(TEXTS))]
    assert np.abs(spread.to_numpy() - here.to_numpy()).max() < 0.02


def test_without_a_cluster_or_the_extra_there_is_a_sentence(data, tiny, tmp_path, capsys, monkeypatch):
    arguments = ["embed", str(data), str(tmp_path / "out"), "--model", str(tiny), "--ray"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(arguments) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "mtl: --ray needs ray, of the extra ray: pip install 'mtl-playground[ray]'."
