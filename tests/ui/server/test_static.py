"""Plotly's script comes compressed as the browser takes it, as small as it is by then, and whole."""

from __future__ import annotations

from importlib import resources

import pytest

from mtl.ui.server import static

WHOLE = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()


@pytest.mark.parametrize(
    ("takes", "before", "after"), [("gzip, br", "gzip", "br"), ("gzip", "gzip", "gzip"), ("", "", "")]
)
def test_the_script_is_whole_and_compressed_as_the_browser_takes_it(served, monkeypatch, takes, before, after):
    def sent() -> str:
        answer = served.http.get(f"/{static.PLOTLY}", headers={"accept-encoding": takes or "identity"})
        assert answer.content == WHOLE and "immutable" in answer.headers["cache-control"]
        return answer.headers.get("content-encoding", "")

    monkeypatch.setattr(static, "_compressed", {})
    assert sent() == before
    static.compress(quality=1)
    assert sent() == after
