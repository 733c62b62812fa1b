"""Whatever comes in at the door, the server's log keeps what visitors wrote to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.proxy import free_port
from tests.ui.server.small_page import MALFORMED, SECRET, Served, small, wait_until

ROOT = Path(__file__).resolve().parents[3]
SERVER = "import sys; from small_page import small; small().launch(server_port=int(sys.argv[1]), quiet=True)"


def answers(server: Served) -> bool:
    try:
        return server.http.get("/config").is_success
    except httpx.TransportError:
        return False


def test_the_log_holds_no_texts():
    port = free_port()
    path = os.pathsep.join(map(str, [ROOT, ROOT / "tests", Path(__file__).parent]))
    command = [sys.executable, "-c", SERVER, str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        server = Served(small(), f"http://127.0.0.1:{port}")
        wait_until(lambda: answers(server), 60)
        for name, data in (("fail", [SECRET]), ("refuse", [SECRET]), ("pick", [SECRET]), ("size", [{"path": SECRET}])):
            server.call(name, data)
            server.http.post(f"/gradio_api/run/{name}", json={"data": data})
        for body, _ in MALFORMED:
            for where in ("queue/join", "run/echo", f"run/{SECRET}", f"call/{SECRET}", "component_server", "cancel"):
                server.http.post(f"/gradio_api/{where}", json=body)
        server.http.get(f"/gradio_api/custom_component/{SECRET}/client/a/b")
        server.http.get(f"/gradio_api/call/echo/{SECRET}")
    finally:
        process.terminate()
        written, _ = process.communicate(timeout=20)
    assert SECRET not in written
    assert "ValueError in " in written and "small_page.py" in written
    assert max(len(line) for line in written.splitlines()) < 1_000
