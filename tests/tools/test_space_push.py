"""`mtl space --push OWNER/NAME` asks, and uploads; what the Hub refuses is told in a sentence."""

import os
import re

import pytest


def pushed(hub, folder, *arguments, **how):
    return hub.ask(folder, "-m", "mtl", "space", *arguments, **how)


def test_a_new_space_is_made_and_holds_the_whole_folder(hub, tmp_path):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--zerogpu", "--push", "ada/play-ground", "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"Uploaded: {hub.address}/spaces/ada/play-ground\n"
    [asked] = hub.made
    assert (asked["type"], asked["sdk"], asked["hardware"]) == ("space", "gradio", "zero-a10g")
    files = {p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert hub.repositories["spaces/ada/play-ground"].keys() == files.keys()
    for name, path in files.items():
        assert hub.repositories["spaces/ada/play-ground"][name] == path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="a terminal of one's own")
def test_it_asks_before_it_does_anything(hub, tmp_path):
    refused = pushed(hub, tmp_path, "--push", "ada/play", said=b"\n")
    assert refused.stdout == f"Make the public space ada/play at {hub.address}, as ada? [y/N] "
    assert (refused.returncode, refused.stderr) == (1, "mtl: Nothing was made on the Hub or uploaded.\n")
    assert not hub.made and not hub.repositories
    hub.repositories["spaces/ada/play"] = {"notes.md": b"kept"}
    agreed = pushed(hub, tmp_path, "--push", "ada/play", said=b"y\n")
    assert agreed.returncode == 0 and agreed.stdout.startswith("Upload to the space ada/play ")
    assert not hub.made and {"notes.md", "app.py"} <= hub.repositories["spaces/ada/play"].keys()


def test_without_a_terminal_it_is_not_done_without_yes(hub, tmp_path):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--push", "ada/play")
    assert ended.returncode == 1 and not hub.made and not (tmp_path / "out").exists()
    assert ended.stderr == "mtl: There is no terminal to ask on: with --yes it is uploaded without a question.\n"


@pytest.mark.parametrize(
    ("call", "status", "said", "words"),
    [
        (
            "/api/whoami-v2",
            401,
            "Invalid username or password.",
            "The Hub does not accept the token: run hf auth login, or",
        ),
        (
            "/api/repos/create",
            403,
            "You don't have the rights",
            r"The token may not write to ada/play: You don't have the rights",
        ),
        (
            "/api/repos/create",
            402,
            "A paid plan is needed",
            "The Hub refused ada/play with status 402: A paid plan is needed",
        ),
        (
            "/api/repos/create",
            404,
            "No such namespace",
            "The Hub does not find ada/play, or its owner, or does not show it to thi",
        ),
        (
            "/api/repos/create",
            409,
            "You already created this",
            "Somebody else has just made or changed ada/play",
        ),
        (
            "/api/spaces/ada/play/preupload",
            403,
            "Pass create_pr=1",
            "The token may not write to ada/play: .*Pass create_pr=1",
        ),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_sentence(hub, tmp_path, call, status, said, words):
    hub.refusals[call] = (status, said)
    ended = pushed(hub, tmp_path, "--push", "ada/play", "--yes")
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and re.match(f"mtl: {words}", line), ended.stderr
    assert not hub.repositories.get("spaces/ada/play")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("play", {}, "--push takes a Space's owner and name, such as ada/playground; not 'play'"),
        ("ada/two words", {}, "The Hub has no names like 'ada/two words'"),
        ("ada/play", {"token": None}, "No token for the Hub: run hf auth login, or set HF_TOKEN"),
        ("ada/play", {"endpoint": "http://127.0.0.1:9"}, "The Hub cannot be reached: "),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_made(hub, tmp_path, name, options, words):
    ended = pushed(hub, tmp_path, str(tmp_path / "out"), "--push", name, "--yes", **options)
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and line.startswith(f"mtl: {words}"), ended.stderr
    assert not hub.made and not (tmp_path / "out").exists()
