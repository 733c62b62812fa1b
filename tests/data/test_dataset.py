"""Validation never sees a training row, recipes read what they name, and weights mean passes."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.dataset import Recipe
from mtl.data.rows import Row
from mtl.data.splits import RowCounts, split, without
from mtl.kinds.multilabel import LabelSet
from mtl.text.spans import Span

ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["a", "A ", "b", "c c", "C  c", "d", "e", "f", "g"]),
        st.fixed_dictionaries({}, optional={"mood": st.sampled_from(["good", "bad"])}),
        st.just(1),
    ),
    max_size=40,
)


def _key(row):
    return " ".join(row.text.casefold().split())


@given(ROWS, st.floats(0, 0.9))
def test_no_text_is_on_both_sides_and_no_row_is_lost(rows, share):
    train, held_out = split(rows, share)
    assert not {_key(r) for r in train} & {_key(r) for r in held_out}
    assert sorted(map(repr, train + held_out)) == sorted(map(repr, rows))
    if len({_key(r) for r in rows}) > 1 and share > 0:
        assert train and held_out


@given(ROWS, st.floats(0, 1))
def test_how_many_rows_are_held_out_is_known_beforehand(rows, share):
    counts = RowCounts.of(rows)
    assert (counts.total, counts.held_out(share)) == (len(rows), len(split(rows, share)[1]))


@given(st.permutations(range(30)))
def test_the_split_does_not_depend_on_the_order_of_rows(order):
    rows = [Row(f"text {i}", {"mood": "good" if i % 3 else "bad"}, i) for i in range(30)]
    _, held_out = split(rows, 0.2)
    _, shuffled = split([rows[i] for i in order], 0.2)
    assert {r.text for r in held_out} == {r.text for r in shuffled}


def test_each_label_gives_its_share():
    rows = [Row(f"text {i}", {"mood": "good" if i < 80 else "bad"}, i) for i in range(100)]
    train, held_out = split(rows, 0.2)
    assert len(held_out) == 20
    assert sum(r.labels["mood"] == "bad" for r in held_out) == 4


def test_the_rarest_of_several_labels_gives_its_share():
    def labels(i):
        return LabelSet(("common", "rare") if i < 10 else ("common",) if i < 80 else ())

    rows = [Row(f"text {i}", {"moods": labels(i)}, i) for i in range(100)]
    _, held_out = split(rows, 0.2)
    counts = Counter(row.labels["moods"].labels for row in held_out)
    assert counts == {("common", "rare"): 2, ("common",): 14, (): 4}


def test_without_leaves_out_the_same_texts_in_other_spelling():
    rows = [Row("One  text", {}, 1), Row("two", {}, 2)]
    assert without(rows, [Row("one text", {}, 9)]) == [rows[1]]


_STARS = "0 a dull evening at the caf\xe9\n2 it was so so\n4 what great fun we had\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stars.txt.gz").write_bytes(gzip.compress((_STARS * 4).encode("latin-1")))
    (tmp_path / "mood.csv").write_text("text,label\n" + "".join(f"words {i},{i % 2}\n" for i in range(20)))
    (tmp_path / "names.conll").write_text("Ada B-person\nsleeps O\n\nAcme B-corporation\nsells O\nIt B-product\n\n")
    return tmp_path


def _recipe(folder, **changes):
    recipe = {
        "model": {"tasks": [{"name": "mood", "kind": "classification", "labels": ["bad", "good"]}]},
        "train_on": [{"file": "mood.csv", "column": "label", "tasks": {"mood": {"0": "bad", "1": "good"}}}],
        **changes,
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return Recipe.read(folder / "recipe.json")


def test_one_label_can_teach_two_tasks(folder):
    source = {
        "file": "stars.txt.gz",
        "tasks": {"mood": {"0": "bad", "2": None, "4": "good"}, "stars": {"0": -1.0, "2": 0.0, "4": 1.0}},
    }
    [part] = _recipe(folder, train_on=[source]).dataset(folder).parts
    assert [(r.text, r.labels) for r in part.rows[:3]] == [
        ("a dull evening at the café", {"mood": "bad", "stars": -1.0}),
        ("it was so so", {"stars": 0.0}),
        ("what great fun we had", {"mood": "good", "stars": 1.0}),
    ]


def test_entity_types_are_renamed_or_taken_away(folder):
    source = {"file": "names.conll", "tasks": {"names": {"person": "PER", "corporation": "ORG", "product": None}}}
    [part] = _recipe(folder, train_on=[source]).dataset(folder).parts
    assert [r.labels["names"] for r in part.rows] == [(Span(0, 3, "PER"),), (Span(0, 4, "ORG"),)]


def test_rows_that_are_validated_on_leave_the_training_rows_and_it_is_said(folder):
    (folder / "dev.csv").write_text("text,label\nWORDS 3,1\nother,0\n")
    source = {"file": "dev.csv", "column": "label", "tasks": {"mood": {"0": "bad", "1": "good"}}}
    dataset = _recipe(folder, validate_on=[source]).dataset(folder)
    assert "words 3" not in [r.text for r in dataset.parts[0].rows]
    assert dataset.notes == ("mood.csv: 1 rows left out that are also validated on.",)


def test_a_held_out_share_is_validated_on_under_the_files_name(folder):
    source = {"file": "mood.csv", "column": "label", "tasks": {"mood": {"0": "bad", "1": "good"}}, "validation": 0.2}
    dataset = _recipe(folder, train_on=[source]).dataset(folder)
    assert (len(dataset.parts[0].rows), len(dataset.validation["mood.csv"])) == (16, 4)


def test_a_share_of_a_file_is_validated_on_and_the_rest_only_kept_from_training(folder):
    rows = "".join(f"words {number} here,{number % 2}\n" for number in range(20))
    (folder / "dev.csv").write_text(f"text,label\n{rows}words 3,1\n")
    labelled = {"file": "dev.csv", "column": "label", "tasks": {"mood": {"0": "bad", "1": "good"}}, "validation": 0.2}
    unlabelled = {"file": "dev.csv", "text": "text", "unlabelled_text": True}
    dataset = _recipe(folder, validate_on=[labelled, unlabelled]).dataset(folder)
    assert sum("mood" in row.labels for row in dataset.validation["dev.csv"]) == 4
    assert "words 3" not in [row.text for row in dataset.parts[0].rows]


def test_the_fingerprint_changes_with_any_label(folder):
    before = _recipe(folder).dataset(folder).fingerprint
    assert _recipe(folder).dataset(folder).fingerprint == before
    path = folder / "mood.csv"
    path.write_text(path.read_text().replace("words 7,1", "words 7,0"))
    assert _recipe(folder).dataset(folder).fingerprint != before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_on": [{"file": "gone.csv"}]}, "gone.csv is not there.*--data-dir"),
        ({"train_on": [{"file": "mood.csv", "weight": -1}]}, "weight must be a number from 0 to 100; it is -1"),
        ({"train_on": [{"path": "mood.csv"}]}, "Unknown setting path"),
        ({"train": {"epochs": 0}}, "epochs"),
        ({"train_on": 5}, "train_on must be a list"),
        ({"train_on": [5]}, "must be a JSON object"),
        ({"train_on": [{"file": 5}]}, "file must be a text"),
        ({"train_on": [{"file": "mood.csv", "teacher": 5}]}, "teacher must be a text"),
        ({"train_on": [{"file": "mood.csv", "weight": True}]}, "weight must be a number from 0 to 100; it is True"),
        ({"train_on": [{"file": "mood.csv", "unlabelled": 5}]}, "unlabelled must be a list"),
        ({"train_on": [{"file": "mood.csv", "tasks": {"mood": 5}}]}, "tasks must be like"),
        ({"train_on": [{"file": "mood.csv", "text": "words"}]}, r"mood\.csv: There is no column 'words'"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(folder, changes, words):
    with pytest.raises(UserError, match=words):
        _recipe(folder, **changes).dataset(folder)


@pytest.mark.parametrize(
    ("kind", "labels", "content", "words"),
    [
        ("classification", ["good", "bad"], "text,x\nfine,good\npoor,awful\n", "line 3: Task 'x' has no label 'awful'"),
        ("regression", [], "text,x\nfine,good\npoor,bad\n", "line 2: Task 'x' needs a number, not 'good'"),
        ("tagging", ["PER"], "text,x\nfine,good\npoor,bad\n", "line 2: Task 'x' needs entities, not 'good'"),
        ("tagging", ["PER"], "Anna B-PER\nsleeps O\n\nRome B-LOC\nburns O\n", "line 4: .* no entity type 'LOC'; it"),
        ("regression", [], "Anna B-PER\nsleeps O\n", "line 1: Task 'x' has no entities"),
    ],
)
def test_a_label_that_a_task_cannot_have_is_named_with_file_and_line(tmp_path, kind, labels, content, words):
    name = "data.csv" if content.startswith("text") else "data.conll"
    (tmp_path / name).write_text(content)
    column = {"column": "x"} if name == "data.csv" else {}
    model = {"tasks": [{"name": "x", "kind": kind, "labels": labels}]}
    recipe = Recipe.from_json({"model": model, "train_on": [{"file": name, "tasks": {"x": {}}, **column}]})
    with pytest.raises(UserError, match=rf"{name}, {words}"):
        recipe.dataset(tmp_path)


def test_a_recipe_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(UserError, match=r"recipe\.json"):
        Recipe.read(tmp_path / "recipe.json")


@pytest.mark.parametrize(
    ("name", "content", "is_recipe"),
    [
        ("a.json", '\n{"model": {}, "train_on": []}', True),
        ("a.json", '{"train_on": [', True),
        ("a.json", '[{"text": "\\"train_on\\""}]', False),
        ("a.json", '{"text": ["a"], "label": ["x"]}', False),
        ("a.jsonl", '{"train_on": []}', False),
        ("a.json", None, False),
    ],
)
def test_json_that_names_no_files_to_train_on_is_a_table(tmp_path, name, content, is_recipe):
    if content is not None:
        (tmp_path / name).write_text(content)
    assert Recipe.is_in(tmp_path / name) == is_recipe
