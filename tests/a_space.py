"""Starts the folder of a Space as Hugging Face does, and uses it once.

`python tests/a_space.py` (`make space-check`) makes the folder, installs what it requires into an empty environment and
tries it there. `tests/tools/test_space_start.py` does the same with the environment of this process.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests import servers

ROOT = Path(__file__).resolve().parents[1]
# Of Linux: the right of root to write whatever the permissions say, and how to give such a right up.
_OVERRIDE, _DROP = 1, 24


def as_an_ordinary_user() -> None:
    """Take from root, who may run the tests, what the user of a Space does not have."""
    if sys.platform == "linux" and os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_DROP, _OVERRIDE)


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Let nobody write to anything in these folders until the block ends."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    writing = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    for path in paths:
        path.chmod(path.stat().st_mode & ~writing)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def environment(home: Path, port: int) -> dict[str, str]:
    """What a Space has in its environment, without a network and without this process's own settings."""
    kept = ("PATH", "LANG", "TMPDIR", "OMP_NUM_THREADS", "SYSTEMROOT")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/playground",
        "SPACE_AUTHOR_NAME": "somebody",
        "SPACE_REPO_NAME": "playground",
        "SPACE_HOST": "somebody-playground.hf.space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SSR_MODE": "True",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def started(space: Path, python: str | Path = sys.executable, seconds: float = 300, **more: str) -> Iterator[str]:
    """The address of `python app.py` in the folder of a Space, once it answers.

    Neither the folder nor its home can be written to; `more` are further variables of the environment."""
    port = servers.free_port()
    address = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory() as name, read_only(home := Path(name), space):
        ordinary = {"preexec_fn": as_an_ordinary_user} if os.name == "posix" else {}
        variables = {**environment(home, port), **more}
        with servers.started([python, "app.py"], address, seconds, cwd=space, env=variables, **ordinary):
            yield address


# --- what is tried ---


def it_serves_the_page(address: str) -> None:
    request = urllib.request.Request(address, headers={"Host": "somebody-playground.hf.space"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["Content-Security-Policy"]
        assert "MTL Playground" in answer.read().decode("utf-8")


def it_answers_a_program(address: str) -> None:
    from gradio_client import Client

    client = Client(address, verbose=False)
    [answer] = client.predict(["Marie Curie worked in Paris and loved it."], api_name="/analyze")["answers"]
    assert answer["sentiment"]["label"] == "positive"
    assert [entity["text"] for entity in answer["entities"]] == ["Marie Curie", "Paris"]
    client.close()


TRIALS = (it_serves_the_page, it_answers_a_program)


# --- in an environment of its own ---


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a Space, install it anew, start it and use it once.")
    parser.add_argument("--python", help="the interpreter (default: the Space's version if it is here, or else this)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        space, environment = Path(name, "space"), Path(name, "environment")
        subprocess.run([sys.executable, "-m", "mtl", "space", str(space)], cwd=ROOT, check=True)
        python = options.python or _python(space)
        subprocess.run([python, "-m", "venv", environment], check=True)
        inside = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        print("Installing what it requires into an empty environment (some minutes)", flush=True)
        gradio = f"gradio[oauth,mcp]=={_setting(space, 'sdk_version')}"  # as the Hub does, in one go
        pip = [inside, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        if subprocess.run([*pip, "--requirement", space / "requirements.txt", gradio]).returncode:
            sys.exit("It could not be installed: pip says why.")
        packages = next(environment.rglob("site-packages"))
        with read_only(packages) if os.name == "posix" else nullcontext(), started(space, inside) as address:
            for trial in TRIALS:
                print(trial.__name__.replace("_", " "), flush=True)
                trial(address)


def _python(space: Path) -> str:
    wanted = ".".join(_setting(space, "python_version").split(".")[:2])
    found = shutil.which(f"python{wanted}")
    if found and subprocess.run([found, "-V"], capture_output=True).returncode == 0:
        return found
    print(f"There is no python{wanted} here, which a Space has: this is tried with Python {sys.version.split()[0]}.")
    return sys.executable


def _setting(space: Path, name: str) -> str:
    return re.search(rf'(?m)^{name}: "?([\w.]+)"?$', (space / "README.md").read_text(encoding="utf-8"))[1]


if __name__ == "__main__":
    main()
