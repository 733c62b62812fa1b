"""The functions for programs as an assistant finds and uses them, by the official client of MCP."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from mtl.__main__ import main
from mtl.ui.programs.functions import FUNCTIONS
from mtl.ui.server.door import TOOLS_AT_ONCE
from tests.ui.server.small_page import serving, small, wait_until


def asked(address, ask):
    """What `ask(session)` gives, of a session that has been opened at the page's address for tools."""

    async def run():
        async with (
            streamable_http_client(f"{address}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await ask(session)

    return anyio.run(run)


def called(address, name, arguments):
    return asked(address, lambda session: session.call_tool(name, arguments))


def test_the_functions_are_the_tools_and_nothing_else_is(address):
    tools = {tool.name: tool for tool in asked(address, ClientSession.list_tools).tools}
    assert tools.keys() == FUNCTIONS.keys()
    for name, function in FUNCTIONS.items():
        schema = tools[name].inputSchema
        assert tools[name].description == function.gives
        assert {key: value["description"] for key, value in schema["properties"].items()} == function.takes
    assert tools["predict"].inputSchema["required"] == ["texts"]
    assert tools["predict"].inputSchema["properties"]["texts"]["items"] == {"type": "string"}
    assert not asked(address, ClientSession.list_resources).resources
    assert not asked(address, ClientSession.list_prompts).prompts


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_tool_answers_as_its_endpoint_does(address, function):
    result = called(address, function.name, dict(function.example))
    [content] = result.content
    found = json.loads(content.text)
    there = httpx.post(f"{address}v1/{function.name}", json=function.example, timeout=60).json()
    assert not result.isError and found.keys() == there.keys() and found["version"] == 1
    if function.name == "predict":
        assert found["answers"][0]["answers"]["sentiment"]["label"] == "positive"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("predict", {"texts": []}, "The list of texts is empty."),
        ("predict", {"texts": ["a"], "tasks": ["mood"]}, "This model has no task 'mood'; it has"),
        ("embed", {"texts": ["a"] * 2_001}, "2,001 texts are too many for one call; send at most 2,000."),
        ("embed", {"texts": "a text"}, "Input validation error: 'a text' is not of type 'array'"),
        ("train", {"texts": ["a"]}, "Unknown tool"),
    ],
)
def test_what_is_wrong_is_one_sentence(address, name, arguments, said):
    result = called(address, name, arguments)
    [content] = result.content
    assert result.isError and content.text.startswith(said) and "Traceback" not in content.text


def test_the_older_transport_which_nothing_bounds_is_closed(address):
    assert httpx.get(f"{address}gradio_api/mcp/sse").status_code == 403
    assert httpx.post(f"{address}gradio_api/mcp/messages/?session_id=1", json={}).status_code == 403


def test_calls_that_wait_are_bounded_and_keep_nothing_from_the_page():
    gate = threading.Event()
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait", "arguments": {"words": "hi"}}}
    headers = {"accept": "application/json, text/event-stream"}
    with serving(small(gate), mcp_server=True) as served, ThreadPoolExecutor(TOOLS_AT_ONCE) as pool:

        def ask():
            return served.http.post("/gradio_api/mcp/", json=call, headers=headers)

        calls = [pool.submit(ask) for _ in range(TOOLS_AT_ONCE)]
        wait_until(lambda: len(served.demo._queue.event_ids_to_events) == TOOLS_AT_ONCE)
        assert ask().status_code == 429
        assert served.http.get("/").status_code == 200 and served.call("echo")["success"]
        gate.set()
        assert all('"text":"hi"' in call.result().text for call in calls)


@pytest.mark.parametrize(("options", "variable"), [(["--mcp"], "0"), ([], "1")])
def test_without_the_extra_it_says_which(monkeypatch, capsys, options, variable):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setenv("MTL_MCP", variable)
    assert main(["serve", *options]) == 1
    error = capsys.readouterr().err
    assert "mcp is needed, of the extra mcp: pip install 'mtl-playground[mcp]'." in error
