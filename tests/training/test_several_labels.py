"""Several labels from a table to a checkpoint: trained, cut off, cached, scored, and read back."""

import json
import random

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.__main__ import main
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row
from mtl.kinds.multilabel import LabelSet
from mtl.training import jobs
from mtl.training.loop import fit
from mtl.training.metrics import evaluate

WORDS = {"joy": "glad", "fear": "afraid", "anger": "furious"}
SPEC = TaskSpec("moods", "multilabel", tuple(WORDS))
QUICK = TrainConfig(epochs=3, batch_size=16, lr=1e-3, head_lr=2e-2, anchor=0.0, precision="float32")


def _rows(count):
    chance = random.Random(0)
    for i in range(count):
        labels = tuple(label for label in WORDS if chance.random() < 0.35)
        said = " and ".join(WORDS[label] for label in labels) or "at home"
        yield Row(
            f"Visitor {i} was {said}.", {"moods": LabelSet(labels, () if i % 7 or "joy" in labels else ("joy",))}, i
        )


ROWS = list(_rows(160))
DATASET = Dataset((Part("rows", ROWS[:110]),), {"validation": ROWS[110:]})


def _train(folder, state=None, **changes):
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(tasks=(SPEC,)))
    config = TrainConfig(**{**QUICK.to_json(), **changes})
    return model, fit(model, DATASET, config, state=state)


def _losses(events):
    return [event["loss"]["moods"] for event in events if event["event"] == "step"]


def test_it_learns_and_its_thresholds_are_kept_with_it(tiny, tmp_path):
    model, events = _train(tiny, epochs=8)
    events = list(events)
    first, *_, last = (event for event in events if event["event"] == "epoch")
    assert last["validation"]["moods"]["macro_f1"] > 0.9
    assert last["train"]["moods"]["loss"] < first["train"]["moods"]["loss"]
    thresholds = model.head("moods").thresholds
    assert not torch.equal(thresholds, torch.full((3,), 0.5))
    checkpoint.save(model, tmp_path / "checkpoint")
    loaded = checkpoint.load(tmp_path / "checkpoint", dtype="float32")
    [answer] = loaded.analyze(["Visitor 3 was glad and furious."])
    assert set(answer.moods.labels) == {"joy", "anger"}
    assert answer.to_json()["moods"]["thresholds"] == dict(zip(WORDS, thresholds.tolist(), strict=True))
    assert evaluate(loaded, ROWS[110:])["moods"]["macro_f1"] > 0.9


@pytest.mark.parametrize("freeze", [2, -1])
def test_the_losses_are_the_same_with_and_without_the_cache(tiny, freeze):
    (cached, with_cache), (plain, without) = (_train(tiny, freeze=freeze, cache_mb=mb) for mb in (1024, 0))
    assert _losses(with_cache) == pytest.approx(_losses(without), abs=1e-5)
    assert torch.allclose(cached.head("moods").thresholds, plain.head("moods").thresholds, atol=1e-5)


def test_a_run_that_was_cut_off_goes_on_as_if_it_never_was(tiny, tmp_path):
    whole, events = _train(tiny, positive_weights=0.5)
    events = list(events)
    _, first = _train(tiny, tmp_path / "state", positive_weights=0.5)
    for event in first:
        if event["event"] == "epoch":
            break
    first.close()
    resumed, rest = _train(tiny, tmp_path / "state", positive_weights=0.5)
    rest = list(rest)
    assert _losses(rest) == _losses(events)[-len(_losses(rest)) :] and len(_losses(rest)) < len(_losses(events))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_weights_of_rare_labels_change_the_loss_and_by_default_nothing(tiny):
    plain, weighted = (_losses(_train(tiny, positive_weights=strength)[1]) for strength in (0.0, 1.0))
    assert sum(weighted) > sum(plain)


def test_a_model_without_held_out_rows_keeps_its_thresholds(tiny):
    torch.manual_seed(0)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=(SPEC,)))
    list(fit(model, Dataset(DATASET.parts, {}), QUICK))
    assert torch.equal(model.head("moods").thresholds, torch.full((3,), 0.5))


def _file(tmp_path, cells):
    path = tmp_path / "data.csv"
    path.write_text("text\tmoods\n" + "".join(f"This is sentence {i} of some.\t{c}\n" for i, c in enumerate(cells)))
    return path


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["[]"] * 12, "Every list of labels is empty"),
        (["['a', 'b']"] * 12, "Every row has the label"),
        ([str([f"l{i}", f"m{i}", "x"]) for i in range(400)], "801 different labels"),
    ],
)
def test_where_there_is_nothing_to_learn_a_run_is_refused_in_plain_words(tmp_path, tiny, cells, said):
    with pytest.raises(UserError, match=said):
        jobs.prepare(_file(tmp_path, cells), QUICK, str(tiny), roles={"moods": "multilabel"})


@pytest.mark.parametrize(
    "cells",
    [
        ["['a']", "[]"] * 12,  # one label
        ["['a', 'b']", "['a']"] * 12,  # one that every row has
        ["['a', 'a']", "['b']", "[]"] * 8,  # one twice in a cell
        [str([f"l{i}", f"l{i // 2}"]) for i in range(500)],  # 500 labels
    ],
)
def test_odd_labels_do_not_stop_a_run(tmp_path, tiny, cells):
    job = jobs.prepare(_file(tmp_path, cells), QUICK, str(tiny), roles={"moods": "multilabel"})
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), job.model)
    *_, epoch, end = fit(model, job.dataset, TrainConfig(epochs=1, freeze=-1, precision="float32"))
    assert 0 <= epoch["validation"]["moods"]["macro_f1"] <= 1 and end["status"] == "done"


def test_the_command_line_trains_answers_and_scores(tmp_path, tiny, capsys):
    data, out = tmp_path / "data.csv", str(tmp_path / "run")
    lines = [f'"{row.text}","{";".join(row.labels["moods"].labels) or []}"' for row in ROWS]
    data.write_text("\n".join(["text,moods", *lines]) + "\n")
    options = ["--model", str(tiny), "--out", out, "--epochs", "4", "--lr", "1e-3", "--head-lr", "2e-2"]
    assert main(["train", str(data), *options, "--positive-weights", "0.5"]) == 0
    assert "moods macro_f1" in capsys.readouterr().out
    model = f"{out}/checkpoint"
    assert main(["analyze", "Someone was glad.", "--model", model]) == 0
    assert "%" in capsys.readouterr().out.partition("moods")[2]
    assert main(["analyze", "Someone was glad.", "--model", model, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)[0]["moods"]) == {"labels", "probabilities", "thresholds"}
    assert main(["evaluate", str(data), "--model", model]) == 0
    assert "micro_f1" in capsys.readouterr().out
    card = (tmp_path / "run" / "checkpoint" / "README.md").read_text()
    assert "| moods | multilabel | anger, fear and joy |" in card
    assert main(["doctor", str(data), "--model", str(tiny), "--json"]) == 0
    sample = json.loads(capsys.readouterr().out)["sample"]
    assert sample[0]["labels"]["moods"] == list(ROWS[0].labels["moods"].labels)
