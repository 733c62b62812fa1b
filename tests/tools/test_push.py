"""`mtl push` puts a model on the Hub, where mtl and sentence-transformers find it; its refusals are sentences."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

import mtl
from mtl import checkpoint

TEXTS = ["A first text.", "And another, longer one, by Ada Lovelace."]


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory) -> Path:
    """The checkpoint of a run in which all layers learned."""
    folder = tmp_path_factory.mktemp("run")
    lines = [f"this was a {'good' if i % 2 else 'bad'} day number {i},{'glad' if i % 2 else 'sad'}" for i in range(40)]
    (folder / "days.csv").write_text("\n".join(["text,mood", *lines]))
    config = mtl.TrainConfig(epochs=1, projection=16, max_tokens=30)
    mtl.train(folder / "days.csv", folder / "out", config, start_from=str(tiny))
    return folder / "out" / "checkpoint"


def push(hub, folder, *arguments, **how):
    return hub.ask(folder, "-m", "mtl", "push", *arguments, **how)


def test_mtl_and_sentence_transformers_load_what_was_pushed(hub, run, tmp_path):
    ended = push(hub, tmp_path, run, "ada/days", "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Uploaded: {hub.address}/ada/days.")
    code = (
        "import json, sys, numpy, mtl\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"texts = {TEXTS!r}\n"
        "model = mtl.load('ada/days', dtype='float32')\n"
        "numpy.save('ours.npy', model.encode(texts))\n"
        "numpy.save('theirs.npy', SentenceTransformer('ada/days', device='cpu').encode(texts))\n"
        "print(json.dumps([answer.mood.probabilities for answer in model.analyze(texts)]))"
    )
    loaded = hub.ask(tmp_path, "-c", code, token=None)
    assert loaded.returncode == 0, loaded.stderr
    model = mtl.load(run, dtype="float32")
    for name in ("ours", "theirs"):
        assert np.abs(np.load(tmp_path / f"{name}.npy") - model.encode(TEXTS)).max() < 1e-5
    for answer, found in zip(model.analyze(TEXTS), yaml.safe_load(loaded.stdout), strict=True):
        assert found == pytest.approx(answer.mood.probabilities, abs=1e-5)
    names = hub.repositories["models/ada/days"]
    assert not [name for name in names if name.endswith((".py", ".bin", ".pt", ".pkl"))]


def test_its_page_has_the_card_the_figures_and_tags(hub, run, tmp_path):
    assert push(hub, tmp_path, run, "ada/days", "--yes").returncode == 0
    _, block, page = hub.repositories["models/ada/days"]["README.md"].decode().split("---\n", 2)
    about = yaml.safe_load(block)
    assert about["library_name"] == "sentence-transformers"
    assert {"multi-task-learning", "text-classification"} <= {*about["tags"]}
    [model] = about["model-index"]
    metrics = {each["type"]: each["value"] for result in model["results"] for each in result["metrics"]}
    assert 0 <= metrics["accuracy"] <= 1 and "macro_f1" in metrics
    assert page.strip().startswith("# days")
    assert 'mtl.load("ada/days")' in page and 'SentenceTransformer("ada/days")' in page
    assert "FOLDER" not in page and str(run.parents[1]) not in page + block


def test_the_default_model_is_pushed_with_its_own_card(tmp_path, default_model):
    from mtl.training import card

    _, block, page = card.for_hub("default", default_model, None, "ada/mine").split("---\n", 2)
    about = yaml.safe_load(block)
    assert (about["license"], about["base_model"]) == ("apache-2.0", "sentence-transformers/all-MiniLM-L6-v2")
    results = about["model-index"][0]["results"]
    found = {(result["task"]["name"], result["dataset"]["name"]): result for result in results}
    figures = json.loads((checkpoint.DEFAULT_FOLDER / "figures.json").read_text())
    own = {(row["task"], row["data"]): row["value"] for row in figures if row["split"] != "check"}
    assert "# mine" in page and len(found) == len(own)
    value = own["intensity", "SST-5 dev"]
    assert found["intensity", "SST-5 dev"]["metrics"] == [{"type": "spearman", "value": value}]
    assert found["sentiment, negative or positive", "SST-2 dev"]["task"]["type"] == "text-classification"


@pytest.mark.skipif(os.name != "posix", reason="a terminal of one's own")
def test_it_asks_before_it_makes_or_uploads_anything(hub, run, tmp_path):
    refused = push(hub, tmp_path, run, "ada/days", said=b"n\n")
    assert refused.stdout == f"Make the public model ada/days at {hub.address}, as ada? [y/N] "
    assert (refused.returncode, refused.stderr) == (1, "mtl: Nothing was made on the Hub or uploaded.\n")
    assert not hub.repositories
    hub.repositories["models/ada/days"] = {"notes.md": b"kept"}
    agreed = push(hub, tmp_path, run, "ada/days", said=b"y\n")
    assert agreed.returncode == 0 and agreed.stdout.startswith("Upload to the model ada/days")
    assert {"notes.md", "README.md", "model.safetensors"} <= hub.repositories["models/ada/days"].keys()


def test_without_a_terminal_it_takes_yes(hub, run, tmp_path):
    ended = push(hub, tmp_path, run, "ada/days")
    assert ended.stderr == "mtl: There is no terminal to ask on: with --yes it is uploaded without a question.\n"
    assert ended.returncode == 1 and not hub.calls


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        ("/api/whoami-v2", 401, "The Hub does not accept the token: run hf auth login, or set HF_TOKEN"),
        ("/api/repos/create", 403, "The token may not write to ada/days: says no"),
        ("/api/repos/create", 409, "Somebody else has just made or changed ada/days: try again"),
        ("/api/models/ada/days/commit", 403, "The token may not write to ada/days: "),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(hub, run, tmp_path, call, status, words):
    hub.refusals[call] = (status, "says no")
    ended = push(hub, tmp_path, run, "ada/days", "--yes")
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and line.startswith(f"mtl: {words}")
    assert not hub.repositories.get("models/ada/days")


@pytest.mark.parametrize(
    ("arguments", "how", "words"),
    [
        (("default", "days"), {}, "mtl push takes a model's owner and name, such as ada/playground; not 'days'"),
        (("default", "ada/two words"), {}, "The Hub has no names like 'ada/two words'"),
        (("default", "ada/days"), {"token": None}, "No token for the Hub: run hf auth login"),
        (("default", "ada/days"), {"endpoint": "http://127.0.0.1:9"}, "The Hub cannot be reached: "),
        (("./nowhere", "ada/days"), {}, "There is no folder ./nowhere"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_made(hub, tmp_path, arguments, how, words):
    ended = push(hub, tmp_path, *arguments, "--yes", **how)
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1 and line.startswith(f"mtl: {words}"), ended.stderr
    assert not hub.repositories
