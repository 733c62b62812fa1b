"""Tables of every kind come out as the same rows, and no file brings the reader down."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.rows import place
from mtl.data.table import Row, read_table
from mtl.text.spans import Span, spans_to_tags, word_offsets, words_to_text
from tests.text.written import to_json_spans, to_markup


def read(tmp_path, data, name="data.csv", **options):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(path, **options)


def test_a_wide_table(tmp_path):
    table = read(
        tmp_path,
        "\ufefftext , sentiment,intensity , entities\r\n"
        'Ada met Bob., positive,0.5,"[{""start"": 0, ""end"": 3, ""label"": ""PER""}]"\r\n'
        '"Dull,\r\nand long", negative,-1,[]\r\n'
        "No labels here,,,\r\n"
        "Fine again, positive,0.25,\r\n",
    )
    assert table.rows == [
        Row("Ada met Bob.", {"sentiment": "positive", "intensity": 0.5, "entities": (Span(0, 3, "PER"),)}, 2),
        Row("Dull,\r\nand long", {"sentiment": "negative", "intensity": -1.0, "entities": ()}, 3),
        Row("No labels here", {}, 5),
        Row("Fine again", {"sentiment": "positive", "intensity": 0.25}, 6),
    ]
    assert (table.text_column, table.encoding, table.format) == ("text", "utf-8", "table, comma between cells")
    tasks = table.tasks()
    assert {name: column.kind for name, column in tasks.items()} == {
        "sentiment": "classification",
        "intensity": "regression",
        "entities": "tagging",
    }
    assert tasks["sentiment"].counts == {"negative": 1, "positive": 2}
    assert tasks["entities"].labels == ("PER",)
    assert table.errors == ()


def test_labels_are_sorted_as_numbers_or_names(tmp_path):
    table = read(tmp_path, "text,a,b\n" + "".join(f"some words {i},{i % 11},{'zYx'[i % 3]}\n" for i in range(33)))
    assert table.tasks()["a"].labels == tuple(map(str, range(11)))
    assert table.tasks()["b"].labels == ("x", "Y", "z")


@pytest.mark.parametrize(
    "cell",
    [
        '"[{""start"":0,""end"":12,""label"":""PER""},{""start"":20,""end"":25,""label"":""LOC""}]"',
        "[Ada Lovelace](PER) was in [Paris](LOC)",
        "B-PER I-PER O O B-LOC",
    ],
)
def test_the_three_ways_to_write_entities(tmp_path, cell):
    table = read(tmp_path, f"text,entities\nAda Lovelace was in Paris,{cell}\n")
    assert table.rows[0].labels == {"entities": (Span(0, 12, "PER"), Span(20, 25, "LOC"))}
    assert table.findings == ()


def test_marks_in_the_text_itself(tmp_path):
    table = read(tmp_path, "text,label\n[Ada](PER) ran,a\nnobody came,b\n")
    assert table.rows == [
        Row("Ada ran", {"entities": (Span(0, 3, "PER"),), "label": "a"}, 2),
        Row("nobody came", {"entities": (), "label": "b"}, 3),
    ]
    assert list(table.tasks()) == ["label", "entities"]
    ignored = read(tmp_path, "text,label\n[Ada](PER) ran,a\nnobody came,b\n", roles={"entities": "ignored"})
    assert ignored.rows[0] == Row("Ada ran", {"label": "a"}, 2)


def test_iob1_cells_are_legal_where_they_are_the_rule(tmp_path):
    table = read(tmp_path, "text\ttags\nAda ran off\tI-PER O O\nin Rome today\tO I-LOC O\n", "a.tsv")
    assert table.rows[1].labels["tags"] == (Span(3, 7, "LOC"),)
    assert table.findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "I loved every minute\tpos\nwhat a waste of time\tneg\ngood\tpos\nbad, bad\tneg\n",
        "pos\tI loved every minute\nneg\twhat a waste of time\npos\tgood\nneg\tbad, bad\n",
        "pos|I loved every minute\nneg|what a waste of time\npos|good\nneg|bad, bad\n",
    ],
)
def test_without_a_header(tmp_path, text):
    table = read(tmp_path, text, "data.txt")
    assert [(r.text, r.labels, r.line) for r in table.rows] == [
        ("I loved every minute", {"label": "pos"}, 1),
        ("what a waste of time", {"label": "neg"}, 2),
        ("good", {"label": "pos"}, 3),
        ("bad, bad", {"label": "neg"}, 4),
    ]
    assert [f.code for f in table.findings] == ["no-header"]
    assert read(tmp_path, text, "data.txt", text="text", roles={"label": "ignored"}).tasks() == {}


def test_a_label_and_a_space(tmp_path):
    table = read(tmp_path, "0 bad film\n1 good film\n1 very good, really\n0 no\n", "data.txt")
    assert table.rows[2] == Row("very good, really", {"label": "1"}, 3)


def test_one_text_per_line(tmp_path):
    table = read(tmp_path, "Hello, world.\n\nOnce more.\n", "data.txt")
    assert [(r.text, r.line) for r in table.rows] == [("Hello, world.", 1), ("Once more.", 3)]
    assert [(f.code, f.line) for f in table.findings] == [("no-task", None), ("blank-line", 2)]
    assert table.format == "one text per line"


def test_the_names_of_files_settle_what_is_unclear(tmp_path):
    text = "Hello, there\nYes, indeed\n"
    assert [r.text for r in read(tmp_path, text, "data.txt").rows] == ["Hello, there", "Yes, indeed"]
    assert len(read(tmp_path, text, "data.csv").columns) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    lines = [["text", "label"], ['"Café", said Zoë; a|b', "né"], ["Plain\nwords", "no"], ["Rien, vraiment", "né"]]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(lines)
    table = read(tmp_path, out.getvalue().encode(encoding))
    assert [(r.text, r.labels["label"], r.line) for r in table.rows] == [
        (lines[1][0], "né", 2),
        ("Plain\nwords", "no", 3),
        ("Rien, vraiment", "né", 5),
    ]


WORDS = st.lists(st.text('aB"[](),;é', min_size=1, max_size=5), min_size=3, max_size=8)


@st.composite
def tagged_texts(draw):
    """Some texts of three words or more with spans over whole words."""
    result = []
    for words in draw(st.lists(WORDS, min_size=3, max_size=6)):
        text, offsets = words_to_text(words)
        cuts = sorted(draw(st.sets(st.integers(0, len(words)), min_size=2, max_size=4)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        spans = tuple(Span(offsets[a][0], offsets[b - 1][1], draw(st.sampled_from("XY"))) for a, b in pairs)
        result.append((text, spans))
    return result


def _csv(rows, write):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("text", "entities"), *((text, write(text, spans)) for text, spans in rows)])
    return out.getvalue()


def _tags(text, spans):
    return spans_to_tags(spans, word_offsets(text))


def _conll(rows):
    lines = []
    for text, spans in rows:
        lines += [f"{word}\t{tag}" for word, tag in zip(text.split(), _tags(text, spans), strict=True)] + [""]
    return "\n".join(lines)


FORMATS = {
    "json": lambda rows: _csv(rows, lambda text, spans: to_json_spans(spans)),
    "markup": lambda rows: _csv(rows, to_markup),
    "bio": lambda rows: _csv(rows, lambda text, spans: " ".join(_tags(text, spans))),
    "conll": _conll,
}


@pytest.mark.parametrize("form", FORMATS)
@given(rows=tagged_texts())
def test_spans_survive_every_format(form, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        path.write_bytes(FORMATS[form](rows).encode())
        table = read_table(path)
    assert [(r.text, r.labels["entities"]) for r in table.rows] == rows


@given(tagged_texts(), st.data())
def test_each_cell_may_be_written_in_another_form(rows, data):
    forms = [lambda text, spans: to_json_spans(spans), to_markup, lambda text, spans: " ".join(_tags(text, spans))]
    # A cell with neither spans nor marks would be nothing but a text.
    writers = [data.draw(st.sampled_from(forms if spans else [forms[0], forms[2]])) for _, spans in rows]
    cells = iter(writers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        path.write_bytes(_csv(rows, lambda text, spans: next(cells)(text, spans)).encode())
        table = read_table(path, text="text", roles={"entities": "tagging"})
    assert [(r.text, r.labels["entities"]) for r in table.rows] == rows


def test_a_column_of_all_three_forms_is_recognised(tmp_path):
    spans = '"[{""start"": 0, ""end"": 3, ""label"": ""PER""}]"'
    cells = (spans, "[Ada](PER) ran {} miles", "B-PER O O O")
    rows = "".join(f"Ada ran {i} miles,{cells[i % 3].replace('{}', str(i))}\n" for i in range(9))
    table = read(tmp_path, "text,entities\n" + rows + "Eve ran off,[Eve](PER) ran away\nBob ran off,B-PER O\n")
    assert [r.labels["entities"] for r in table.rows[:9]] == [(Span(0, 3, "PER"),)] * 9
    assert [(f.line, f.problem) for f in table.errors] == [
        (11, 'Without its marks this cell is not the text of its row: "Eve ran away".'),
        (12, "2 tags for 3 words; each word needs one tag."),
    ]


# The parts that files of every kind are made of.
PIECES = (
    [
        "text,label",
        "sentence\tlabel",
        "Sentence #,Word,POS,Tag",
        "sep=;",
        "-DOCSTART-",
        "__label__a ",
        "some words here",
    ]
    + ["word O", "B-PER", "O", "pos", "0.5", "1e999", "nan", "é", "\U0001f600", "[", "]", "[Ada](PER)"]
    + ['[{"start":0,"end":3,"label":"A"}]', ",", ";", "\t", "|", '"', '""', '\\"', "\n", "\r\n", "\r", "\n\n"]
    + ["\u2028", "\x85", "\0", "\ufeff"]
)
CONTENTS = st.lists(st.sampled_from(PIECES).map(str.encode) | st.binary(max_size=6), max_size=40).map(b"".join)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(CONTENTS, st.sampled_from(["a.csv", "a.tsv", "a.txt"]))
@example(b"text,label\n" + b"a" * 200_000 + b",x\n", "a.csv")
@example(b"text,entities\nab c,[[0,1,'\xff\xfe", "a.csv")
@example(b"\x1f\x8b", "a.csv")
def test_no_bytes_bring_it_down(data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            table = read_table(path)
        except UserError as error:
            assert str(error)
            return
    last_line = 1 + data.count(b"\n") + data.count(b"\r")
    assert [r.line for r in table.rows] == sorted({r.line for r in table.rows})
    for row in table.rows:
        assert row.text.strip()
        assert 1 <= row.line <= last_line
        assert row.labels.keys() <= table.tasks().keys()
    for finding in table.findings:
        assert finding.problem and finding.action and "{" not in finding.action
        assert finding.line is None or 1 <= finding.line <= last_line


def test_no_text_column_is_an_error_and_no_crash(tmp_path):
    table = read(tmp_path, "id,price\n1,2.5\n2,3.5\n")
    assert (table.rows, table.text_column) == ([], None)
    (error,) = table.errors
    assert (error.code, error.hint) == (
        "no-text-column",
        "Call the column that holds the sentences text, or choose it as the text. The columns are: id, price.",
    )


def test_a_header_alone_has_no_rows(tmp_path):
    table = read(tmp_path, "text,label\n")
    assert (table.rows, table.text_column) == ([], "text")
    assert [f.code for f in table.errors] == ["no-rows"]


def test_too_many_columns_are_refused(tmp_path):
    with pytest.raises(UserError, match="has 6,001 cells; a table may have 5,000 columns"):
        read(tmp_path, "a" + ",a" * 6000 + "\n")


BIG = """
import random, resource, sys
from mtl.data.table import read_table
words = [f"word{i}" for i in range(2000)]
pick = random.Random(0)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write("id,text,label,score,entities\\n")
    for i in range(200_000):
        text = " ".join(pick.choices(words, k=20))
        spans = f'"[{{""start"": 0, ""end"": {text.index(" ")}, ""label"": ""PER""}}]"'
        text += ', ""so"" he\\nsaid \U0001f600'
        file.write(f'{i},"{text}",{pick.choice(["pos", "neg"])},{pick.random():.3f},{spans}\\n')
before = resource.getrusage(resource.RUSAGE_SELF)
table = read_table(sys.argv[1])
after = resource.getrusage(resource.RUSAGE_SELF)
assert len(table.rows) == 200_000 and len(table.tasks()) == 3 and not table.findings, table.findings
try:  # on Linux ru_maxrss begins with the size of the process that started this one
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    peak = after.ru_maxrss
print(after.ru_utime - before.ru_utime, peak)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is not there")
def test_two_hundred_thousand_rows(tmp_path):
    """They take some 5 seconds of one core; the limit is for reading that takes longer the longer the file is."""
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(tmp_path / "big.csv")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    seconds, memory = map(float, done.stdout.split())
    kilobytes = memory / 1024 if sys.platform == "darwin" else memory
    assert seconds < 30
    assert kilobytes < 1_000_000


def test_what_is_odd_in_json_on_one_line_is_said_by_item(tmp_path):
    rows = [{"text": f"some words {i}", "label": "ab"[i % 2]} for i in range(20)]
    rows[16]["text"] = ""
    (finding,) = read(tmp_path, json.dumps(rows), "data.json").errors
    assert (finding.line, place(finding.line)) == (1, "item 17")
    for row in rows[:8]:
        row["text"] = " "
    assert (
        "places: items 2, 3, 4, 5, 6, 7, 8 and 1 more" in read(tmp_path, json.dumps(rows), "a.json").errors[0].problem
    )


def test_lists_of_words_on_one_line_are_rows_of_their_own(tmp_path):
    rows = [{"tokens": ["Ada", "met", name], "tags": ["B-PER", "O", "B-PER"]} for name in ("Bob", "Cleo", "Dan")]
    table = read(tmp_path, json.dumps(rows), "data.json")
    assert [row.text for row in table.rows] == ["Ada met Bob", "Ada met Cleo", "Ada met Dan"]


def test_spans_that_say_another_text_are_left_out(tmp_path):
    rows = [
        {"text": f"Ada met Bob {i} times", "spans": [{"start": 0, "end": 3, "label": "PER", "text": "Ada"}]}
        for i in range(9)
    ]
    rows[4]["spans"][0]["text"] = "Bob"
    table = read(tmp_path, "\n".join(map(json.dumps, rows)), "data.jsonl")
    assert [row.line for row in table.rows if "spans" not in row.labels] == [5]
    (finding,) = table.errors
    assert (finding.line, finding.code) == (5, "span-text")
    assert finding.problem == 'The span 0 to 3 (PER) says "Bob", but the text has "Ada" there.'


def test_spans_that_count_otherwise_are_read_as_meant_and_it_is_said(tmp_path):
    rows = [
        {"text": f"\U0001f600 Ada met Bob {i} times", "spans": [{"start": 3, "end": 6, "label": "PER", "word": "ada"}]}
        for i in range(9)
    ]
    table = read(tmp_path, "\n".join(map(json.dumps, rows)), "data.jsonl")
    assert all(row.labels["spans"] == (Span(2, 5, "PER"),) for row in table.rows)
    (finding,) = table.findings
    assert (finding.level, finding.line, finding.code) == ("warning", 1, "span-counting")
    assert "UTF-16 units" in finding.problem and '3 to 6 (PER) is "Ada"' in finding.action


@pytest.mark.parametrize("inclusive", [False, True])
def test_spans_that_count_the_words_of_lists(tmp_path, inclusive):
    """As of SpERT and GLiNER."""
    rows = [
        {"tokens": ["Ada", "Lovelace", "met", name, "."], "ner": [[0, 2 - inclusive, "PER"], [3, 4 - inclusive, "PER"]]}
        for name in ("Bob", "Cleo", "Dan", "Eve")
    ]
    table = read(tmp_path, json.dumps(rows), "data.json")
    assert [row.text for row in table.rows] == [f"Ada Lovelace met {name} ." for name in ("Bob", "Cleo", "Dan", "Eve")]
    assert table.rows[1].labels == {"ner": (Span(0, 12, "PER"), Span(17, 21, "PER"))}
    assert [f.code for f in table.findings] == ["span-counting"]
    # Of two spans it is not clear.
    assert len(read(tmp_path, json.dumps(rows[:1]), "few.json").rows) == inclusive
