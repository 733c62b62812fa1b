"""The folder that `mtl space` writes starts as a Space does, where nothing can be written to. One start of a server,
some ten seconds on a free core."""

import subprocess
import sys

import pytest

from mtl.tools import space
from tests import a_space


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("space") / "out"
    space.write(out, space.Kind())
    return out


@pytest.fixture(scope="module")
def address(folder):
    with a_space.started(folder) as address:
        yield address


def test_nothing_in_its_folder_can_be_written_to(folder):
    with a_space.read_only(folder):
        command = [sys.executable, "-c", "open('runs', 'w')"]
        tried = subprocess.run(command, cwd=folder, capture_output=True, preexec_fn=a_space.as_an_ordinary_user)
    assert b"PermissionError" in tried.stderr


@pytest.mark.parametrize("trial", a_space.TRIALS, ids=lambda trial: trial.__name__)
def test_a_space(address, trial):
    trial(address)
