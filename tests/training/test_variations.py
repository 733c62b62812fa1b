"""New texts for a teacher are made of the old ones, the same in every run, and never ones that are validated on."""

import json
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.data.dataset import Dataset, Part, Recipe
from mtl.data.rows import Row
from mtl.encoder.backbone import DEFAULT
from mtl.training import variations
from mtl.training.runs.worker import train
from mtl.training.variations import similar_words, varied, with_variations
from tests.conftest import FAMILIES

MOOD = TaskSpec("mood", "classification", ("good", "bad"))
texts = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=12)


@pytest.fixture(scope="module")
def likeness(tiny):
    return similar_words(mtl.load(tiny, dtype="float32").backbone)


@pytest.fixture
def _likeness_known(likeness, monkeypatch):
    """Each comparison of the tokenizer's twenty thousand words takes seconds."""
    monkeypatch.setattr(variations, "similar_words", lambda backbone: likeness)


@given(texts, st.integers(0, 30), st.text(max_size=3))
def test_each_text_begins_as_one_and_ends_as_one(old, count, seed):
    made = varied(old, count, {}, seed)
    long = [text.split() for text in old if len(text.split()) >= 5]
    assert len(made) == (count if long else 0)
    for words in map(str.split, made):
        assert 5 <= len(words) <= 30
        joined = [
            own[:at] + other[there:] == words
            for own in long
            for at in range(1, len(own) - 1)
            for other in long
            for there in range(len(other))
            if own[at] == other[there]
        ]
        assert words in long or any(joined)


def test_the_same_texts_are_made_again_and_fewer_are_the_first_of_many():
    old = ["the film is a long and dull affair", "the plot of the book is a good one", "a dull book about the sea"]
    many = varied(old, 200, {"dull": ["boring"]}, "seed")
    assert varied(old, 200, {"dull": ["boring"]}, "seed") == many
    assert varied(old, 20, {"dull": ["boring"]}, "seed") == many[:20]
    assert varied(old, 200, {"dull": ["boring"]}, "other") != many
    assert set(many) - set(old)
    assert any("boring" in text for text in many) and any("dull" in text for text in many)


def test_like_words_of_the_default_model_are_words_of_like_meaning():
    like = similar_words(mtl.load(DEFAULT).backbone)
    assert "terrible" in like["awful"] and "excellent" in like["good"] and "film" in like["movie"]
    assert all(len(others) <= 8 and word not in others for word, others in like.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_words_of_every_family_have_like_words(tiny_backbones, family):
    from tokenizers import Tokenizer, models, pre_tokenizers

    backbone = mtl.load(tiny_backbones[family], dtype="float32").backbone
    few = {token: number for token, number in backbone.tokenizer.get_vocab().items() if number < 4000}  # for speed
    tokenizer = Tokenizer(models.WordPiece(few, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    like = similar_words(SimpleNamespace(tokenizer=tokenizer, word_embeddings=backbone.word_embeddings))
    assert len(like) > 1000 and "river" in like and set(like["river"]) <= set(like)


def test_in_a_byte_level_vocabulary_words_are_those_with_a_space_before_them():
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(["a good film and a fine film and a bad film"] * 9, vocab_size=400, min_frequency=2)
    tokens = torch.randn(tokenizer.get_vocab_size(), 8)
    good, fine = (tokenizer.token_to_id(f"\u0120{word}") for word in ("good", "fine"))
    tokens[fine] = tokens[good] + 0.01
    backbone = SimpleNamespace(tokenizer=tokenizer, word_embeddings=tokens)
    assert similar_words(backbone)["good"][0] == "fine"


@pytest.mark.usefixtures("_likeness_known")
def test_only_parts_that_ask_for_it_are_replaced_and_nothing_validated_on_is_made(tiny):
    backbone = mtl.load(tiny, dtype="float32").backbone
    rows = [Row(f"the seven red tables of the {w} river", {"mood": "good"}, i) for i, w in enumerate("abcdef")]
    asked, other = Part("asked", rows, teacher="t", variations=300), Part("other", rows)
    free = with_variations(Dataset((other, asked), {}), backbone)
    assert free.parts[0] is other and len(free.parts[1].rows) == 300
    assert all(row.labels == {} for row in free.parts[1].rows)
    assert free.notes == ("asked: 300 texts made of its 6 rows for the teacher to answer.",)
    # The part names where its texts come from; they differ from file to file, not from run to run.
    assert free.fingerprint == with_variations(Dataset((other, asked), {}), backbone).fingerprint
    held_out = free.parts[1].rows[0].text
    kept = with_variations(Dataset((other, asked), {"held out": [Row(held_out.upper(), {}, 1)]}), backbone)
    assert held_out in {row.text for row in free.parts[1].rows}
    assert held_out not in {row.text for row in kept.parts[1].rows}


@pytest.mark.usefixtures("_likeness_known")
def test_texts_too_short_to_be_varied_are_refused(tiny):
    part = Part("short", [Row("red river", {}, 1)], teacher="t", variations=3)
    with pytest.raises(UserError, match="short: no text has the 5 words"):
        with_variations(Dataset((part,), {}), mtl.load(tiny, dtype="float32").backbone)


@pytest.mark.parametrize("wrong", [{"variations": 10}, *({"variations": n, "teacher": "t"} for n in (-1, 2.5, "3"))])
def test_a_recipe_says_what_is_wrong_with_its_variations(wrong):
    source = {"file": "texts.csv", **wrong}
    with pytest.raises(UserError, match=r"texts.csv: variations"):
        Recipe.from_json({"model": ModelConfig(tasks=(MOOD,)).to_json(), "train_on": [source]})


def test_a_student_learns_from_what_its_teacher_says_of_new_texts(tiny, tmp_path):
    torch.manual_seed(3)
    teacher = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=(MOOD,))).eval()
    teacher.head("mood").network[-1].weight.data.mul_(20)
    checkpoint.save(teacher, tmp_path / "teacher")
    words = ["red", "river", "seven", "table", "green", "stone", "little", "window"]
    old = [" ".join(words[i] for i in (a, b, c, a, b)) for a in range(8) for b in range(8) for c in range(8)]
    (tmp_path / "texts.csv").write_text("text,mood\n" + "".join(f"{t},\n" for t in old) + "a,good\nb,bad\nc,good\n")
    source = {"file": "texts.csv", "text": "text"}
    recipe = {
        "model": ModelConfig(tasks=(MOOD,)).to_json(),
        "train_on": [
            {**source, "unlabelled_text": True, "teacher": "teacher", "variations": 400},
            {**source, "column": "mood", "tasks": {"mood": {}}},
        ],
        "train": {"epochs": 6, "lr": 0.002, "head_lr": 0.02, "anchor": 0, "keep_best": False, "precision": "float32"},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    torch.manual_seed(0)
    student = train(tmp_path / "recipe.json", tmp_path / "run", start_from=str(tiny), data_dir=tmp_path)
    opinions = [a.mood.label for a in teacher.analyze(old)]
    often = max(opinions.count(label) for label in MOOD.labels) / len(opinions)
    agreed = sum(a.mood.label == b for a, b in zip(student.analyze(old), opinions, strict=True)) / len(old)
    assert agreed > max(0.85, often), (agreed, often)
