"""How soon the page is there. Everything is started in fresh processes, as a person starts it."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from time import perf_counter, sleep

ROOT = Path(__file__).resolve().parents[2]
WORKSHOP = ROOT / "assets" / "samples" / "workshop.csv"
LIMIT = 120  # seconds after which a start counts as failed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_answer() -> None:
    """Run `python app.py` until it answers `/` with the page, then stop it."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **quiet) as server:
        try:
            wait_for_page(server, f"http://127.0.0.1:{port}/")
        finally:
            server.kill()


def bare_imports(libraries: str = "gradio, torch, transformers") -> None:
    """Import big libraries in a fresh process and do nothing."""
    in_fresh_process(f"import {libraries}")


def help_of_the_command() -> None:
    """Run `mtl --help` to its end."""
    subprocess.run([sys.executable, "-m", "mtl", "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def in_fresh_process(code: str) -> None:
    """Run a program in a fresh process: until its last line is done, not until the process ends."""
    command = [sys.executable, "-c", f"{code}\nprint('ready', flush=True)"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.kill()
    assert line == "ready\n", f"this failed in a fresh process: {code}"


def first_map() -> dict[str, float | bool]:
    """What `first_map.py` measures in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.first_map"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * LIMIT)
    assert output.returncode == 0, output.stderr
    return json.loads(output.stdout.splitlines()[-1])


def wait_for_page(server: subprocess.Popen, address: str) -> None:
    start = perf_counter()
    while perf_counter() - start < LIMIT:
        assert server.poll() is None, "python app.py ended before it answered; run it by hand to see why"
        try:
            with urllib.request.urlopen(address, timeout=LIMIT) as answer:
                if answer.status == 200 and answer.read():
                    return
        except (urllib.error.URLError, ConnectionError):
            sleep(0.01)
    raise TimeoutError(f"python app.py did not answer within {LIMIT} s")
