"""The script that watches over the page's connections runs before Gradio makes any."""

from __future__ import annotations


def test_the_script_comes_before_gradios_own(served):
    answer = served.http.get("/")
    script = answer.text.index("x-mtl-call")
    assert answer.text.startswith("<!doctype html>") and answer.text.endswith("</html>")
    assert answer.text.index("<head>") < script < answer.text.index("window.gradio_config")
    assert answer.text.count("x-mtl-call") == 1


def test_other_answers_are_as_they_were(served):
    assert "x-mtl-call" not in served.http.get("/theme.css").text
    assert served.http.get("/gradio_api/info").json()["named_endpoints"] is not None
    assert "x-mtl-call" not in served.http.get("/nowhere").text
