"""A job matches a table's columns with the model's tasks: by name, by the meaning of labels, or with a new head."""

from dataclasses import replace

import pytest

from mtl.config import TaskSpec, TrainConfig, UserError
from mtl.data.matching import match_tasks
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
    matched = match_tasks(read_table(_reviews(tmp_path)), KNOWN)
    assert matched.specs == {"sentiment": KNOWN["sentiment"]}
    assert {row.labels["sentiment"] for row in matched.rows} == {"positive", "negative"}
    assert "Positive as positive" in matched.notes[0]


def test_new_labels_start_a_new_head_and_say_so(tmp_path):
    matched = match_tasks(read_table(_reviews(tmp_path, ("angry", "calm"), "mood")), KNOWN)
    assert matched.specs["mood"].labels == ("angry", "calm")
    assert "new head for 2 labels: angry, calm" in matched.notes[0]


def test_zero_and_one_are_sentiment_only_under_its_name(tmp_path):
    assert set(match_tasks(read_table(_reviews(tmp_path, ("0", "1"), "sentiment")), KNOWN).specs) == {"sentiment"}
    assert match_tasks(read_table(_reviews(tmp_path, ("0", "1"), "spam")), KNOWN).specs["spam"].labels == (
        "0",
        "1",
    )


def test_one_class_is_left_out_and_said(tmp_path):
    with pytest.raises(UserError, match="nothing to learn from"):
        jobs.prepare(_reviews(tmp_path, ("same",), "mood"), QUICK, start_from="all-MiniLM-L6-v2")


def test_numbers_out_of_the_models_range_get_a_head_of_their_range(tmp_path):
    table = "text,stars\n" + "".join(f"a text number {i},{i * 2.5}\n" for i in range(20))
    spec = match_tasks(read_table(_table(tmp_path, table)), KNOWN).specs["stars"]
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


# --- what a person says of a table ---


def _tea(tmp_path):
    rows = "".join(f"head {i},tea number {i} was drunk slowly,{i % 3},{('hot', 'cold')[i % 2]}\n" for i in range(24))
    return _table(tmp_path, "title,body,cups,state\n" + rows)


def test_roles_and_meanings_are_as_they_were_said(tmp_path, default_model):
    reading = {
        "text": "title",
        "roles": {"cups": "regression", "body": "ignored"},
        "mapping": {"state": {"hot": "positive", "cold": None}},
    }
    job = jobs.prepare(_tea(tmp_path), QUICK, **reading)
    (part,) = job.dataset.parts
    assert part.rows[0].text.startswith("head ")
    # One label alone teaches nothing, whatever it is taken for.
    assert {name for row in part.rows for name in row.labels} == {"cups"}
    reading["mapping"]["state"]["cold"] = "negative"
    job = jobs.prepare(_tea(tmp_path), QUICK, **reading)
    labels = [row.labels["sentiment"] for row in job.dataset.parts[0].rows]
    assert {*labels} == {"positive", "negative"}
    specs = {spec.name: spec for spec in job.model.tasks}
    assert specs["sentiment"] == default_model.tasks["sentiment"]
    assert (specs["cups"].kind, specs["cups"].low, specs["cups"].high) == ("regression", 0.0, 2.0)


def test_a_recipe_is_read_as_it_says_itself(tmp_path):
    (tmp_path / "recipe.json").write_text('{"model": {}, "train_on": []}')
    with pytest.raises(UserError, match="A recipe itself says"):
        jobs.prepare(tmp_path / "recipe.json", text="body")


def test_what_is_not_in_the_table_cannot_be_said_of_it(tmp_path, tiny):
    for reading in (
        {"text": "x"},
        {"roles": {"x": "ignored"}},
        {"mapping": {"x": {}}},
        {"mapping": {"state": {"x": None}}},
    ):
        with pytest.raises(UserError, match="There is no column|The table has no label"):
            jobs.prepare(_tea(tmp_path), QUICK, str(tiny), **reading)


# --- matching ---


def _matched(tmp_path, table, known=KNOWN, **options):
    return match_tasks(read_table(_table(tmp_path, table)), known, **options)


def _two(header, first, second):
    return f"text,{header}\n" + "".join(
        f"some words about {i},{first[i % len(first)]},{second[i % len(second)]}\n" for i in range(12)
    )


def test_a_column_under_the_tasks_own_name_comes_before_one_that_would_fit(tmp_path):
    matched = _matched(tmp_path, _two("label,Sentiment", ("pos", "neg"), ("negative", "neutral")))
    assert {*matched.specs} == {"sentiment", "label"}
    assert matched.columns["Sentiment"].reuses_head
    assert matched.specs["label"].labels == ("neg", "pos")
    assert matched.rows[0].labels == {"label": "pos", "sentiment": "negative"}


def test_two_new_heads_never_share_a_name(tmp_path):
    matched = _matched(tmp_path, _two("Stars,stars", ("1.5", "2.5", "9.5"), ("3.5", "8.5", "7.5")))
    assert [*matched.specs] == ["stars", "stars (2)"] or len(matched.specs) == 2
    assert len({*matched.rows[0].labels.values()}) == 2


@pytest.mark.parametrize("name", ["text", "results", "embedding", "tokens", "truncated", "unread"])
def test_a_head_is_never_called_like_a_field_of_an_answer(tmp_path, name):
    table = f"sentence,{name}\n" + "".join(f"a longer text about {i},{('x', 'y')[i % 2]}\n" for i in range(12))
    read = read_table(_table(tmp_path, table), text="sentence", roles={name: "classification"})
    matched = match_tasks(read, KNOWN)
    assert [*matched.specs] == [f"{name} label"]
    assert matched.rows[0].labels == {f"{name} label": "x"}


def test_a_head_has_a_name_of_some_length(tmp_path):
    (task,) = _matched(tmp_path, _two(f"{'n' * 300},id", ("x", "y"), ("7",))).specs
    assert len(task) <= 100


def test_what_teaches_nothing_is_left_out_of_training_but_can_be_scored(tmp_path):
    table = "text,sentiment,stars\n" + "".join(f"some words about {i},positive,3.5\n" for i in range(12))
    matched = _matched(tmp_path, table)
    assert matched.specs == {}
    assert [row.labels for row in matched.rows] == [{}] * 12
    assert "only the label 'positive'" in matched.notes[0]
    assert "only the number 3.5" in matched.notes[1]
    assert {*_matched(tmp_path, table, least=1).specs} == {"sentiment", "stars"}


def test_a_column_said_to_hold_numbers_may_hold_none(tmp_path):
    read = read_table(_table(tmp_path, _two("a,b", ("x", "y"), ("u", "v"))), roles={"a": "regression"})
    matched = match_tasks(read, KNOWN)
    assert [*matched.specs] == ["b"]
    assert "no numbers" in matched.notes[0]
    with pytest.raises(UserError, match="has no labels"):
        match_tasks(read, KNOWN, {"a": {"x": None}})


def test_more_labels_than_a_head_can_tell_apart_are_left_out(tmp_path):
    table = "text,topic\n" + "".join(f"some words about {i},t{i % 501}\n" for i in range(1002))
    matched = _matched(tmp_path, table)
    assert matched.specs == {}
    assert "501 labels, more than 500" in matched.notes[0]


def test_labels_of_their_own_can_be_made_to_teach_the_models_task(tmp_path):
    table = _two("mood,id", ("happy", "sad", "odd"), ("7",))
    half = _matched(tmp_path, table, mapping={"mood": {"happy": "positive"}})
    assert [*half.specs] == ["mood"]
    assert half.columns["mood"].match.mapping == {"happy": "positive", "odd": None, "sad": None}
    whole = _matched(tmp_path, table, mapping={"mood": {"happy": "positive", "sad": "negative", "odd": None}})
    assert whole.specs == {"sentiment": KNOWN["sentiment"]}
    assert [row.labels for row in whole.rows[:3]] == [{"sentiment": "positive"}, {"sentiment": "negative"}, {}]


def test_settings_that_shape_the_model_shape_the_heads_that_the_data_teaches_and_say_so(tmp_path):
    config = replace(
        QUICK, projection=32, projection_activation="tanh", hidden=8, hidden_activation="relu", max_tokens=9
    )
    job = jobs.prepare(_reviews(tmp_path), config)
    tasks = {task.name: task for task in job.model.tasks}
    before = {task.name: task for task in jobs.prepare(_reviews(tmp_path), QUICK).model.tasks}
    assert (job.model.projection, job.model.projection_activation, job.model.max_tokens) == (32, "tanh", 9)
    sentiment = tasks.pop("sentiment")
    assert (sentiment.reads, sentiment.hidden, sentiment.hidden_activation) == ("shared", 8, "relu")
    assert all(before[name] == task for name, task in tasks.items())
    notes = " ".join(job.dataset.notes)
    assert "start anew, as the settings give them another shape: sentiment." in notes
    assert "does not suit" not in notes and "The model reads the first 9" not in notes


def test_what_reads_words_says_that_it_cannot_share_a_projection(tmp_path):
    table = _table(tmp_path, "text,tags\n" + "".join(f'Ada wrote {i} notes here,"B-PER O O O O"\n' for i in range(12)))
    job = jobs.prepare(table, replace(QUICK, projection=8, max_tokens=4))
    notes = " ".join(job.dataset.notes)
    assert "one vector for each sentence, which does not suit" in notes and "The model reads the first 4" in notes
    assert all(task.reads == "backbone" for task in job.model.tasks)


def _split_reviews(tmp_path, *sides):
    lines = [f"this is review number {i} of many,{('good', 'bad')[i % 2]},{side}" for i, side in enumerate(sides)]
    return _table(tmp_path, "review,mood,split\n" + "\n".join(lines) + "\n")


def test_a_table_that_says_which_rows_train_is_taken_at_its_word(tmp_path, tiny):
    job = jobs.prepare(_split_reviews(tmp_path, *["train"] * 12, *["dev"] * 2, *["test"] * 2), QUICK, str(tiny))
    assert ([len(part.rows) for part in job.dataset.parts], len(job.dataset.validation["validation"])) == ([12], 4)
    assert [note for note in job.dataset.notes if "dev (2) and test (2)" in note]


def test_a_table_that_holds_nothing_out_is_refused(tmp_path, tiny):
    with pytest.raises(UserError, match="holds no row out"):
        jobs.prepare(_split_reviews(tmp_path, *["train"] * 12), QUICK, str(tiny), roles={"split": "split"})


def test_a_file_of_rows_to_test_on_is_all_that_is_held_out(tmp_path, tiny):
    test = tmp_path / "test.csv"
    test.write_text("review,sentiment\nthis is review number 3 of many,neg\nanother review of many,positive\n")
    job = jobs.prepare(_reviews(tmp_path), QUICK, str(tiny), validation=test)
    assert (len(job.dataset.parts[0].rows), {name: len(rows) for name, rows in job.dataset.validation.items()}) == (
        23,
        {"test.csv": 2},
    )
    assert [note for note in job.dataset.notes if note.startswith("test.csv: Line 2: The text is also in the data")]
