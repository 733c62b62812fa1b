"""A text's familiarity does not depend on its neighbours, is kept with a model, and tells English from the rest."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint, weights
from mtl.archive import read, write
from mtl.config import ModelConfig, TrainConfig, UserError
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row
from mtl.familiarity import Familiarity, Moments, levels
from mtl.text.batches import collate
from mtl.training.familiarity import gather

TEXTS = ["One.", "Two words and then some more, written by Ada Lovelace in London.", "Three? Yes!", "four " * 30]
OWN = [f"The {thing} {verb} number {i}." for i, thing in enumerate(("door", "lamp")) for verb in "abcdefghijklmnopqrst"]


def dataset(texts):
    return Dataset((Part("rows", [Row((text,), {}, i) for i, text in enumerate(texts)]),), {})


def written():
    with Path(__file__).with_name("familiarity.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def model(tiny):
    """A tiny model with statistics of a few sentences."""
    base = mtl.load(tiny, dtype="float32")
    model = checkpoint.derive(base, ModelConfig()).eval()
    model.familiarity = gather(model, dataset(OWN))
    return model


def values(model, texts):
    return [answer.familiarity for answer in model.analyze(texts, tasks=[])]


def test_order_company_and_padding_change_nothing(model):
    alone = [values(model, [text])[0] for text in TEXTS]
    assert np.allclose(values(model, TEXTS), alone, atol=1e-4)
    assert np.allclose(values(model, TEXTS[::-1])[::-1], alone, atol=1e-4)
    assert len(set(alone)) == len(TEXTS)


def test_the_same_rows_give_the_same_statistics(model):
    again = gather(checkpoint.derive(mtl.load(model.backbone.name, dtype="float32"), ModelConfig()), dataset(OWN))
    assert again.threshold == pytest.approx(model.familiarity.threshold, rel=1e-4)


def test_answers_are_the_same_with_and_without(model):
    plain = mtl.load(model.backbone.name, dtype="float32")
    for one, other in zip(model.analyze(TEXTS), plain.analyze(TEXTS), strict=True):
        assert np.abs(one.embedding - other.embedding).max() < 1e-5


def test_of_two_texts_the_less_familiar_counts(model):
    low, high = sorted(TEXTS, key=lambda text: values(model, [text])[0])[:: len(TEXTS) - 1]
    pairs, lowest = [(low, high), (high, low)], values(model, [low, low])
    assert np.allclose(values(model, pairs), lowest, atol=1e-4)
    compared = model.compare(pairs, tasks=[])
    assert np.allclose([pair.familiarity for pair in compared], lowest, atol=1e-4)
    assert [pair.unfamiliar for pair in compared] == [lowest[0] < 0.5] * 2


def test_it_is_saved_loaded_packed_and_inherited(model, tmp_path):
    checkpoint.save(model, tmp_path / "saved")
    assert (tmp_path / "saved" / weights.FAMILIARITY).stat().st_size < 1_000_000
    write(tmp_path / "saved", tmp_path / "saved.zip")
    unpacked = read(tmp_path / "saved.zip", tmp_path / "unpacked", [model.origin])
    for loaded in (mtl.load(tmp_path / "saved", dtype="float32"), mtl.load(unpacked, dtype="float32")):
        assert np.allclose(values(loaded, TEXTS), values(model, TEXTS), atol=0.02)
        assert checkpoint.derive(loaded, ModelConfig()).familiarity is loaded.familiarity


def test_a_checkpoint_without_statistics_has_no_score(model, tmp_path):
    checkpoint.save(model, tmp_path)
    (tmp_path / weights.FAMILIARITY).unlink()
    [answer] = mtl.load(tmp_path, dtype="float32").analyze(["A text."])
    assert (answer.familiarity, answer.unfamiliar) == (None, False)
    assert answer.to_json()["familiarity"] is None


def _replaced(path, covariance):
    one, two = (Moments(9, torch.zeros(len(covariance)), covariance.clone()) for _ in range(2))
    Familiarity(one, two, 0.0, 1.0, (1, 2)).write(path.parent)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "was cut short"),
        (lambda path: _replaced(path, torch.eye(5)), "does not fit the model"),
        (lambda path: _replaced(path, torch.zeros(32, 32)), "does not fit the model"),
    ],
)
def test_a_damaged_file_is_refused(model, tmp_path, damage, words):
    checkpoint.save(model, tmp_path)
    damage(tmp_path / weights.FAMILIARITY)
    with pytest.raises(UserError, match=words):
        mtl.load(tmp_path, dtype="float32")


def test_a_file_without_levels_is_of_the_one_level_of_earlier_versions(model, tmp_path):
    from safetensors.torch import load_file, save_file

    checkpoint.save(model, tmp_path)
    tensors = load_file(tmp_path / weights.FAMILIARITY)
    del tensors["levels"]
    save_file(tensors, tmp_path / weights.FAMILIARITY)
    earlier = mtl.load(tmp_path, dtype="float32")
    assert earlier.familiarity.levels == (len(earlier.backbone.groups) * 2 // 3,)
    assert len(set(values(earlier, TEXTS))) == len(TEXTS)


def test_what_is_kept_on_the_way_up_is_the_mean_over_the_levels(model):
    batch = collate(model.tokenise(TEXTS), model.backbone.pad_id)
    with torch.inference_mode():
        both = model.encode_batch(batch, keep_lower=(1, 2))
        one, two = (model.encode_batch(batch, keep_lower=(level,)).lower for level in (1, 2))
        plain = model.encode_batch(batch)
    assert torch.allclose(both.lower, (one + two) / 2, atol=1e-6)
    assert torch.allclose(both.tokens, plain.tokens, atol=1e-6) and plain.lower is None
    assert [levels(groups) for groups in (7, 13, 3, 2)] == [(3, 5), (5, 9), (1, 2), (1, 1)]


def test_a_mixture_has_the_moments_of_all_its_vectors():
    torch.manual_seed(0)
    one, two = torch.randn(30, 4), 3 + 2 * torch.randn(10, 4)
    mixed, whole = Moments.of(one).mixed(Moments.of(two), 0.25), Moments.of(torch.cat((one, two)))
    assert torch.allclose(mixed.mean, whole.mean, atol=1e-5)
    assert torch.allclose(mixed.covariance, whole.covariance, atol=1e-4)


def test_too_few_rows_give_no_statistics(tiny):
    assert gather(mtl.load(tiny, dtype="float32"), dataset(OWN[:9])) is None


# --- the default model ---


def test_the_default_model_tells_english_from_the_rest(default_model):
    rows = written()
    assert len({row["group"] for row in rows}) == 24
    flagged = [a.unfamiliar for a in default_model.analyze([row["text"] for row in rows], tasks=[])]
    for group in {row["group"] for row in rows}:
        share = np.mean([flag for flag, row in zip(flagged, rows, strict=True) if row["group"] == group])
        assert share <= 0.03 if group == "everyday English" else share >= 0.95, group


def test_short_english_is_familiar(default_model):
    short = ["hi", "ok thanks", "Maria Kowalska", "lol", "Anna", "Thanks!", "yes"]
    assert [a.text for a in default_model.analyze(short, tasks=[]) if a.unfamiliar] == []


def test_a_fine_tuned_model_knows_its_own_rows_and_still_the_old_ones(tmp_path):
    german = ("Das Essen war kalt.", "Der Kaffee schmeckt gut.", "Wir fahren morgen ans Meer.", "Es regnet wieder.")
    rows = [(text.replace(".", f" {i}."), ("good", "bad")[i % 2]) for i in range(10) for text in german]
    table = tmp_path / "rows.csv"
    table.write_text("text,mood\n" + "\n".join(f"{text},{mood}" for text, mood in rows) + "\n", encoding="utf-8")
    model = mtl.train(table, tmp_path / "run", TrainConfig(epochs=1, freeze=-1))
    assert np.mean([a.unfamiliar for a in model.analyze([text for text, _ in rows], tasks=[])]) < 0.1
    assert not model.analyze(["The food was cold."], tasks=[])[0].unfamiliar
    assert json.loads(json.dumps(model.analyze(["The food was cold."])[0].to_json()))["familiarity"] > 0.5


def test_the_command_says_what_is_unlike(capsys):
    from mtl.__main__ import main

    assert main(["analyze", "xxxx xxxx", "The food was cold."]) == 0
    said = capsys.readouterr().err
    assert "text 1 is unlike the" in said
    assert "text 2" not in said
