"""The command line, as a person runs it: what it prints, what it exits with, and that it is quiet."""

import csv
import importlib.util
import io
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtl.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
# Prints the packages of others that were imported since `known`.
FOREIGN = "print(sorted({name.split('.')[0] for name in sys.modules} - known - {*sys.stdlib_module_names, 'mtl'}))"


@pytest.fixture
def reviews(tmp_path):
    rows = [f"this was a {'good' if i % 2 else 'bad'} day number {i},{'happy' if i % 2 else 'sad'}" for i in range(30)]
    (tmp_path / "reviews.csv").write_text("text,mood\n" + "\n".join(rows) + "\n")
    return tmp_path / "reviews.csv"


@pytest.fixture
def trained(reviews, tiny, tmp_path, capsys):
    assert main(["train", str(reviews), "--out", str(tmp_path / "run"), "--model", str(tiny), "--epochs", "2"]) == 0
    return tmp_path / "run" / "checkpoint", capsys.readouterr()


def test_train_prints_scores_and_where_the_checkpoint_is(trained):
    checkpoint, printed = trained
    assert "epoch 2" in printed.out and "mood macro_f1" in printed.out
    assert f"Checkpoint: {checkpoint}" in printed.out
    assert printed.err == ""


def test_analyze_says_which_texts_it_cannot_know(capsys):
    assert main(["analyze", "A good day", "😡", "--tasks", "sentiment"]) == 0
    assert capsys.readouterr().err == "mtl: text 2 has no word that the model knows; its answers mean nothing.\n"


def test_a_trained_model_analyzes_evaluates_and_exports(trained, reviews, tmp_path, capsys):
    checkpoint, _ = trained
    assert main(["analyze", "what a good day", "--model", str(checkpoint)]) == 0
    assert "mood" in capsys.readouterr().out
    assert main(["evaluate", str(reviews), "--model", str(checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mood"]["rows"] == 30
    assert main(["evaluate", str(reviews), "--model", str(checkpoint)]) == 0
    assert "macro_f1" in capsys.readouterr().out
    assert main(["export", str(checkpoint), str(tmp_path / "whole")]) == 0
    assert (tmp_path / "whole" / "model.safetensors").is_file()


def test_without_a_head_there_is_the_embedding_or_a_hint(tiny, capsys):
    arguments = ["analyze", "what a good day", "--tasks", "", "--model", str(tiny)]
    assert main(arguments) == 1
    assert "With --json" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)[0]["embedding"]) > 1


def test_train_events_as_json_lines(reviews, tiny, tmp_path, capsys):
    assert (
        main(["train", str(reviews), "--out", str(tmp_path / "r"), "--model", str(tiny), "--epochs", "1", "--json"])
        == 0
    )
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("start", "end")


def test_a_finished_run_is_not_trained_again_by_mistake(trained, reviews, tiny, capsys):
    checkpoint, _ = trained
    told = (checkpoint.parent / "events.jsonl").read_bytes()
    again = ["train", str(reviews), "--out", str(checkpoint.parent), "--model", str(tiny), "--resume"]
    assert main([*again, "--epochs", "5"]) == 1
    assert "is finished, and its model is in" in capsys.readouterr().err
    assert (checkpoint.parent / "events.jsonl").read_bytes() == told
    elsewhere = checkpoint.parent.parent / "new"
    again[3] = str(elsewhere)
    assert main([*again, "--epochs", "1"]) == 0
    assert f"there is no run in {elsewhere} to resume: training starts over" in capsys.readouterr().err


def test_a_reader_that_goes_away_does_not_end_the_run(reviews, tiny, tmp_path):
    command = [sys.executable, "-m", "mtl", "train", str(reviews), "--out", str(tmp_path / "r"), "--model", str(tiny)]
    process = subprocess.Popen(
        [*command, "--epochs", "2", "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert '"event": "start"' in process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)
    assert '"event": "end"' in (tmp_path / "r" / "events.jsonl").read_text().splitlines()[-1]
    assert (tmp_path / "r" / "checkpoint" / "config.json").is_file()


@pytest.mark.parametrize("command", ["train", "embed", "export"])
def test_an_output_that_cannot_be_is_said_in_one_line(command, reviews, tiny, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "x.npy"
    data = str(tiny) if command == "export" else str(reviews)
    options = {"train": ["--out", str(out), "--model", str(tiny), "--epochs", "1"], "export": [str(out)]}
    assert main([command, data, *options.get(command, [str(out), "--model", str(tiny)])]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mtl: ") and error.count("\n") == 1 and str(tmp_path / "file") in error


def test_what_columns_and_labels_are_can_be_said(tmp_path, tiny, capsys):
    rows = [f"{i},remark {i},this was day number {i} of many,{'hot' if i % 2 else 'a=b'}" for i in range(20)]
    (tmp_path / "days.csv").write_text("nr,note,day,state\n" + "\n".join(rows) + "\n")
    arguments = [
        "train",
        str(tmp_path / "days.csv"),
        "--out",
        str(tmp_path / "r"),
        "--model",
        str(tiny),
        "--epochs",
        "1",
    ]
    said = ["--text", "note", "--role", "day=ignored", "--role", "nr=regression", "--label", "state:a=b="]
    assert main([*arguments, "--json", *said]) == 0
    start = json.loads(capsys.readouterr().out.splitlines()[0])
    assert start["tasks"] == ["nr"]
    for wrong in (["--role", "day"], ["--label", "state=x"], ["--label", "state:x"], ["--text", "nowhere"]):
        assert main([*arguments, *wrong]) == 1
        assert "mtl: " in capsys.readouterr().err


def test_integer_tags_are_named_on_the_command_line(tmp_path, tiny, capsys):
    rows = ["\"['Ada', 'met', 'Eve']\",\"[1, 0, 1]\"", "\"['Bob', 'ran', 'off']\",\"[1, 0, 0]\""] * 10
    data = tmp_path / "words.csv"
    data.write_text("tokens,ner_tags\n" + "\n".join(rows) + "\n")
    named = [str(data), "--model", str(tiny), "--json", "--names", "ner_tags=O, B-PER"]
    assert main(["doctor", *named]) == 0
    columns = {column["name"]: column for column in json.loads(capsys.readouterr().out)["columns"]}
    assert columns["ner_tags"]["counts"] == {"PER": 30}
    assert main(["train", *named, "--out", str(tmp_path / "r"), "--epochs", "1"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["tasks"] == ["ner_tags"]
    assert main(["doctor", str(data), "--model", str(tiny), "--names", "ner_tags"]) == 1
    assert "should be a column, = and names" in capsys.readouterr().err


def test_options_override_the_config_file(reviews, tiny, tmp_path, capsys):
    (tmp_path / "run.json").write_text(json.dumps({"epochs": 9, "freeze": 1, "rates": {"layer 1": 1e-5}}))
    arguments = ["train", str(reviews), "--out", str(tmp_path / "r"), "--model", str(tiny)]
    assert main([*arguments, "--config", str(tmp_path / "run.json"), "--epochs", "1", "--rate", "layer 3=2e-5"]) == 0
    train = json.loads((tmp_path / "r" / "config.json").read_text())["train"]
    assert (train["epochs"], train["freeze"], train["rates"]) == (1, 1, {"layer 3": 2e-5})
    # The config.json of a run is a config file too.
    assert main([*arguments[:-2], "--config", str(tmp_path / "r" / "config.json"), "--model", str(tiny)]) == 0


def test_gradual_unfreezing_from_the_command_line(reviews, tiny, tmp_path, capsys):
    arguments = ["train", str(reviews), "--out", str(tmp_path / "r"), "--model", str(tiny), "--epochs", "2"]
    assert main([*arguments, "--freeze", "4", "--unfreeze", "2:3"]) == 0
    assert "epoch 2: the lowest 3 layer groups are frozen from here on" in capsys.readouterr().out
    assert main([*arguments, "--unfreeze", "2"]) == 1
    assert "such as 3:5" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet"])
def test_embed_writes_one_row_per_text(reviews, tiny, tmp_path, capsys, suffix):
    import pandas as pd

    out = tmp_path / f"out{suffix}"
    assert main(["embed", str(reviews), str(out), "--model", str(tiny)]) == 0
    if suffix == ".npy":
        assert np.load(out).shape == (30, 32)
    else:
        frame = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
        assert frame.shape == (30, 33)
        assert frame["text"][0] == "this was a bad day number 0"


def test_embed_gives_vectors_as_they_are_on_request(reviews, tiny, tmp_path):
    norms = []
    for name, options in (("unit", []), ("raw", ["--raw"])):
        assert main(["embed", str(reviews), str(tmp_path / f"{name}.npy"), "--model", str(tiny), *options]) == 0
        norms.append(np.linalg.norm(np.load(tmp_path / f"{name}.npy"), axis=1))
    assert np.allclose(norms[0], 1, atol=1e-5) and np.abs(norms[1] - 1).min() > 0.1


def test_embed_keeps_ids_and_says_what_it_left_out(tiny, tmp_path, capsys):
    import pandas as pd

    rows = "".join(f"k{i},the soup was warm on day {i},{i % 2}\n" for i in range(4))
    (tmp_path / "in.csv").write_text("id,text,label\n" + rows + "k9,,1\n")
    assert main(["embed", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--model", str(tiny)]) == 0
    frame = pd.read_csv(tmp_path / "out.csv")
    assert list(frame["id"]) == ["k0", "k1", "k2", "k3"] and frame["text"][3] == "the soup was warm on day 3"
    assert "line 6 [text]: The text is empty. The row is skipped." in capsys.readouterr().err


def test_predict_writes_the_answers_to_a_table(trained, reviews, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    model = str(trained[0])
    assert main(["predict", str(reviews), str(out), "--model", model]) == 0
    lines = out.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("line,") and "predicted" in lines[0]
    said = capsys.readouterr()
    assert str(out) in said.out and "formula" not in said.err and "no text" not in said.out
    reviews.write_text(reviews.read_text() + ",happy\n,sad\n")
    assert main(["predict", str(reviews), str(out), "--model", model]) == 0
    answered = "30 rows answered by mood; 2 more have no text, and so no answer, but are kept"
    assert answered in capsys.readouterr().out and len(out.read_text(encoding="utf-8").splitlines()) == 33
    rare = tmp_path / "rare.csv"
    rare.write_text("text,mood\n" + "the day was good,glad\n" * 11 + "the day was bad,sad\n")
    assert main(["predict", str(rare), str(out), "--model", model]) == 0
    assert capsys.readouterr().err == ""  # nothing is trained, so one rare label is no matter
    assert main(["predict", str(reviews), str(tmp_path / "answers.txt"), "--model", model]) == 1
    assert ".parquet" in capsys.readouterr().err


def test_what_a_head_was_not_learnt_from_is_said_wherever_it_answers(tiny, tmp_path, capsys):
    moods = ["sad", "sad", "happy"] * 12
    rows = [f"it was day {i},{mood},{'late' * (mood == 'sad')}" for i, mood in enumerate(moods)]
    table, run = tmp_path / "days.csv", tmp_path / "run"
    table.write_text("\n".join(["text,mood,reason", *rows[:-6], *(row.replace("late", "rude") for row in rows[-6:])]))
    said = (
        'reason was learnt from rows whose mood is "sad", hardly from others; its answers for other rows are guesses.'
    )
    assert main(["train", str(table), "--out", str(run), "--model", str(tiny), "--epochs", "1"]) == 0
    assert said in capsys.readouterr().out.splitlines()
    assert said in (run / "checkpoint" / "README.md").read_text(encoding="utf-8")
    answer = ["predict", str(table), str(tmp_path / "out.csv"), "--model", str(run / "checkpoint")]
    assert main(answer) == 0
    assert f"mtl: {said}" in capsys.readouterr().err.splitlines()
    assert main([*answer, "--tasks", "mood"]) == 0
    assert said not in capsys.readouterr().err


def test_doctor_shows_the_first_rows_as_they_are_read(tiny, tmp_path, capsys):
    rows = '"[Ada](PER) saw day 1, twice",good,"1,200"\n' + "".join(
        f"a day {i} so fine,bad,{i}\n" for i in range(900, 904)
    )
    (tmp_path / "in.csv").write_text("text,mood,price\n" + rows)
    main(["doctor", str(tmp_path / "in.csv"), "--json", "--model", str(tiny)])
    first, *_ = json.loads(capsys.readouterr().out)["sample"]
    spans = [{"start": 0, "end": 3, "label": "PER"}]
    labels = {"entities": spans, "mood": "good", "price": 1200.0}
    assert first == {"line": 2, "text": "Ada saw day 1, twice", "labels": labels}


def test_a_table_is_read_as_the_options_say(tiny, tmp_path, capsys):
    rows = "".join(f"the soup of day {i} was warm,a crowd came on day {i},{i % 2}\n" for i in range(8))
    (tmp_path / "in.csv").write_text("review,comment,label\n" + rows)
    arguments = ["doctor", str(tmp_path / "in.csv"), "--json", "--model", str(tiny)]
    main(arguments)
    asked = json.loads(capsys.readouterr().out)
    assert any("--text comment" in finding["hint"] for finding in asked["findings"])
    main([*arguments, "--text", "comment"])
    assert json.loads(capsys.readouterr().out)["sample"][0]["text"] == "a crowd came on day 0"
    main([*arguments, "--no-header"])
    assert json.loads(capsys.readouterr().out)["rows"] == 9


def test_embed_writes_no_cell_that_a_spreadsheet_runs_and_says_which_it_changed(tiny, tmp_path, capsys):
    texts = ["=cmd|' /C calc'!A0", "+1 for this one", "-2 or so", "@sum of it", "a plain one"]
    (tmp_path / "in.txt").write_text("\n".join(texts) + "\n")
    assert main(["embed", str(tmp_path / "in.txt"), str(tmp_path / "out.csv"), "--model", str(tiny)]) == 0
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        _, *rows = csv.reader(file)
    assert [row[0] for row in rows] == [*("'" + text for text in texts[:4]), texts[4]]
    assert "4 texts begin as a formula does" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_a_full_disk_is_one_line_whatever_is_written(tiny, tmp_path, capsys, suffix):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    (tmp_path / f"out{suffix}").symlink_to("/dev/full")
    assert main(["embed", str(tmp_path / "in.txt"), str(tmp_path / f"out{suffix}"), "--model", str(tiny)]) == 1
    assert capsys.readouterr().err == "mtl: the disk is full: free some space, then run the command again.\n"


def test_a_full_disk_that_a_library_tells_in_its_own_way_is_one_line_too(tiny, tmp_path, monkeypatch, capsys):
    from safetensors import SafetensorError

    def fail(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("mtl.export.export", fail)
    assert main(["export", str(tiny), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "mtl: the disk is full: free some space, then run the command again.\n"


def test_embed_reads_plain_text_files(tiny, tmp_path, capsys):
    (tmp_path / "in.txt").write_text("one\n\n  two \n")
    assert main(["embed", str(tmp_path / "in.txt"), str(tmp_path / "out.npy"), "--model", str(tiny)]) == 0
    assert np.load(tmp_path / "out.npy").shape == (2, 32)


def test_doctor_names_lines_and_fails_on_errors(tmp_path, tiny, capsys):
    (tmp_path / "bad.csv").write_text("text,mood\nfine text here,good\n,bad\nanother text,bad\nthe last text,good\n")
    assert main(["doctor", str(tmp_path / "bad.csv"), "--model", str(tiny)]) == 1
    assert "line 3" in capsys.readouterr().out
    assert main(["doctor", str(tmp_path / "bad.csv"), "--json", "--model", str(tiny)]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["line"] == 3


def test_doctor_says_what_labels_mean_to_the_model_and_how_to_change_it(tmp_path, capsys):
    rows = "".join(f"this was day number {i},{('neg', 'pos')[i % 2]},{('red', 'blue')[i % 2]}\n" for i in range(8))
    (tmp_path / "moods.csv").write_text("text,feel,colour\n" + rows)
    call = ["doctor", str(tmp_path / "moods.csv")]
    assert main(call) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "teaches the model's task 'sentiment'" in lines and "neg -> negative (another name for it)" in lines
    assert "gets a new head, 'colour'" in lines and "with blue and red" in lines
    assert "to have a label read as another: --label feel:LABEL=OTHER" in lines
    assert main([*call, "--json"]) == 0
    teaches = {c["name"]: c.get("teaches") for c in json.loads(capsys.readouterr().out)["columns"]}
    assert teaches["text"] is None
    assert (teaches["feel"]["task"], teaches["feel"]["new_head"]) == ("sentiment", False)
    assert teaches["feel"]["labels"] == {"neg": "negative", "pos": "positive"}
    assert (teaches["colour"]["task"], teaches["colour"]["new_head"]) == ("colour", True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze", "text", "--model", "nobody/nothing"], "neither a folder"),
        (["analyze", "text", "--tasks", "smell", "--model", "all-MiniLM-L6-v2"], "no task 'smell'"),
        (["train", "no-such.csv"], "no-such.csv"),
        (["evaluate"], "Name a file"),
        (["embed", "x.csv", "out.xlsx"], ".csv, .parquet or .npy"),
        (["analyze", "hi", "--model", "./nowhere"], "There is no folder ./nowhere."),
        (["analyze", "hi", "--model", __file__], "is a file. Unpack it, and name the folder"),
        (["evaluate", "--default", "reviews.csv"], "Leave reviews.csv or --default out."),
        (["evaluate", "--default", "--data-dir", "nowhere"], "There is no folder nowhere. --data-dir names"),
        (["evaluate", "--default", "--data-dir", str(ROOT / "tests")], "tests has no sst2.dev.tsv.gz, "),
    ],
)
def test_mistakes_get_one_plain_line_and_status_1(arguments, words, capsys):
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err and printed.err.count("\n") == 1 and "Traceback" not in printed.err


def test_a_text_cannot_give_orders_to_the_terminal(tiny, capsys):
    assert main(["analyze", "\x1b[2Jgone \x9b31m\a\r", "--model", str(tiny)]) == 0
    assert capsys.readouterr().out.startswith(r"\x1b[2Jgone \x9b31m\x07\x0d" + "\n")


def test_the_process_is_quiet_and_prints_json_that_a_script_reads(tiny):
    run = subprocess.run(
        [sys.executable, "-m", "mtl", "analyze", "A text — with 日本.", "--json", "--model", str(tiny)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0 and run.stderr == ""
    [answer] = json.loads(run.stdout)
    assert answer["text"] == "A text — with 日本."
    assert len(answer["embedding"]) == 32


def test_sentences_may_come_from_standard_input(tiny):
    run = subprocess.run(
        [sys.executable, "-m", "mtl", "analyze", "--json", "--model", str(tiny)],
        cwd=ROOT,
        input="one\n\ntwo\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert [a["text"] for a in json.loads(run.stdout)] == ["one", "two"]


def test_analyze_of_a_file_names_the_commands_that_read_one(reviews, capsys):
    assert main(["analyze", str(reviews)]) == 1
    said = capsys.readouterr().err
    assert f"{reviews} is a file" in said and "analyze < FILE" in said and "train, evaluate and embed" in said


def test_runs_on_a_cluster_need_its_extra(monkeypatch, capsys):
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "ray" else real(name, *rest))
    assert main(["serve", "--ray"]) == 1
    assert capsys.readouterr().err == "mtl: --ray needs ray, of the extra ray: pip install 'mtl-playground[ray]'.\n"


def test_an_option_that_does_not_exist_is_a_mistake_in_usage(capsys):
    for arguments in ([], ["analyse"], ["analyze", "--taks", "x"], ["serve", "--port", "many"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("usage: mtl ")


def test_an_interrupted_command_says_so_and_ends_with_130(monkeypatch, capsys):
    class Keyboard(io.StringIO):
        def reconfigure(self, **settings):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sys, "stdin", Keyboard())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        assert main(["analyze"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "mtl: stopped.\n"


@pytest.mark.parametrize("code", ["import mtl", "from mtl.__main__ import main; main(['--help'])"])
def test_nothing_but_this_project_is_imported_before_it_is_needed(code):
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; known = {{*sys.modules}}\ntry:\n {code}\nfinally:\n {FOREIGN}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "[]")


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal that a test can read")
def test_progress_is_for_a_terminal_and_without_colour(reviews, tiny, tmp_path):
    import pty
    import termios

    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    command = [sys.executable, "-m", "mtl", "train", str(reviews), "--out", str(tmp_path / "r"), "--model", str(tiny)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=terminal, stderr=terminal, env={**os.environ, "NO_COLOR": "1"})
    os.close(terminal)
    shown = b""
    while select.select([ours], [], [], 300)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # its end has been closed
            break
    os.close(ours)
    assert process.wait() == 0
    assert b"step" in shown and b"%|" in shown and b"Checkpoint: " in shown
    assert not re.search(rb"\x1b\[[0-9;]*m", shown)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_files(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "doctor" in script and "freeze-head" in script


def test_bash_completes_what_is_typed(tmp_path, capsys):
    if not (bash := shutil.which("bash")):
        pytest.skip("no bash here")
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "table.csv").touch()
    ask = (
        "source ./script; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_mtl; "
        'echo "${{COMPREPLY[@]}}"'
    )
    for words, expected in (
        ("mtl ev", "evaluate"),
        ("mtl train --freeze-p", "--freeze-projection"),
        ("mtl train tab", "table.csv"),
    ):
        command = [bash, "--norc", "-c", ask.format(words=words)]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout.split() == [expected]


def test_standard_input_that_is_no_text_is_refused(tiny):
    command = [sys.executable, "-m", "mtl", "analyze", "--model", str(tiny)]
    ended = subprocess.run(command, input=b"A caf\xe9 in town\n", capture_output=True, cwd=ROOT)
    assert ended.returncode == 1
    assert ended.stderr.decode().strip() == "mtl: Standard input is not in UTF-8: save it in that encoding."


def test_rows_of_ones_own_to_test_on(reviews, tiny, tmp_path, capsys):
    test, out = tmp_path / "test.csv", tmp_path / "run"
    test.write_text("text,mood\nit was a good day,happy\nit was a bad day,sad\n")
    options = ["--out", str(out), "--model", str(tiny), "--epochs", "1", "--validation"]
    assert main(["train", str(reviews), *options, str(test)]) == 0
    assert "30 rows, 1 steps" in capsys.readouterr().out
    assert "2 rows held out (test.csv)" in (out / "checkpoint" / "README.md").read_text(encoding="utf-8")
    assert main(["train", str(reviews), *options, str(tmp_path / "none.csv")]) == 1
    assert "There is no file" in capsys.readouterr().err
    assert main(["train", str(reviews), *options, "0.5"]) == 0
    assert "15 rows" in capsys.readouterr().out


def test_rows_that_a_table_says_to_train_are_not_scored(trained, tmp_path, capsys):
    path = tmp_path / "sides.csv"
    rows = [f"this was day number {i},{'happy' if i % 2 else 'sad'},{'test' if i < 6 else 'train'}" for i in range(20)]
    path.write_text("text,mood,split\n" + "\n".join(rows) + "\n")
    assert main(["evaluate", str(path), "--model", str(trained[0])]) == 0
    printed = capsys.readouterr()
    assert "mood (6 rows" in printed.out and "14 rows not scored" in printed.err
