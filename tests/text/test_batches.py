"""Tokenising keeps every character's place; batching keeps every text and stays within its budget."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.encoder import backbone
from mtl.text.batches import MAX_CHARACTERS, Batch, by_length, collate, tokenise
from mtl.text.words import SHAPES, shape


@pytest.fixture(scope="module")
def tokenizer():
    return backbone.load(backbone.find()).tokenizer


def _words(tokenizer, text):
    [row] = tokenise(tokenizer, [text], 256)
    return [text[s:e] for s, e, _ in row.words]


def test_words_are_the_users_own_characters(tokenizer):
    text = "  Zoë O'Brien joined AT&T\u00a0in São Paulo. 日本 👩‍🚀!"
    assert _words(tokenizer, text)[:6] == ["Zoë", "O", "'", "Brien", "joined", "AT"]
    assert {"São", "Paulo", "日", "本"} <= set(_words(tokenizer, text))


def test_words_do_not_depend_on_spaces_between_punctuation(tokenizer):
    assert _words(tokenizer, "Acme, Inc. won.") == _words(tokenizer, "Acme , Inc . won .")


@given(st.text(min_size=1, max_size=80))
def test_any_text_gives_words_in_order_inside_it(tokenizer, text):
    [row] = tokenise(tokenizer, [text], 256)
    last = 0
    for start, end, position in row.words:
        assert last <= start < end <= len(text)
        assert 0 < position < len(row.ids) - 1
        last = end


def test_a_long_text_is_cut_and_says_so(tokenizer):
    short, long = tokenise(tokenizer, ["word " * 20, "word " * 500], 64)
    assert not short.truncated and long.truncated
    assert len(long.ids) == 64
    assert long.ids[-1] == short.ids[-1]  # the closing special token is kept
    assert len(long.words) == 62


def test_a_text_of_megabytes_is_cut_before_tokenising(tokenizer):
    [row] = tokenise(tokenizer, [" " * (MAX_CHARACTERS + 5) + "end"], 64)
    assert row.truncated and row.words == []


@pytest.mark.parametrize(
    ("word", "name"),
    [("NASA", "upper"), ("Ada", "title"), ("I", "title"), ("iPhone", "mixed"), ("1984", "digits"), ("B2B", "digits")]
    + [("...", "punctuation"), ("plain", "lower"), ("日本", "lower"), ("Élan", "title"), ("McDonald", "mixed")],
)
def test_shapes(word, name):
    assert SHAPES[shape(word)] == name


def test_collate_pads_and_points_at_each_words_first_piece(tokenizer):
    rows = tokenise(tokenizer, ["Unbelievably antidisestablishmentarian!", "No."], 64)
    batch = collate(rows, 0)
    assert batch.mask.sum(1).tolist() == [len(r.ids) for r in rows]
    assert (batch.ids[~batch.mask] == 0).all()
    assert batch.word_counts == (3, 2)
    pieces = batch.ids[batch.word_rows, batch.word_positions].tolist()
    assert tokenizer.decode(pieces[-2:]) == "no."
    assert torch.equal(batch.word_rows, torch.tensor([0, 0, 0, 1, 1]))


@given(
    st.lists(st.integers(1, 256), max_size=60),
    st.integers(1, 2000),
    st.integers(1, 20),
)
def test_batches_hold_every_text_once_within_the_budget(lengths, budget, max_rows):
    batches = list(by_length(lengths, budget, max_rows))
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    for b in batches:
        assert len(b) <= max_rows
        assert len(b) == 1 or max(lengths[i] for i in b) * len(b) <= budget


@given(st.lists(st.lists(st.sampled_from(["ada", "Ada", "NASA", "42", "!"]), max_size=6), min_size=1, max_size=4))
def test_shapes_around_a_word_are_those_of_its_own_text(texts):
    rows, shapes = [], []
    for number, words in enumerate(texts):
        rows += [number] * len(words)
        shapes += [shape(word) for word in words]
    empty = torch.zeros(0, dtype=torch.int64)
    batch = Batch(
        empty, empty, torch.tensor(rows).long(), empty, torch.tensor(shapes).long(), tuple(map(len, texts)), ()
    )
    outside = len(SHAPES)
    expected = [
        [shape(words[i + d]) if 0 <= i + d < len(words) else outside for d in (-2, -1, 0, 1, 2)]
        for words in texts
        for i in range(len(words))
    ]
    assert batch.shapes_around(2).tolist() == expected
    assert batch.shapes_around(0).flatten().tolist() == shapes
