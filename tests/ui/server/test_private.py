"""Visitors' files lie where nobody else on the computer can look."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mtl.ui.server.private import private_folder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_the_same_after_a_restart_and_closed_to_others(temporary):
    folder = private_folder("page")
    folder.chmod(0o755)
    assert private_folder("page") == folder
    assert folder.parent == temporary
    assert os.name == "nt" or folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_else_put_there_is_not_used(temporary):
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    folder = private_folder("page")
    folder.rmdir()
    folder.symlink_to(elsewhere)
    assert private_folder("page") not in (folder, elsewhere)
    folder.unlink()
    folder.write_text("in the way")
    assert private_folder("page").is_dir()


def test_the_page_keeps_what_is_uploaded_there():
    code = "import mtl.ui.app, gradio.utils; print(gradio.utils.get_upload_folder())"
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert answer.stdout.strip() == str(private_folder("mtl-playground"))
