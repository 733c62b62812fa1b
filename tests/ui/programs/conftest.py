"""One served page, with its own model, that all programs of these tests ask."""

from __future__ import annotations

import pytest

from tests.browser.serving import served_page


@pytest.fixture(scope="session")
def address():
    with served_page(options=["--mcp"]) as url:
        yield url
