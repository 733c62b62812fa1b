"""JSON of every shape that programs write becomes cells, with the line of each record."""

from __future__ import annotations

import io
import json
import pickle

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.records import read_records
from mtl.data.rows import Findings, Item, place

ROWS = [{"text": "a good day", "label": "pos"}, {"text": "rain", "label": None}]
CELLS = [["a good day", "pos"], ["rain", ""]]


def read(value):
    findings = Findings()
    grid = read_records(value if isinstance(value, str) else json.dumps(value), findings)
    return grid, findings.grouped()


# --- shapes ---


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        "\ufeff" + json.dumps(ROWS, indent=2),
        "\n".join(map(json.dumps, ROWS)),
        ",\r\n".join(map(json.dumps, ROWS)) + ",\r\n",
        json.dumps(ROWS)[:-1] + ",]",
        "TRAIN = " + repr(ROWS) + ";\n",
        "\n".join(map(repr, ROWS)),
        {"text": ["a good day", "rain"], "label": ["pos", None]},
        {"text": {"0": "a good day", "1": "rain"}, "label": {"0": "pos", "1": None}},
        {"0": ROWS[0], "1": ROWS[1]},
        {"name of the first": ROWS[0], "and the second": ROWS[1]},
        {"columns": ["text", "label"], "index": [0, 1], "data": [list(row.values()) for row in ROWS]},
        {"schema": {"fields": [{"name": "text"}]}, "data": ROWS},
        {"version": 1, "nlu": {"common_examples": ROWS, "synonyms": []}},
        {"rows": [{"row_idx": i, "row": row} for i, row in enumerate(ROWS)]},
        [["a good day", {"label": "pos"}], ["rain", {}]],
        '[{"text": "a good day", "label": "pos"}, {"text": "rain", "label": NaN}]',
    ],
)
def test_every_shape_gives_the_same_cells(value):
    grid, findings = read(value)
    assert (grid.names, grid.rows) == (["text", "label"], CELLS)
    assert {f.code for f in findings} <= {"json-list"}


def test_lists_of_lists_have_names_in_their_first_row_or_none():
    grid, _ = read([["text", "label"], ["a", 1]])
    assert (grid.names, grid.rows) == (None, [["text", "label"], ["a", "1"]])
    assert read(["one text", "another"])[0].rows == [["one text"], ["another"]]


def test_each_record_knows_its_line():
    assert read(json.dumps(ROWS, indent=1))[0].lines == [2, 6]
    assert read("\n\n".join(map(json.dumps, ROWS)))[0].lines == [1, 3]
    grid, (finding,) = read(json.dumps({"a": {"data": ROWS}, "b": []}, indent=1))
    assert grid.lines == [4, 8]
    assert finding.action == "The list a.data with 2 records was read."


def test_the_cells_of_values():
    value = {"s": "1", "n": None, "t": True, "i": 10**30, "f": 0.10, "l": ["é", 2], "o": {"a": [{"b": 1}], "c": "d"}}
    grid, _ = read([value])
    assert grid.names == ["s", "n", "t", "i", "f", "l", "o.a", "o.c"]
    assert grid.rows == [["1", "", "true", str(10**30), "0.1", '["é",2]', '[{"b":1}]', "d"]]


def test_a_missing_key_is_a_blank_and_lists_of_one_label_are_the_label():
    grid, _ = read([{"text": "a", "label": ["x"]}, {"label": ["y"], "text": "b"}, {"text": "c"}])
    assert grid.rows == [["a", "x"], ["b", "y"], ["c", ""]]
    assert read([{"label": ["x"]}, {"label": []}])[0].rows == [['["x"]'], ["[]"]]
    assert read([{"label": ["x", "y"]}, {"label": ["x"]}])[0].rows == [['["x","y"]'], ['["x"]']]


# --- annotation tools ---


def test_spacys_training_data_as_python():
    source = (
        "import spacy\n\n# made by hand\nTRAIN_DATA = [\n"
        "    ('it\\'s Ada', {'entities': [(5, 8, 'PER')]}),  # one\n"
        '    ("none (at all)", {"entities": []}),\n]\n'
    )
    grid, _ = read(source)
    assert grid.names == ["text", "entities"]
    assert grid.rows == [["it's Ada", '[[5,8,"PER"]]'], ["none (at all)", "[]"]]
    assert grid.lines == [5, 6]


def test_spacys_training_data_inside_an_object():
    rows = [["Ada met Bob.", {"entities": [[0, 3, "PER"]]}], ["Nobody came.", {"entities": []}], None]
    grid, findings = read({"classes": ["PER"], "annotations": rows})
    assert (grid.names, grid.rows) == (
        ["text", "entities"],
        [["Ada met Bob.", '[[0,3,"PER"]]'], ["Nobody came.", "[]"]],
    )
    assert [f.code for f in findings] == ["json-kind", "json-list"]


def spacy_document(number, *sentences, **more):
    tokens = [{"tokens": [{"id": i, **token} for i, token in enumerate(sentence)]} for sentence in sentences]
    return {"id": number, "paragraphs": [{"raw": "...", "sentences": tokens, **more}]}


def test_documents_of_version_2_of_spacy():
    ada = [{"orth": "Ada", "ner": "U-PER"}, {"orth": "ran", "ner": "O"}]
    bob = [{"orth": "Bob", "ner": "-"}]
    for value in ([spacy_document(0, ada, bob)], spacy_document(0, ada, bob)):
        assert read(value)[0].rows == [['["Ada","ran"]', '["U-PER","O"]'], ['["Bob"]', '["-"]']]
    cats = [{"label": "good", "value": 1.0}, {"label": "bad", "value": 0.0}]
    grid, _ = read([spacy_document(0, ada, bob, cats=cats)])
    assert (grid.names, grid.rows) == (
        ["tokens", "ner", "label"],
        [['["Ada","ran","Bob"]', '["U-PER","O","-"]', "good"]],
    )
    assert read([spacy_document(0, [{"orth": "Ada"}, {"orth": "ran"}])])[0].rows == [["Ada ran"]]


def test_records_on_one_line_are_told_apart_by_their_number():
    grid, _ = read([{"text": "a"}, {"text": "b"}, {"text": "c"}])
    assert grid.lines == [1, 1, 1]
    assert list(map(place, grid.lines)) == ["item 1", "item 2", "item 3"]
    grid, _ = read('[{"text": "a"},\n{"text": "b"}]')
    assert list(map(place, grid.lines)) == ["line 1", "line 2"]
    assert place(pickle.loads(pickle.dumps(Item(3, 17)))) == "item 17"


def test_spacys_categories():
    grid, _ = read([["a", {"cats": {"POS": 1.0, "NEG": 0.0}}], ["b", {"cats": {"POS": 0, "NEG": 1}}]])
    assert (grid.names, grid.rows) == (["text", "label"], [["a", "POS"], ["b", "NEG"]])


def test_label_studio():
    span = {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}
    results = [
        {"from_name": "entities", "to_name": "text", "type": "labels", "value": span},
        {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["glad"]}},
        {"from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 4}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
    ]
    tasks = [
        {
            "id": 1,
            "data": {"text": "Ada runs"},
            "annotations": [{"result": results}, {"result": []}],
            "predictions": [],
        },
        {"id": 2, "data": {"text": "rain"}, "annotations": [{"was_cancelled": True}, {"result": []}]},
        {"id": 3, "data": {"text": "snow"}, "annotations": []},
    ]
    grid, (finding,) = read(tasks)
    assert grid.names == ["text", "mood", "stars", "entities"]
    assert grid.rows == [
        ["Ada runs", "glad", "4", '[{"start":0,"end":3,"label":"PER","text":"Ada"}]'],
        ["rain", "", "", "[]"],
        ["snow", "", "", ""],
    ]
    assert (finding.code, finding.line) == ("several-annotations", 1)


def test_prodigy():
    spans = [{"start": 0, "end": 3, "label": "PER", "token_start": 0, "token_end": 0}]
    own = {"_input_hash": 1, "_task_hash": 2, "_timestamp": 3, "tokens": [{"text": "Ada"}], "meta": {"source": "x"}}
    records = [
        {"text": "Ada runs", "spans": spans, **own, "answer": "accept"},
        {"text": "rain", **own, "answer": "accept"},
        {"text": "no", **own, "answer": "reject"},
        {"text": "maybe", **own, "answer": "ignore"},
    ]
    grid, findings = read("\n".join(map(json.dumps, records)))
    assert grid.names == ["text", "spans"]
    assert grid.rows == [["Ada runs", json.dumps(spans, separators=(",", ":"))], ["rain", "[]"]]
    assert grid.lines == [1, 2]
    assert [(f.code, f.line) for f in findings] == [("not-accepted", 3), ("not-accepted", 4)]


def test_doccano_and_hugging_face():
    lines = '{"id": 1, "text": "Ada", "label": [[0, 3, "PER"]]}\n{"id": 2, "text": "rain", "label": []}'
    assert read(lines)[0].rows == [["1", "Ada", '[[0,3,"PER"]]'], ["2", "rain", "[]"]]
    lines = '{"tokens": ["Ada", "runs"], "ner_tags": [1, 0]}\n{"tokens": ["rain"], "ner_tags": [0]}'
    assert read(lines)[0].rows == [['["Ada","runs"]', "[1,0]"], ['["rain"]', "[0]"]]


# --- faults ---


@pytest.mark.parametrize(
    "text",
    [
        "text,label\na,x\n",
        "[Ada](PER) joined [Acme](ORG)\n",
        "[1] A footnote\n[2] Another\n",
        '["a", "b"]\t["O", "O"]\n["c"]\t["O"]\n',
        "['a', 'b']\t['O', 'O']\n",
        "(laughs) It's fine\n",
        "{Ada} runs\n",
        "",
    ],
)
def test_text_is_not_json(text):
    assert read(text) == (None, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[{"text": "a"},\n {"text": "b"}\n {"text": "c"}]',
            r"Line 3, column 2: a comma or a closing bracket is missing",
        ),
        ('[{"text": "a"},\n {"text": "b', r"Line 2, column 11: the string that begins here does not end"),
        ('[{"text": "a"},\n {"text": "b"', r"Line 2, column 14: the file ends in the middle .* cut off"),
        ('{"data": [1,\n 2] "b": 3}', r"Line 2, column 5: a comma or a closing bracket is missing"),
        ("[('a', {'b': 1}),\n ('c' {})]", r"Line 2: a comma or a closing bracket is missing"),
        ('[{"a": ' + "[" * 100_000, "nested too deep"),
        ('{"a": ' * 100_000, "nested too deep"),
        ("[]", "an empty list"),
        ("{}", "nothing in these records"),
        ("[" + "{}," * 100 + "{}]", "nothing in these records"),
        ('{"text": ["a", "b"], "label": ["x"]}', "differ in length: text 2, label 1"),
        ('{"train_on": []}', "This is a recipe"),
        (json.dumps([{f"key {i}": 1} for i in range(5001)]), "5,001 different keys; a table may have 5,000"),
        (json.dumps([*({"a": 1} for i in range(5000)), {f"key {i}": 1 for i in range(4999)}]), "most of it blank"),
    ],
    ids=range(14),
)
def test_a_fault_is_said_with_its_place(text, said):
    with pytest.raises(UserError, match=said):
        read(text)


@pytest.mark.parametrize("line", ["first", "last"])
def test_a_faulty_line_of_json_lines_is_left_out_and_said(line):
    lines = [json.dumps({"text": text}) for text in ("a", "b", "c")]
    number = {"first": 0, "last": 2}[line]
    lines[number] = lines[number][:-3]
    grid, (finding,) = read("\n".join(lines))
    assert [row[0] for row in grid.rows] == [text for i, text in enumerate("abc") if i != number]
    assert (finding.code, finding.level, finding.line) == ("json-line", "error", number + 1)


def test_what_is_odd_is_said():
    grid, findings = read('[{"a": 1, "a": 2},\n{"a": "\\ud800\\u0000"},\n"a text", {"a": NaN}, {"a": 1e999}]')
    assert grid.rows == [["2"], ["\ufffd "], [""], ["1e999"]]
    said = [("json-kind", 3), ("json-same-key", 1), ("json-characters", 2)]
    assert [(f.code, f.line) for f in findings] == said
    assert read('[{"a": ' + "9" * 5000 + "}]")[0].rows == [["9" * 5000]]


# --- what programs write is read back ---

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
cells = texts | st.none() | st.booleans() | st.integers(-(10**20), 10**20)
records = st.lists(st.fixed_dictionaries({"text": texts, "label": cells}), min_size=1, max_size=5)


def written(value):
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


@given(records, st.sampled_from([None, 2]), st.booleans())
def test_what_json_writes_is_read_back(rows, indent, ascii_only):
    grid, findings = read(json.dumps(rows, indent=indent, ensure_ascii=ascii_only))
    assert grid.rows == [[written(row[name]) for name in grid.names] for row in rows]
    assert findings == ()


@given(records)
def test_what_python_writes_is_read_back(rows):
    grid, _ = read("DATA = " + repr([(row["text"], {"label": row["label"]}) for row in rows]))
    assert grid.rows == [[row["text"], written(row["label"])] for row in rows]


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table", "lines"])
@given(st.lists(st.tuples(texts, texts), min_size=2, max_size=5))
def test_what_pandas_writes_is_read_back(orient, rows):
    frame = pd.DataFrame(rows, columns=["text", "label"])
    buffer = io.StringIO()
    frame.to_json(buffer, **({"orient": "records", "lines": True} if orient == "lines" else {"orient": orient}))
    grid, _ = read(buffer.getvalue())
    kept = [grid.names.index(name) for name in ("text", "label")]
    assert [[row[i] for i in kept] for row in grid.rows] == [list(row) for row in rows]


@given(st.text(alphabet="{}[]()\"',:#\\ \n01ae=") | st.text())
def test_any_text_is_a_table_or_a_sentence(text):
    try:
        read(text)
    except UserError as error:
        assert str(error)
