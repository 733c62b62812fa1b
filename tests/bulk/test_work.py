"""A folder of files becomes a folder of parts: every row once, in order, whatever ended the work in between."""

import json

import numpy as np
import pandas as pd
import pytest

from mtl.__main__ import main
from mtl.bulk import files, work
from mtl.bulk.answering import Answering, Request
from mtl.bulk.parts import Parts
from mtl.data.table import read_table
from mtl.predictions import predict

TEXTS = [f"The soup of day {i} was {('cold', 'warm')[i % 2]}, and Maria liked it in Oslo" for i in range(50)]


@pytest.fixture
def data(tmp_path):
    """A folder with the texts in two files; one of them has none."""
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    frame = pd.DataFrame({"key": [f"{i:03}" for i in range(50)], "text": TEXTS, "stars": range(50)})
    frame.loc[7, "text"] = None
    frame[:30].to_csv(folder / "a.csv", index=False)
    frame[30:].to_parquet(folder / "more" / "b.parquet", index=False)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def run(capsys, *arguments, status=0):
    """The lines that a command printed on standard output and on standard error."""
    assert main([str(argument) for argument in arguments]) == status
    printed = capsys.readouterr()
    return printed.out, printed.err


def parts_of(out):
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.parquet"))


def test_every_row_is_answered_in_order_beside_where_it_comes_from(data, out, capsys, default_model, monkeypatch):
    monkeypatch.setattr("mtl.load", lambda name: default_model)
    said, warned = run(capsys, "predict", data, out, "--part-rows", "20")
    assert parts_of(out) == ["a.csv-000000.parquet", "a.csv-000001.parquet", "more/b.parquet-000000.parquet"]
    assert "50 rows in 3 parts" in said and "1 of them without a text" in said and "rows a second" in said
    assert "the texts are those in text; --text names another column" in warned
    frame = pd.concat([pd.read_parquet(out / name) for name in parts_of(out)])
    assert list(frame["file"]) == ["a.csv"] * 30 + ["more/b.parquet"] * 20
    assert list(frame["row"]) == [*range(1, 31), *range(1, 21)]
    assert list(frame["key"]) == [f"{i:03}" for i in range(50)] and [int(n) for n in frame["stars"]] == [*range(50)]
    whole = data.parent / "whole.csv"
    pd.DataFrame({"text": TEXTS}).to_csv(whole, index=False)
    expected = pd.DataFrame(predict(default_model, read_table(whole)))
    answers = [name for name in expected.columns if name not in ("line", "text")]
    assert list(frame.columns) == ["file", "row", "key", "text", "stars", *answers]
    assert frame.iloc[7][answers].isna().all()
    there = [i for i in range(50) if i != 7]
    assert list(frame.iloc[there]["predicted sentiment"]) == list(expected.iloc[there]["predicted sentiment"])
    assert json.loads(frame.iloc[0]["predicted entities"])[0]["text"] == "Maria"
    assert np.allclose(frame.iloc[there]["predicted intensity"], expected.iloc[there]["predicted intensity"], atol=1e-4)


def test_embeddings_keyed_by_id(data, out, capsys, tiny):
    import mtl

    run(capsys, "embed", data, out, "--model", tiny, "--id", "key", "--part-rows", "8", "--text", "text")
    frame = pd.concat([pd.read_parquet(out / name) for name in parts_of(out)]).set_index("key")
    assert list(frame.index) == [f"{i:03}" for i in range(50)] and frame.shape == (50, 32)
    assert frame.loc["007"].isna().all()
    expected = mtl.load(tiny).encode([TEXTS[i] for i in (0, 49)])
    assert np.abs(frame.loc[["000", "049"]].to_numpy() - expected).max() < 0.02
    assert pd.read_parquet(out).shape == (50, 33), "programs read the folder as one table"


def test_what_ended_in_the_middle_goes_on_without_a_row_lost_or_twice(data, out, tiny, capsys):
    options = ["embed", data, out, "--model", tiny, "--part-rows", "10"]
    run(capsys, *options)
    gone = [out / name for name in parts_of(out)[1::2]]
    before = {path: path.read_bytes() for path in gone}
    kept = {name: (out / name).stat().st_mtime_ns for name in parts_of(out) if out / name not in before}
    for path in gone:
        path.rename(path.with_name(f".{path.name}.part"))  # as a process leaves it that is killed while it writes
    said, _ = run(capsys, *options)
    assert "20 rows in 2 parts" in said and "3 parts more were there before" in said
    assert {path: path.read_bytes() for path in gone} == before
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
    said, _ = run(capsys, *options)
    assert said == f"All 5 parts were there before: {out}\n"
    frame = pd.DataFrame({"text": ["one more"]})
    frame.to_csv(data / "z.csv", index=False)
    said, _ = run(capsys, *options)
    assert "1 row in 1 part" in said, "a file that has come since is answered, too"


def test_parts_of_something_else_are_left_alone(data, out, tiny, capsys, tiny_backbones):
    options = ["embed", data, out, "--part-rows", "30"]
    run(capsys, *options, "--model", tiny)
    _, error = run(capsys, *options, "--model", tiny_backbones["roberta"], status=1)
    assert "was made with another model (" in error and "name a new folder, or delete that one" in error
    _, error = run(capsys, *options, "--model", tiny, "--raw", status=1)
    assert "was made with another raw (false, and now it is true)" in error
    (data / "a.csv").write_text("key,text,stars\n1,another text here,2\n")
    _, error = run(capsys, *options, "--model", tiny, status=1)
    assert "a.csv has changed since parts were made of it" in error
    other = out.with_name("other")
    other.mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(other / "own.parquet")
    _, error = run(capsys, "embed", data, other, "--model", tiny, status=1)
    assert "has files already that were not made here" in error


def test_a_second_process_waits_its_turn(data, out, tiny, capsys):
    parts = Parts(out, files.find(data))
    lock = parts.claim()
    _, error = run(capsys, "embed", data, out, "--model", tiny, status=1)
    assert "Another process writes to" in error
    lock.release()
    run(capsys, "embed", data, out, "--model", tiny)


def test_no_more_rows_are_in_memory_than_those_of_one_part(data, out, tiny):
    import mtl

    parts, written, ahead = Parts(out, files.find(data)), [], []
    answering = Answering(mtl.load(tiny), Request(embeddings=True))

    def watched(coming):
        for number, part in enumerate(coming):
            ahead.append(number - len(written))
            assert len(part.texts) <= 10
            yield part, answering.answer(part.texts)

    count = work.carry_out(parts, work.Rows(("text",), 10), watched, lambda rows, now: written.append(rows))
    assert ahead == [0] * 5 and written == [10] * 5
    assert (count.rows, count.parts, count.without_text, count.before) == (50, 5, 1, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tasks", "smell"], "no task 'smell'"),
        (["--text", "review"], "review"),
        (["--id", "name"], "has no column 'name'; it has name"),
        (["--text", "stars"], "The column 'stars' has no texts"),
        (["--role", "stars=regression"], "--role is for a table that is read whole"),
        (["--part-rows", "0"], "--part-rows must be at least 1"),
    ],
)
def test_mistakes_are_one_line(data, out, capsys, options, said):
    said = said.replace("it has name", "it has key, text and stars")
    _, error = run(capsys, "predict", data, out, *options, status=1)
    assert said in error.splitlines()[-1] and "Traceback" not in error


def test_a_mistake_leaves_nothing_that_is_in_the_way(data, out, tiny, capsys):
    run(capsys, "embed", data, out, "--model", tiny, "--id", "name", status=1)
    run(capsys, "embed", data, out, "--model", tiny, "--id", "key")


def test_out_is_a_file_or_a_folder_and_what_does_not_go_together_is_said(data, out, tiny, capsys, monkeypatch):
    file = data / "a.csv"
    for arguments, said in (
        ([data, out.with_suffix(".csv")], "is a folder, so OUT must be one too"),
        ([file, out.with_suffix(".csv"), "--id", "key"], "--id is for a folder as OUT"),
        ([data, data / "out"], "whose files are read as data"),
    ):
        _, error = run(capsys, "embed", *arguments, "--model", tiny, status=1)
        assert said in error
    monkeypatch.setattr("mtl.bulk.commands.MAX_BYTES", 1000)
    _, error = run(capsys, "embed", file, out.with_suffix(".csv"), "--model", tiny, status=1)
    assert "a.csv is larger than 1,000 bytes: name a folder as OUT." in error
    run(capsys, "embed", file, file.with_name("beside"), "--model", tiny)  # one file's folder may be where OUT is
