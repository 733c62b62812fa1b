"""A small stand-in for the Hub's side of signing in: OpenID Connect for one person."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "the-space", "a secret of the Space"
PERSON = {"sub": "62a0", "name": "Ada", "preferred_username": "ada", "picture": "", "profile": ""}


@contextmanager
def provider() -> Iterator[dict[str, str]]:
    """What the Hub puts into the environment of a Space that people sign in to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"nonces": {}}))
    _Handler.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {"OAUTH_CLIENT_ID": CLIENT, "OAUTH_CLIENT_SECRET": SECRET, "OAUTH_SCOPES": "openid profile"}
    try:
        yield {**settings, "OPENID_PROVIDER_URL": _Handler.address}
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    key = RSAKey.generate_key(2048, {"kid": "one"})
    nonces: dict[str, str]
    address = ""

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            self._json({"issuer": self.address, **{name: f"{self.address}/{end}" for name, end in ends.items()}})
        elif path == "/keys":
            self._json({"keys": [{**self.key.as_dict(private=False), "alg": "RS256", "use": "sig"}]})
        elif path == "/authorize":  # where a person would be asked
            code = f"code-{len(self.nonces)}"
            self.nonces[code] = query["nonce"][0]
            back = urlencode({"code": code, "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}&{back}")
            self.end_headers()

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 3600}
        claims |= {"nonce": self.nonces.pop(sent["code"][0]), **PERSON}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        self._json({"access_token": "t", "token_type": "bearer", "expires_in": 3600, "id_token": token})

    def _json(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
