"""The functions for programs as tools for assistants, by Gradio's MCP server: it offers its named endpoints."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

from mtl.config import UserError

EXTRA = "mcp"


def prepare() -> None:
    """Let Gradio's MCP server answer in JSON: it writes what a tool gives as Python does.

    Raises `UserError` where the package that it needs is missing."""
    if importlib.util.find_spec("mcp") is None:
        needed = f"mcp is needed, of the extra {EXTRA}: pip install 'mtl-playground[{EXTRA}]'."
        raise UserError(f"For tools by MCP (--mcp, MTL_MCP) {needed}")
    from gradio.mcp import GradioMCPServer
    from mcp.types import TextContent

    def as_json(self: GradioMCPServer, data: list[Any], root_url: str) -> list[TextContent]:
        return [TextContent(type="text", text=json.dumps(each, ensure_ascii=False)) for each in data]

    GradioMCPServer.postprocess_output_data = as_json
