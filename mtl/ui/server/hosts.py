"""Which host names are this server's, and from which address a visitor comes.

A request for another host is refused: otherwise a web page anywhere could reach a playground on the reader's own
machine by DNS rebinding.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gradio.route_utils import Headers, Scope

from mtl.faults import short
from mtl.ui.server.limits import Refused

log = logging.getLogger("mtl.ui")

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
# Headers by which a proxy says what the page is called.
_NAMING = (b"x-forwarded-host", b"x-gradio-server")


def is_on(name: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether an environment variable that is a switch is set, and not to 0."""
    return environment.get(name, "") not in ("", "0")


def on_a_space(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Hugging Face Space."""
    return bool(environment.get("SPACE_ID") or environment.get("SPACE_HOST"))


class Hosts:
    """Which names in a request's Host header are this server's.

    `named` are those given by `--allow-host`; the environment's MTL_ALLOW_HOSTS (with commas between) adds to them.
    `*.example.org` stands for every name below that one, and `*` for all names.
    """

    def __init__(self, named: Iterable[str] = (), environment: Mapping[str, str] = os.environ) -> None:
        given = [*named, *environment.get("MTL_ALLOW_HOSTS", "").split(",")]
        # Where it is served below another server's address, that one's name is what browsers ask for.
        given.append(netloc(environment.get("GRADIO_ROOT_PATH", "")))
        self.on_a_space = on_a_space(environment)
        if self.on_a_space:
            given += [*environment.get("SPACE_HOST", "").split(","), "*.hf.space"]
        # Behind a Space's proxies, or others that the setting says are there, the peer is never the visitor.
        self._proxied = self.on_a_space or is_on("MTL_TRUST_PROXY", environment)
        self._names = {name.strip() if "*" in name else host_name(name.strip()) for name in given} - {""}
        own = socket.gethostname().lower()
        self._own = {own, own.partition(".")[0], own.partition(".")[0] + ".local"}
        self._reported: set[str] = set()

    def admit(self, host: str, served_on: str | None = None, share_url: str | None = None) -> bool:
        """Whether `host` (name or name:port) is one of this server's.

        `served_on` is the address it listens on. Listening beyond this machine, any numeric address is fine: only a
        name can be pointed at somebody else's machine."""
        name = host_name(host)
        if not name:
            return False
        if {"*", name} & self._names or any(name.endswith(n[1:]) for n in self._names if n.startswith("*.")):
            return True
        if name == "localhost" or (share_url and name == host_name(netloc(share_url))):
            return True
        number, served = _number(name), host_name(served_on or "127.0.0.1")
        if name == served or (number is not None and number.is_loopback):
            return True
        listening = _number(served)
        if served == "localhost" or (listening is not None and listening.is_loopback):
            return False
        return number is not None or name in self._own

    def check(self, scope: Scope, blocks: Any) -> set[str]:
        """Refuse requests for other servers, and drop the headers that would put another's name into the page.

        Returns what this server is called in this request, as host or host:port."""
        headers, root = Headers(scope=scope), netloc(blocks.root_path or "")

        def ours(host: str) -> bool:
            below_root = bool(root) and host_name(host) == host_name(root)
            return below_root or self.admit(host, blocks.server_name, blocks.share_url)

        host = headers.get("host", "")
        if not ours(host):
            raise Refused(
                421,
                f"This server does not answer for the host {short(host, 80)!r}. If that is its name, start it with "
                "--allow-host NAME, or set MTL_ALLOW_HOSTS=NAME.",
            )
        origin = headers.get("origin")
        # On a Space, pages elsewhere may use the API, as Gradio's own client for browsers does.
        if origin is not None and not self.on_a_space and not ours(netloc(origin)):
            raise Refused(
                403,
                "A page of another server may not use this one. If it should, start this one with --allow-host NAME, "
                "or set MTL_ALLOW_HOSTS=NAME, with that page's host as NAME.",
            )
        names, passed = {host, root}, []
        for name, value in scope["headers"]:
            if name in _NAMING:
                named = value.decode("latin-1").split(",")[0].strip()
                named = netloc(named) if name == b"x-gradio-server" else named
                if not ours(named):
                    self._report(host_name(named))
                    continue
                names.add(named)
            passed.append((name, value))
        scope["headers"] = passed
        return {name.lower() for name in names if name}

    def _report(self, name: str) -> None:
        """Tell whoever runs this behind a proxy why the page does not work there; once for each name."""
        if name and name not in self._reported and len(self._reported) < 20:
            self._reported.add(name)
            message = "A proxy calls this page %s. If that is its name, start it with --allow-host %s."
            log.warning(message, short(name, 80), short(name, 80))

    def visitor(self, scope: Scope) -> str:
        """The visitor's network address. A proxy appends whom it heard from to X-Forwarded-For, so its end is true."""
        peer = (scope.get("client") or ("unknown",))[0]
        forwarded = Headers(scope=scope).get("x-forwarded-for", "") if self._proxied else ""
        for address in reversed(forwarded.split(",")):
            number = _number(address.strip())
            # On a Space several proxies of its own come last.
            if number is not None and (number.is_global or not self.on_a_space):
                return _subscriber(str(number))
        return _subscriber(peer)


def host_name(host: str) -> str:
    """`name:port` without its port, in lower case; "" where it is no host."""
    host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").rstrip(".").lower() if match else ""


def netloc(address: str) -> str:
    """Host and port of a URL; "" where it has none."""
    with contextlib.suppress(ValueError):
        return urlsplit(address.strip()).netloc
    return ""


def _subscriber(address: str) -> str:
    """Whoever has one address of IPv6 has the other 2**64 of its network too."""
    number = _number(address)
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is None and not number.is_loopback:
        return str(ipaddress.ip_network((number, 64), strict=False).network_address)
    return address


def _number(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
