"""A cluster of Ray, which the extra `ray` brings: whether it can be used here, and a connection to it."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator
from typing import Any

from mtl.config import UserError

EXTRA = "ray"
# What a worker has to know of the environment of the process that it works for.
_PASSED_ON = ("MTL_DEVICE", "MTL_DTYPE", "MTL_PLUGINS")


def require() -> None:
    """Raise `UserError` where the package is missing."""
    if importlib.util.find_spec("ray") is None:
        raise UserError(f"--ray needs ray, of the extra {EXTRA}: pip install 'mtl-playground[{EXTRA}]'.")


@contextlib.contextmanager
def connected() -> Iterator[Any]:
    """The package ray, connected to the cluster that runs on this machine, or at RAY_ADDRESS. Raises `UserError`."""
    require()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment = {"env_vars": passed_on} if passed_on else None
    try:
        ray.init(address="auto", logging_level=logging.ERROR, log_to_driver=False, runtime_env=environment)
    except ConnectionError:
        raise UserError("There is no Ray cluster here. Start one: ray start --head --disable-usage-stats") from None
    try:
        yield ray
    finally:
        ray.shutdown()
