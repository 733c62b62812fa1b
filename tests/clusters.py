"""Ray clusters of several nodes on this machine, for tests of what goes to one."""

import contextlib

import psutil
import pytest

_NODE = {"object_store_memory": 80_000_000, "include_dashboard": False}


def begin(monkeypatch, nodes: int):
    """A cluster whose first node has no core for work, and so many `nodes` with one each, where `mtl` finds it: the
    cluster, to be shut down in the end, and these nodes. Skips the test where Ray is not installed."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else a test beside others waits for them
    from ray.cluster_utils import Cluster

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **_NODE})
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return cluster, [add_node(cluster) for _ in range(nodes)]


def add_node(cluster):
    return cluster.add_node(num_cpus=1, **_NODE)


def end_node(cluster, node) -> None:
    """Kill the processes of a node at once, as when its machine loses power."""
    for started in node.all_processes["raylet"]:
        raylet = psutil.Process(started.process.pid)
        for process in [raylet, *raylet.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    cluster.remove_node(node, allow_graceful=False)
