"""What a wheel has to do once it is installed, in a folder that is no checkout.

`python tests/installed.py` installs the wheel in dist/ and the pinned releases of all that it needs into an empty
environment, and tries it there. `tests/test_package.py` does the same in one that borrows the packages of this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import servers

ROOT = Path(__file__).resolve().parents[1]
ROWS = [f"this was a {'good' if i % 2 else 'bad'} day number {i},{'glad' if i % 2 else 'sad'}" for i in range(40)]
# A process for runs as the page starts one: whether it comes up and, as no run is given to it, ends in order.
START = """
from mtl.training.runs.worker import Worker

worker = Worker(threads=1)
worker.dismiss()
print(worker.wait())
"""
# A whole run in such a process.
RUN = """
import sys, time
import mtl
from mtl.training.runs.service import Runs

with Runs("runs") as runs:
    run = runs.start("somebody", sys.argv[1], mtl.TrainConfig(epochs=1, freeze=-1))
    while runs.get(run.id).unfinished:
        time.sleep(0.2)
    print(runs.get(run.id).state)
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the program in it, and a folder of its own to work in."""

    scripts: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.scripts / ("python.exe" if os.name == "nt" else "python")

    @property
    def data(self) -> Path:
        return self.folder / "days.csv"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(self.scripts / "mtl", *arguments)

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A Python that does not look for modules in the folder that it is started in."""
        return self._run(self.python, "-P", *arguments)

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self._environment(), capture_output=True, text=True, timeout=600
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address of `mtl serve`, once it answers."""
        port = servers.free_port()
        address, command = f"http://127.0.0.1:{port}/", [self.scripts / "mtl", "serve", "--port", str(port)]
        with servers.started(command, address, cwd=self.folder, env=self._environment()):
            yield address

    @staticmethod
    def _environment() -> dict[str, str]:
        """Without this process's own way to the checkout, and without a network."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MTL_"))}
        return {**ours, "HF_HUB_OFFLINE": "1"}


def install(wheel: Path, folder: Path, borrow: bool) -> Installed:
    """A new environment in `folder` with the wheel and the pinned releases of what it needs, or `borrow` these from
    the environment of this process. The folder to work in holds what must not be imported from it."""
    environment, work = folder / "environment", folder / "work"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    installed = Installed(scripts, work)
    pip = [sys.executable, "-m", "pip", "--python", str(installed.python), "install", "--quiet"]
    needed = ["--no-deps"] if borrow else ["--constraint", str(ROOT / "requirements.txt")]
    subprocess.run([*pip, *needed, str(wheel)], cwd=folder, check=True)
    if borrow:
        asked = [str(installed.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        # A line that is a folder is searched, but for its own .pth files, one of which may lead to the checkout.
        ours = dict.fromkeys([sysconfig.get_path("purelib"), *(p for p in sys.path if p.endswith("site-packages"))])
        (packages / "borrowed.pth").write_text("\n".join(ours) + "\n")
    work.mkdir()
    installed.data.write_text("\n".join(["text,mood", *ROWS]) + "\n")
    for name in ("mtl", "tests"):
        (work / name).mkdir()
        (work / name / "__init__.py").write_text("raise ImportError('from the folder that it was started in')\n")
    return installed


# --- what is tried ---


def it_says_its_version(installed: Installed) -> None:
    ended = installed.command("--version")
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout.startswith("mtl "), ended


def it_analyzes_with_the_default_model(installed: Installed) -> None:
    ended = installed.command("analyze", "Marie Curie worked in Paris and loved it.", "--json")
    assert ended.returncode == 0, ended.stderr
    [answer] = json.loads(ended.stdout)
    assert answer["sentiment"]["label"] == "positive"
    assert [entity["text"] for entity in answer["entities"]] == ["Marie Curie", "Paris"]


def it_trains_on_the_command_line(installed: Installed) -> None:
    ended = installed.command("train", "days.csv", "--out", "trained", "--epochs", "1", "--freeze", "-1")
    assert ended.returncode == 0, ended.stderr
    assert (installed.folder / "trained" / "checkpoint" / "config.json").is_file()


def it_starts_processes_for_runs(installed: Installed) -> None:
    ended = installed.program("-c", START)
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended


def it_carries_out_a_run(installed: Installed) -> None:
    ended = installed.program("-c", RUN, str(installed.data))
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended


def it_serves_the_page(installed: Installed) -> None:
    with installed.served() as address, urllib.request.urlopen(address, timeout=60) as answer:
        assert "MTL Playground" in answer.read().decode("utf-8")


def it_writes_the_folder_of_a_space(installed: Installed) -> None:
    ended = installed.command("space", "as-a-space")
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    space = installed.folder / "as-a-space"
    assert {"README.md", "app.py", "assets", "mtl"} <= {path.name for path in space.iterdir()}
    assert not [path for path in (space / "mtl").iterdir() if path.name in ("_assets", "_space")]


def it_refuses_what_needs_a_checkout(installed: Installed) -> None:
    for command in ("space", "scenarios"):
        ended = installed.command(command)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"mtl: mtl {command} works only in a checkout of the project. Run it there: python -m mtl {command}\n"
        )


TRIALS = (
    it_says_its_version,
    it_analyzes_with_the_default_model,
    it_trains_on_the_command_line,
    it_starts_processes_for_runs,
    it_serves_the_page,
    it_writes_the_folder_of_a_space,
    it_refuses_what_needs_a_checkout,
)
# In an environment of its own: minutes, where others compute, too.
WHOLE = (*TRIALS, it_carries_out_a_run)


def main() -> None:
    [wheel] = (ROOT / "dist").glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        print(f"Installing {wheel.name} into an empty environment (some minutes)", flush=True)
        installed = install(wheel, Path(folder), borrow=False)
        for trial in WHOLE:
            print(trial.__name__.replace("_", " "), flush=True)
            trial(installed)


if __name__ == "__main__":
    main()
