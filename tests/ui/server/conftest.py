"""One small page for all tests of the server that leave it as it is."""

from __future__ import annotations

import threading

import pytest

from tests.ui.server.small_page import serving, small


@pytest.fixture(scope="session")
def served():
    with serving(small(threading.Event())) as server:
        yield server
