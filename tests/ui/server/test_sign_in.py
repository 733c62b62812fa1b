"""Who has signed in, and where people have to. tests/browser/test_signing_in.py has the way in and out."""

import time

from mtl.ui.app import owner_of
from mtl.ui.server import sign_in
from tests.sign_in import PERSON


def test_a_cookie_of_ones_own_making_is_no_sign():
    info = {"userinfo": PERSON, "expires_at": time.time() + 60}
    assert sign_in.person({"oauth_info": info})["sub"] == PERSON["sub"]
    assert sign_in.person({"oauth_info": {**info, "expires_at": time.time() - 1}}) is None
    assert sign_in.person({}) is None


def test_a_person_owns_the_same_runs_in_any_browser_and_nobody_else_does():
    mine = owner_of(PERSON["sub"], "the server's")
    assert mine == owner_of(PERSON["sub"], "the server's") and len(mine) == 64
    assert mine not in (owner_of("another", "the server's"), owner_of(PERSON["sub"], "another server's"))


def test_only_a_space_with_its_settings_asks():
    asked = {"SPACE_ID": "a/b", "OAUTH_CLIENT_ID": "x"}
    assert sign_in.is_asked(asked)
    assert not any(sign_in.is_asked({k: v for k, v in asked.items() if k != name}) for name in asked)
