"""A run leaves a whole folder, matches a table's columns with the model's tasks, and can be stopped from outside."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.table import read_table
from mtl.training import jobs, runs

KNOWN = {
    "sentiment": TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    "stars": TaskSpec("stars", "regression", low=1, high=5),
}
QUICK = TrainConfig(epochs=1, batch_size=8, precision="float32", freeze=2)


@pytest.fixture
def start(tiny, tmp_path):
    """A checkpoint with two heads to start from."""
    base = mtl.load(tiny, dtype="float32")
    checkpoint.save(checkpoint.derive(base, ModelConfig(tasks=tuple(KNOWN.values()))), tmp_path / "start")
    return tmp_path / "start"


def _table(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def _reviews(tmp_path, labels=("Positive", "NEG"), column="sentiment", rows=24):
    lines = [f"this is review number {i} of many,{labels[i % len(labels)]}" for i in range(rows)]
    return _table(tmp_path, f"review,{column}\n" + "\n".join(lines) + "\n")


def test_labels_are_matched_without_regard_to_case_and_by_common_names(tmp_path):
    matched = jobs.match_tasks(read_table(_reviews(tmp_path)), KNOWN)
    assert matched.specs == {"sentiment": KNOWN["sentiment"]}
    assert {row.labels["sentiment"] for row in matched.rows} == {"positive", "negative"}
    assert "Positive as positive" in matched.notes[0]


def test_new_labels_start_a_new_head_and_say_so(tmp_path):
    matched = jobs.match_tasks(read_table(_reviews(tmp_path, ("angry", "calm"), "mood")), KNOWN)
    assert matched.specs["mood"].labels == ("angry", "calm")
    assert "new head for 2 labels: angry, calm" in matched.notes[0]


def test_zero_and_one_are_sentiment_only_under_its_name(tmp_path):
    assert set(jobs.match_tasks(read_table(_reviews(tmp_path, ("0", "1"), "sentiment")), KNOWN).specs) == {"sentiment"}
    assert jobs.match_tasks(read_table(_reviews(tmp_path, ("0", "1"), "spam")), KNOWN).specs["spam"].labels == (
        "0",
        "1",
    )


def test_one_class_is_left_out_and_said(tmp_path):
    with pytest.raises(UserError, match="nothing to learn from"):
        jobs.prepare(_reviews(tmp_path, ("same",), "mood"), QUICK, start_from="all-MiniLM-L6-v2")


def test_numbers_out_of_the_models_range_get_a_head_of_their_range(tmp_path):
    table = "text,stars\n" + "".join(f"a text number {i},{i * 2.5}\n" for i in range(20))
    spec = jobs.match_tasks(read_table(_table(tmp_path, table)), KNOWN).specs["stars"]
    assert (spec.low, spec.high) == (0.0, 47.5)


def test_a_run_leaves_settings_events_and_a_checkpoint_that_loads(tmp_path, start):
    job = jobs.prepare(_reviews(tmp_path), QUICK, start_from=str(start))
    seen = list(runs.run(job, tmp_path / "run"))
    folder = tmp_path / "run"
    assert runs.events(folder) == json.loads(json.dumps(seen))
    assert seen[0]["run"] == "run" and seen[0]["config"]["train"]["freeze"] == 2
    assert seen[-1]["checkpoint"] == "checkpoint"
    assert json.loads((folder / "config.json").read_text())["train"] == QUICK.to_json()
    record = json.loads((folder / "checkpoint" / "train.json").read_text())
    assert record["metrics"]["sentiment"]["rows"] == 4
    assert "sentiment: accuracy" in (folder / "checkpoint" / "README.md").read_text()
    model = mtl.load(folder / "checkpoint", dtype="float32")
    assert set(model.tasks) == {"sentiment", "stars"}


def test_train_is_the_same_in_one_call(tmp_path, start):
    model = mtl.train(_reviews(tmp_path), tmp_path / "run", QUICK, start_from=str(start))
    assert model.analyze(["some review"])[0].sentiment.label in KNOWN["sentiment"].labels


def test_a_stop_request_ends_the_run_with_a_usable_checkpoint(tmp_path, start):
    job = jobs.prepare(_reviews(tmp_path), TrainConfig(**{**QUICK.to_json(), "epochs": 50}), start_from=str(start))
    for event in runs.run(job, tmp_path / "run"):
        if event["event"] == "step" and event["step"] == 2:
            runs.request_stop(tmp_path / "run")
    assert event["status"] == "stopped" and event["steps"] <= 3
    assert mtl.load(tmp_path / "run" / "checkpoint", dtype="float32").analyze(["fine"])


def test_an_error_is_an_event_too(tmp_path, start):
    job = jobs.prepare(_reviews(tmp_path), TrainConfig(freeze=99), start_from=str(start))
    with pytest.raises(UserError, match="layer groups"):
        list(runs.run(job, tmp_path / "run"))
    [event] = runs.events(tmp_path / "run")
    assert event["event"] == "error" and "layer groups" in event["message"]


def test_following_a_run_never_reads_half_a_line(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "start"}\n{"event": "st')
    assert runs.events(tmp_path) == [{"event": "start"}]
    assert runs.events(tmp_path / "nothing") == []


def test_all_kinds_of_entity_cells_teach_the_same(tmp_path):
    cells = {
        "json": ("Ada met Bob today", '"[{""start"":0,""end"":3,""label"":""PER""}]"'),
        "bio": ("Ada met Bob today", "B-PER O O O"),
    }
    found = {}
    for name, (text, cell) in cells.items():
        found[name] = read_table(_table(tmp_path, "text,names\n" + f"{text},{cell}\n" * 3)).rows[0].labels["names"]
    markup = read_table(_table(tmp_path, "text,names\n" + "Ada met Bob today,[Ada](PER) met Bob today\n" * 3))
    assert found["json"] == found["bio"] == markup.rows[0].labels["names"]


@given(st.text(max_size=40))
def test_a_card_shows_names_as_text_whatever_they_hold(name):
    from mtl.training.card import _cell

    cell = _cell(name)
    assert "\n" not in cell
    for mark in "|[]<>`":
        assert cell.count(mark) == cell.count("\\" + mark)
