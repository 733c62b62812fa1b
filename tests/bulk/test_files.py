"""Files of every format give the same rows, so many at a time, and what is wrong with one is said in a sentence."""

import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtl.bulk import files
from mtl.config import UserError

ROWS = [(f"{i:03}", f'Day {i}, "fine";\nand over', None if i == 4 else str(i % 3)) for i in range(25)]


@pytest.fixture
def folder(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["id", "text", "stars"])
    records = "".join(json.dumps(dict(zip(frame.columns, row, strict=True))) + "\n" for row in ROWS)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "c.csv.gz", index=False, sep=";")
    frame.to_csv(tmp_path / "d.csv", index=False, encoding="utf-16")
    (tmp_path / "e.jsonl").write_text(records, encoding="utf-8-sig")
    (tmp_path / "f.ndjson.gz").write_bytes(gzip.compress(records.encode()))
    frame.to_parquet(tmp_path / "g.parquet", index=False, row_group_size=7)
    return tmp_path


def test_every_format_gives_the_same_rows_so_many_at_a_time(folder):
    found = files.find(folder)
    assert len(found.files) == 7 and not found.others
    for file in found.files:
        tables = [*files.tables(file, 10)]
        assert [table.num_rows for table in tables] == [10, 10, 5], file
        read = [tuple(row.values()) for table in tables for row in table.to_pylist()]
        assert [row[:2] for row in read] == [row[:2] for row in ROWS], file
        assert [row[2] or None for row in read] == [row[2] for row in ROWS], file
        [only, *_] = files.tables(file, 10, ["text"])
        assert only.column_names == ["text"]


def test_a_file_may_name_no_columns(tmp_path):
    (tmp_path / "bare.csv").write_text("one text,1\nanother text,2\n")
    [table] = files.tables(tmp_path / "bare.csv", 10, header=False)
    assert table.to_pylist()[0] == {"column 1": "one text", "column 2": "1"}


def test_parquet_keeps_its_types_and_lists(tmp_path):
    table = pa.table({"text": ["one", "two"], "n": pa.array([1, None], pa.int16()), "tags": [["a"], []]})
    pq.write_table(table, tmp_path / "typed.parquet")
    [read] = files.tables(tmp_path / "typed.parquet", 10)
    assert read.schema.equals(table.schema) and read.equals(table)


def test_records_need_not_have_the_same_keys(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "n": 1}\n\n{"text": "b"}\n{"text": "c", "x": {"y": [1]}}\n')
    tables = [*files.tables(tmp_path / "in.jsonl", 2)]
    read = pa.concat_tables(tables, promote_options="default").to_pylist()
    assert read == [
        {"text": "a", "n": "1", "x": None},
        {"text": "b", "n": None, "x": None},
        {"text": "c", "n": None, "x": '{"y": [1]}'},
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.jsonl", b'{"text": "a"}\n{"text": \n', "line 2 is not JSON"),
        ("in.jsonl", b"[1]\n", "line 1 is not a JSON object"),
        ("in.csv", b"text,n\na,1\nb,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("in.csv", b"text,n\n" + b"plain,1\n" * 40_000 + b"caf\xe9,2\n", "utf-8"),
        ("in.parquet", b"PAR1 and no more", "cannot be read"),
        ("in.csv.gz", b"\x1f\x8b and no more", "cannot be read"),
        ("in.jsonl", b'{"other": "a"}\n', "has no column 'text'; it has"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as raised:
        for _ in files.tables(tmp_path / name, 1000, ["text"]):
            pass
    assert said in str(raised.value) and name in str(raised.value) and "\n" not in str(raised.value)


def test_only_data_is_found_and_the_rest_is_named(tmp_path):
    for name in ("b.csv", "sub/a.parquet", "_SUCCESS", ".hidden.csv", "notes.md", "book.xlsx", "x.parquet.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = files.find(tmp_path)
    assert [found.name(file) for file in found.files] == ["b.csv", "sub/a.parquet"]
    assert [found.name(file) for file in found.others] == ["book.xlsx", "notes.md", "x.parquet.gz"]
    for nothing in (tmp_path / "notes.md", tmp_path / "nowhere"):
        with pytest.raises(UserError):
            files.find(nothing)
