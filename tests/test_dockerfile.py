"""The Docker image, as far as that can be told without building it."""

import json
import re
import shlex
import tomllib
from pathlib import Path

from mtl.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
# (instruction, the rest of it), with continued lines joined.
LINES = [line.split(None, 1) for line in re.sub(r"\\\n\s*", "", TEXT).splitlines() if line.strip()]
COPIED = [
    path
    for instruction, rest in LINES
    if instruction == "COPY" and not rest.startswith("--from")
    for path in rest.split()[:-1]
]


def only(instruction: str) -> str:
    """The last of these instructions: the one that counts."""
    return [rest for name, rest in LINES if name == instruction][-1]


def test_what_it_copies_is_there_and_is_all_that_docker_sends():
    assert COPIED and all((ROOT / path).exists() for path in COPIED)
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(COPIED)


def test_it_copies_all_that_the_wheel_is_made_of():
    # pyproject.toml names them: the readme, the licence, the package and what goes into it.
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"pyproject.toml", "README.md", "LICENSE", *wheel["packages"], *wheel["force-include"]} <= {*COPIED}


def test_it_serves_as_nobody_in_particular_where_its_health_check_asks(monkeypatch):
    program, *arguments = json.loads(only("CMD"))
    assert program == "mtl"
    served = []
    monkeypatch.setattr("mtl.ui.app.build", lambda **options: "the page")
    monkeypatch.setattr("mtl.ui.app.serve", lambda *options: served.append(options))
    assert main(arguments) == 0
    assert served == [("the page", "0.0.0.0", int(only("EXPOSE")), False, [], False)]
    check = json.loads(only("HEALTHCHECK").partition(" CMD ")[2])
    compile(check[2], "the health check", "exec")
    assert f"http://127.0.0.1:{only('EXPOSE')}/" in check[2]
    assert only("USER") not in ("root", "0")


def test_all_that_it_writes_lies_in_the_volume():
    variables = dict(pair.split("=", 1) for pair in shlex.split(only("ENV")))
    volume = only("VOLUME")
    written = {name: path for name, path in variables.items() if name != "PATH"}
    assert written.keys() >= {"MTL_RUNS", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME", "NUMBA_CACHE_DIR"}
    assert all(path == volume or path.startswith(f"{volume}/") for path in written.values())
    # The system's temporary folder has to be there from the start.
    assert variables["TMPDIR"] == volume == only("WORKDIR")


def test_torch_comes_without_cuda():
    [line] = [rest for name, rest in LINES if name == "RUN" and "torch" in rest]
    assert "whl/cpu" in line and line.index("torch==") < line.index("--requirement")
    assert re.search(r"^torch==[\d.]+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
