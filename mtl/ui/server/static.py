"""Plotly's script: compressed once, and kept by the browser for good."""

from __future__ import annotations

import gzip
from functools import cache
from importlib import metadata, resources

import brotli
from gradio.routes import fastapi

# The version in the address, so that another one is loaded at once.
PLOTLY = f"mtl/plotly-{metadata.version('plotly')}.js"
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_compressed: dict[str, bytes] = {}


def compress(quality: int = 10) -> None:
    """Make the script a quarter smaller than gzip does, which it is sent by until then. Takes seconds."""
    _compressed["br"] = brotli.compress(whole(), quality=quality)


def plotly(request: fastapi.Request) -> fastapi.Response:
    takes = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    # Browsers take Brotli by https and from their own computer alone; in a classroom's network it is often http.
    if "br" in takes and "br" in _compressed:
        content, encoding = _compressed["br"], {"Content-Encoding": "br"}
    elif "gzip" in takes:
        content, encoding = _gzipped(), {"Content-Encoding": "gzip"}
    else:
        content, encoding = whole(), {}
    return fastapi.Response(content, media_type="text/javascript", headers={**_HEADERS, **encoding})


@cache
def whole() -> bytes:
    """The script as it is."""
    return resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()


@cache
def _gzipped() -> bytes:
    return gzip.compress(whole())


ROUTES = [fastapi.routing.APIRoute(f"/{PLOTLY}", plotly, include_in_schema=False)]
