"""One visitor's share of the uploads, and that what failed leaves no files."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import httpx
import pytest

from mtl.ui.server.limits import Limits, Refused
from mtl.ui.server.uploads import Uploads
from tests.ui.server.small_page import serving, small, wait_until


def loose(server) -> list[str]:
    """Files that uploads have left beside those that were taken."""
    folder = server.demo.app.uploaded_file_dir
    if not os.path.isdir(folder):
        return []
    return [entry.name for entry in os.scandir(folder) if entry.is_file()]


@pytest.fixture
def uploading(monkeypatch, tmp_path):
    """`uploading(**settings)` serves a page with an upload folder of its own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    with contextlib.ExitStack() as stack:

        def start(**settings: str):
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(serving(small(), max_file_size=3_000_000))

        yield start


def send(server, content: bytes, name: str = "a.bin", **options) -> httpx.Response:
    return server.http.post("/gradio_api/upload", files={"files": (name, content)}, **options)


def test_every_upload_counts_whatever_it_calls_itself(uploading):
    server = uploading(MTL_UPLOADS_GB="0.000001")
    for kind in ("multipart/form-data", "Multipart/Form-Data", "text/plain", ""):
        headers = {"Content-Type": f"{kind}; boundary=xx"}
        answer = server.http.post("/gradio_api/upload", content=b"x" * 5_000, headers=headers)
        assert answer.status_code == 507


def test_uploads_that_break_off_leave_no_files(uploading):
    server = uploading()
    host, port = server.http.base_url.host, server.http.base_url.port
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2000000\r\n"
    head += "Content-Type: multipart/form-data; boundary=xx\r\n\r\n"
    part = b'--xx\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n' + b"y" * 500_000
    with socket.create_connection((host, port)) as connection:
        connection.sendall(head.encode() + part)
        wait_until(lambda: len(loose(server)) == 1)
    wait_until(lambda: not loose(server))
    assert send(server, bytes(4_000_000)).status_code == 413 and loose(server) == []
    assert send(server, b"whole").status_code == 200 and loose(server) == []


def test_one_address_may_keep_so_much_and_the_same_file_counts_once(uploading):
    server = uploading(MTL_ADDRESS_UPLOADS_GB="0.003")
    for _ in range(5):
        assert send(server, b"x" * 1_000_000).status_code == 200
    assert send(server, b"y" * 1_000_000).status_code == 200
    refused = send(server, b"z" * 1_500_000)
    assert refused.status_code == 429
    assert "from your network address" in refused.text and "an hour" in refused.text
    for folder, _, files in os.walk(server.demo.app.uploaded_file_dir):
        for name in files:
            os.unlink(os.path.join(folder, name))
    assert send(server, b"z" * 1_500_000).status_code == 200


def test_all_uploads_together_have_a_limit(uploading):
    server = uploading(MTL_UPLOADS_GB="0.001")
    assert send(server, b"x" * 900_000).status_code == 200
    refused = send(server, b"y" * 900_000)
    assert refused.status_code == 507 and "as many files as it takes" in refused.text


def test_a_disk_that_is_nearly_full_takes_no_files_and_says_so(uploading):
    server = uploading(MTL_FREE_GB="1000000")
    refused = send(server, b"x" * 2_000_000)
    assert refused.status_code == 507 and "disk is nearly full" in refused.text
    assert loose(server) == [] and server.http.get("/config").status_code == 200


def test_what_arrives_at_the_same_time_counts(tmp_path):
    uploads = Uploads(Limits(address_uploads_gb=1e-7, free_gb=1e-9), tmp_path)
    both = (uploads.arriving("here", 60), uploads.arriving("there", 60))
    with both[0], both[1], pytest.raises(Refused), uploads.arriving("here", 60):
        pass
    with uploads.arriving("here", 60):
        pass


def test_what_failed_uploads_left_is_deleted_later(tmp_path):
    old, young, taken = tmp_path / "tmpold", tmp_path / "tmpyoung", tmp_path / "tmpfolder" / "a.csv"
    taken.parent.mkdir()
    for path in (old, young, taken):
        path.write_bytes(b"x")
    for path in (old, taken):
        os.utime(path, (time.time() - 5_000,) * 2)
    with Uploads(Limits(free_gb=1e-9), tmp_path).arriving("here", 1):
        pass
    assert not old.exists() and young.exists() and taken.exists()
