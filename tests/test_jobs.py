"""A job matches a table's columns with the model's tasks: by name, by the meaning of labels, or with a new head."""

import pytest

from mtl.config import TaskSpec, TrainConfig, UserError
from mtl.data.table import read_table
from mtl.training import jobs

KNOWN = {
    "sentiment": TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    "stars": TaskSpec("stars", "regression", low=1, high=5),
}
QUICK = TrainConfig(epochs=1, batch_size=8, precision="float32", freeze=2)


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
