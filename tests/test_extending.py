"""A kind of task, a tab and a table format come with a plug-in, each in one file. Nothing else can bring one."""

import json
import os
import subprocess
import sys

import pytest

from mtl.config import KINDS, TaskSpec, UserError, listed, register_kind
from mtl.kinds.classification import Classification
from tests.test_structure import ROOT

WORDS = {"1": "awful", "2": "poor", "3": "fine", "4": "splendid"}


def mtl(plugins, *arguments, code=0):
    """What `python -m mtl ...` prints with these plug-ins."""
    environment = {**os.environ, "MTL_PLUGINS": plugins}
    answer = subprocess.run(
        [sys.executable, "-m", "mtl", *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == code, answer.stderr
    return answer.stdout if not code else answer.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny):
    """(what training printed, the run folder) of a table of grades."""
    folder = tmp_path_factory.mktemp("grades")
    rows = "".join(f"This hotel number {i} was {WORDS[g]}.,{g}\n" for i in range(24) for g in WORDS)
    (folder / "hotels.csv").write_text("text,grade\n" + rows, encoding="utf-8")
    options = ["--role", "grade=grades", "--model", tiny, "--epochs", 3, "--batch-size", 16, "--lr", 2e-3]
    printed = mtl("tests.plugins.grades", "train", folder / "hotels.csv", *options, "--out", folder / "run")
    return printed, folder / "run"


def test_a_kind_is_trained_scored_and_written_down(run):
    printed, folder = run
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [event for event in events if event["event"] == "epoch"][-1]
    assert last["validation"]["grade"]["rank"] > 0.5
    assert events[0]["trainable"]["head grade"] == 32 + 1 + 1 + 2  # a weight for each dimension, bias, thresholds
    assert "grade rank" in printed and "new head for 4 labels" in printed
    card = (folder / "checkpoint" / "README.md").read_text(encoding="utf-8")
    assert "| grade | grades | 1, 2, 3 and 4 |" in card and "| grade | rank correlation | – | 0." in card
    assert "evaluate TABLE --model FOLDER`" in card


def test_its_checkpoint_is_loaded_and_answers(run):
    _, folder = run
    answer = mtl("tests.plugins.grades", "analyze", "It was splendid.", "--model", folder / "checkpoint")
    assert "grade      grade " in answer
    [found] = json.loads(
        mtl("tests.plugins.grades", "analyze", "It was splendid.", "--model", folder / "checkpoint", "--json")
    )
    assert found["grade"]["grade"] in WORDS and 0 < found["grade"]["probability"] <= 1


def test_what_a_run_will_take_is_known(run):
    code = (
        "import sys, mtl\n"
        "from mtl.groups import Groups\n"
        "model = mtl.load(sys.argv[1])\n"
        "print(Groups.of(model.backbone, model.config).sizes['head grade'])"
    )
    environment = {**os.environ, "MTL_PLUGINS": "tests.plugins.grades"}
    command = [sys.executable, "-c", code, str(run[1] / "checkpoint")]
    assert subprocess.check_output(command, cwd=ROOT, env=environment, text=True).strip() == "36"


def test_without_the_plug_in_its_checkpoint_is_refused_with_what_there_is(run):
    said = mtl("", "analyze", "It was splendid.", "--model", run[1] / "checkpoint", code=1)
    assert f"kind must be one of {listed(KINDS, 'or')}; it is 'grades'" in said


def test_a_table_format_comes_in_a_file_of_its_own(tmp_path):
    objects = [{"text": f"Sentence number {i} of a few.", "mood": "good" if i % 2 else "bad"} for i in range(12)]
    table = tmp_path / "moods.txt"
    table.write_text("\n".join(map(json.dumps, objects)) + "\n", encoding="utf-8")
    diagnosis = json.loads(mtl("tests.plugins.json_lines", "doctor", table, "--json"))
    assert (diagnosis["rows"], diagnosis["format"]) == (12, "JSON, one object per line")
    assert {c["name"]: c["kind"] for c in diagnosis["columns"]} == {"text": None, "mood": "classification"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tests.plugins.nowhere", "'tests.plugins.nowhere', which cannot be used: ModuleNotFoundError"),
        ("tests.plugins.grades, tests.plugins.twice", "two kinds of task called 'grades'"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_an_error_with_its_name(name, said):
    assert said in mtl(name, "doctor", "any.csv", code=1)


def test_a_kind_is_registered_once():
    with pytest.raises(UserError, match="two kinds of task called 'classification'"):
        register_kind(Classification())


@pytest.mark.parametrize("kind", ["os:system", "tests.plugins.grades", "grades", ["classification"], None])
def test_a_config_names_no_plug_in(kind):
    with pytest.raises(UserError, match=f"one of {listed(KINDS, 'or')}"):
        TaskSpec.from_json({"name": "a", "kind": kind, "labels": ["x", "y"]})
