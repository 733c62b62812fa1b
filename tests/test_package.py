"""The wheel holds the program, its assets and nothing else, and does its work wherever it is installed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mtl
from tests import installed

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Built without a network: what builds it is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=600)
    [file] = folder.iterdir()
    return file


@pytest.fixture(scope="session")
def somewhere(wheel, tmp_path_factory) -> installed.Installed:
    return installed.install(wheel, tmp_path_factory.mktemp("installed"), borrow=True)


def test_the_wheel_holds_the_program_and_its_assets_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assets = {path.relative_to(ROOT / "assets") for path in (ROOT / "assets").rglob("*") if path.is_file()}
    code = {path.relative_to(ROOT) for path in (ROOT / "mtl").rglob("*") if path.suffix in (".py", ".html")}
    spaces = {f"mtl/_space/{name}" for name in ("README.md", "LICENSE", "Spacefile", "app.py", "requirements.txt")}
    assets = {f"mtl/_assets/{path.as_posix()}" for path in assets}
    assert names == assets | spaces | {path.as_posix() for path in code}


def test_the_wheel_says_what_it_is(wheel):
    assert wheel.name == f"mtl_playground-{mtl.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        [about] = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
        [scripts] = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert f"Version: {mtl.__version__}\n" in about and "License-Expression: Apache-2.0\n" in about
    assert re.search(r"^mtl = mtl\.__main__:main$", scripts, re.MULTILINE)


@pytest.mark.parametrize("trial", installed.TRIALS, ids=lambda trial: trial.__name__)
def test_an_installed_wheel(somewhere, trial):
    trial(somewhere)


def test_the_command_is_the_module(somewhere):
    script, module = somewhere.command("--help"), somewhere.program("-m", "mtl", "--help")
    assert script.returncode == module.returncode == 0
    assert script.stdout == module.stdout and "usage: mtl " in script.stdout
