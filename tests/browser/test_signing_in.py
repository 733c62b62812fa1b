"""On a Space that people sign in to, nobody is answered before."""

import base64
import hashlib
import json
import time
from urllib.parse import urlsplit

import httpx
import pytest
from itsdangerous import TimestampSigner
from playwright.sync_api import expect

from mtl.tools import space
from tests import a_space
from tests.sign_in import PERSON, SECRET, provider

HOST = {"Host": "somebody-playground.hf.space"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "out"
    space.write(folder, space.Kind(org="a-school"))
    with provider() as settings, a_space.started(folder, **settings) as address:
        yield address.rstrip("/")


class Browser:
    """Follows where it is sent, with its cookies, which are for https alone: as if the Space's proxy stood between."""

    def __init__(self, address: str) -> None:
        self.address, self.cookies = address, {}

    def ask(self, url: str, method: str = "GET", **sent) -> httpx.Response:
        parts = urlsplit(url)
        own = parts.netloc in ("", HOST["Host"], urlsplit(self.address).netloc)
        where = f"{self.address}{parts.path}?{parts.query}" if own else url
        headers = {**HOST, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if own else {}
        answer = httpx.request(method, where, headers=headers, timeout=60, **sent)
        if own:
            for cookie in answer.headers.get_list("set-cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
        return self.ask(answer.headers["location"]) if answer.is_redirect else answer


def test_nobody_is_answered_who_has_not_signed_in(address):
    stranger = Browser(address)
    page = stranger.ask("/")
    assert page.status_code == 200 and "Sign in with Hugging Face" in page.text and "gradio" not in page.text.lower()
    for method, path in (("GET", "/config"), ("GET", "/gradio_api/info"), ("POST", "/v1/predict")):
        refused = stranger.ask(path, method, **({"json": {"texts": ["a"]}} if method == "POST" else {}))
        assert refused.status_code == 401 and "Sign in first" in refused.text
    upload = stranger.ask("/gradio_api/upload", "POST", files={"files": ("a.txt", b"a")})
    assert upload.status_code == 401


def test_whoever_signs_in_has_the_page_until_signing_out(address):
    ada = Browser(address)
    page = ada.ask("/login/huggingface")
    assert page.status_code == 200 and "window.gradio_config" in page.text
    assert ada.ask("/config").status_code == 200
    answer = ada.ask("/v1/similarity", "POST", json={"texts": ["a", "b"]})
    assert answer.status_code == 200 and len(json.loads(answer.text)["cosines"]) == 2
    assert "Sign in with Hugging Face" in ada.ask("/logout").text
    assert ada.ask("/config").status_code == 401


def test_the_page_says_who_has_signed_in_and_lets_them_go(context, address):
    # As Gradio's own, which goes by https alone.
    signed = {"oauth_info": {"userinfo": PERSON, "expires_at": time.time() + 600}}
    signer = TimestampSigner(hashlib.sha256(f"{SECRET}-v4".encode()).hexdigest())
    cookie = signer.sign(base64.b64encode(json.dumps(signed).encode())).decode()
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_role("link", name="Sign in with Hugging Face")).to_have_attribute("href", "login/huggingface")
    context.add_cookies([{"name": "session", "value": cookie, "url": address}])
    page.goto(address)
    expect(page.locator("#signed-in")).to_contain_text("Signed in as ada.")
    expect(page.locator("#status")).to_contain_text("one pass")
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in with Hugging Face")).to_be_visible()
    page.close()
