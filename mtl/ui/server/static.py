"""Plotly's script: compressed once, and kept by the browser for good."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import metadata, resources

import brotli
from gradio.routes import fastapi

# Half a second, once; at the level that the server uses for all else it is an eighth larger.
_LEVEL = 9
# The version in the address, so that another one is loaded at once.
PLOTLY = f"mtl/plotly-{metadata.version('plotly')}.js"
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@cache
def _script() -> bytes:
    return resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()


@cache
def _compressed() -> bytes:
    return brotli.compress(_script(), quality=_LEVEL)


_one_at_a_time = asyncio.Lock()


async def plotly(request: fastapi.Request) -> fastapi.Response:
    takes = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    if "br" not in takes:
        return fastapi.Response(_script(), media_type="text/javascript", headers=_HEADERS)
    async with _one_at_a_time:
        content = await asyncio.to_thread(_compressed)
    return fastapi.Response(content, media_type="text/javascript", headers={**_HEADERS, "Content-Encoding": "br"})


ROUTES = [fastapi.routing.APIRoute(f"/{PLOTLY}", plotly, include_in_schema=False)]
