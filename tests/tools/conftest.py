"""What the tests of the tools share."""

import pytest

from tests.hub import serving


@pytest.fixture
def hub():
    with serving() as hub:
        yield hub
