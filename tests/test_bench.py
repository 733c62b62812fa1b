"""The parts of the benchmark that decide what is compared with what. Nothing is timed here."""

import random
import re
import subprocess

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.data.dataset import Part
from mtl.encoder.backbone import DEFAULT
from mtl.training import jobs
from mtl.training.distillation import Teachers
from mtl.training.frozen_cache import Prefix
from mtl.training.losses import Anchor, batch_losses
from tests.bench import line, measure, startup, table, texts, trainer, training
from tests.bench.__main__ import BENCHES, ORDER, STEP


def test_the_texts_are_of_mixed_length_and_the_same_every_time():
    sentences = texts.mixed()
    lengths = sorted(len(sentence.split()) for sentence in sentences)
    assert len(sentences) == 512
    assert (lengths[0], lengths[-1]) == (3, 80)
    assert len(set(lengths)) > 60
    assert lengths != [len(sentence.split()) for sentence in sentences], "in random order"
    assert sentences == texts.mixed()
    assert len(set(sentences)) > 500, "a peer with a cache would gain by repetition"


def test_the_smaller_set_has_the_same_mix_of_lengths():
    sentences = texts.mixed()
    few = texts.every(sentences, STEP)
    assert len(few) * STEP == len(sentences)

    def mean(chosen: list[str]) -> float:
        return sum(len(sentence.split()) for sentence in chosen) / len(chosen)

    assert mean(few) == pytest.approx(mean(sentences), rel=0.02)


def test_contenders_take_turns_and_the_warm_up_does_not_count():
    calls = []
    times = measure.side_by_side({name: lambda name=name: calls.append(name) for name in "abc"}, rounds=4)
    assert "".join(calls) == "abc" + "bca" + "cab" + "abc" + "bca"
    assert {name: len(values) for name, values in times.items()} == {"a": 4, "b": 4, "c": 4}


def test_a_contender_that_prepares_measures_itself():
    times = measure.side_by_side({"a": lambda: 7.5, "b": lambda: None}, rounds=2)
    assert times["a"] == [7.5, 7.5]
    assert max(times["b"]) < 1


def test_every_bench_is_in_the_table():
    assert sorted(ORDER) == sorted(BENCHES)


def test_both_sides_of_the_training_rows_learn_the_same_from_the_same():
    """The peer's heads, labels and loss are ours: without dropout the first batch costs both the same."""
    from transformers import AutoTokenizer, DataCollatorForTokenClassification

    model, rows = _untrained()
    peer = trainer._MultiTask(model.backbone.source.folder, list(model.tasks.values()), 3).eval()
    with torch.no_grad():
        for name in model.tasks:
            head = model.head(name)
            for mine, theirs in zip(head.network.parameters(), peer.heads[name].parameters(), strict=True):
                theirs.copy_(mine[:, : theirs.shape[1]] if mine.ndim > 1 else mine)
                if mine.shape != theirs.shape:  # the peer does not know how words are written
                    mine[:, theirs.shape[1] :] = 0
        part = Part("rows", rows)
        prefix, anchor, teachers = Prefix(model, 0, half=False), Anchor(model.backbone, "mean"), Teachers(model, [], [])
        indices, chance = list(range(len(rows))), random.Random(0)
        losses = batch_losses(model, part, indices, prefix, anchor, chance, training.ALONE, teachers, trust=1.0)
        collate = DataCollatorForTokenClassification(AutoTokenizer.from_pretrained(model.backbone.source.folder))
        theirs = peer(**collate(trainer._examples(model, rows)))["loss"]
    assert float(theirs) == pytest.approx(sum(map(float, losses.values())), rel=1e-4)
    frozen = {name for name, p in peer.backbone.named_parameters() if not p.requires_grad}
    assert all(name.startswith(("embeddings", "encoder.layer.0.", "encoder.layer.1.")) for name in frozen)
    assert len(frozen) == 5 + 2 * 16


def _untrained():
    job = jobs.prepare(startup.WORKSHOP, training.ALONE, DEFAULT)
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(DEFAULT, dtype="float32"), job.model).eval()
    return model, list(job.dataset.parts[0].rows[:16])


def test_a_ratio_is_taken_within_each_round():
    assert measure.ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == 2.0


def test_the_table_replaces_only_what_stands_between_the_markers(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# Name\n\n<!-- bench -->\nold\n<!-- /bench -->\n\n## Next\n", encoding="utf-8")
    table.write("new\n", readme)
    table.write("new\n", readme)
    assert readme.read_text(encoding="utf-8") == "# Name\n\n<!-- bench -->\nnew\n<!-- /bench -->\n\n## Next\n"


def test_a_missed_target_stands_out_in_the_table():
    rows = [table.Row("a", "b", "1 s", "2 s", "2.0x", "at least 3x", passed) for passed in (True, False)]
    head, rule, met, missed = table.markdown(rows).splitlines()
    assert head.count("|") == rule.count("|") == met.count("|") == missed.count("|")
    assert "| met |" in met and "**missed**" in missed


@pytest.mark.parametrize(
    ("value", "text"), [(0.04612, "46.1 ms"), (0.7128, "0.713 s"), (92.43, "92.4 s"), (1234.5, "1234 s")]
)
def test_times_have_three_digits_and_a_unit(value, text):
    assert table.seconds(value) == text


def test_the_machine_is_named_with_a_day():
    line = table.machine("float32", 2)
    assert re.search(r"^\S.*, \d+ cores \(2 threads\), .*torch \d+\.\d+\.\d+, model in float32; \d{4}-\d\d-\d\d", line)


def test_the_line_is_measured_with_the_earlier_program_and_with_this_one(monkeypatch):
    asked = []

    def measured(program, scenario):
        asked.append((scenario, program == line.ROOT))
        assert (program / "mtl" / "training" / "runs" / "service.py").is_file()
        slower = 1.0 if program == line.ROOT else 4.0
        told = [True] * 19 + [slower == 1.0]
        return {"took": 9 * slower, "longest": 6 * slower, "others_begin": 5 * slower, "told": told}

    monkeypatch.setattr(line, "_measured", measured)
    if subprocess.run(["git", "cat-file", "-e", line.BEFORE], cwd=line.ROOT, capture_output=True).returncode:
        pytest.skip("needs the repository's history")
    rows, _ = line.rows()
    assert sorted(asked) == sorted((name, now) for name in line.SCENARIOS for now in (False, True))
    assert all(row.passed for row in rows)
    assert [row.value for row in rows][:2] == ["0.25x the time", "0.25x the time"]
    assert (rows[-1].here, rows[-1].there) == ("100%", "95%")
