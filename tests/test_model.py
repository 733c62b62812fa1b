"""One pass serves all heads, and a text's answer does not depend on its neighbours."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from tests.conftest import FAMILIES

TASKS = (
    TaskSpec("mood", "classification", ("good", "bad"), pooling="cls"),
    TaskSpec("stars", "regression", low=1, high=5),
    TaskSpec("names", "tagging", ("PER",), hidden=16),
)
TEXTS = ["One.", "Two words and then some more, written by Ada Lovelace in London.", "Three? Yes!", "four " * 30]


def _model(folder, **config):
    torch.manual_seed(0)
    return checkpoint.derive(mtl.load(folder, dtype="float32"), ModelConfig(**{"tasks": TASKS, **config}))


@pytest.fixture(scope="module")
def model(tiny):
    return _model(tiny).eval()


def _same(a, b):
    assert np.abs(a.embedding - b.embedding).max() < 1e-5
    assert abs(a.stars - b.stars) < 1e-4
    assert a.mood.label == b.mood.label
    assert abs(a.mood.probabilities["good"] - b.mood.probabilities["good"]) < 1e-5
    assert [(e.start, e.end, e.label) for e in a.names] == [(e.start, e.end, e.label) for e in b.names]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_alone_gets_the_answer_that_it_gets_in_company(tiny_backbones, family):
    model = _model(tiny_backbones[family]).eval()
    for together, text in zip(model.analyze(TEXTS), TEXTS, strict=True):
        _same(together, model.analyze([text])[0])


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=8))
def test_order_and_company_change_nothing(model, texts):
    alone = {text: model.analyze([text])[0] for text in set(texts)}
    for answer in model.analyze(texts):
        _same(answer, alone[answer.text])


def test_the_backbone_runs_once_for_all_heads(model, monkeypatch):
    passes = []
    run = type(model.backbone).run
    monkeypatch.setattr(type(model.backbone), "run", lambda self, *a: passes.append(1) or run(self, *a))
    [answer] = model.analyze(["One text, three heads."])
    assert len(passes) == 1
    assert set(answer.results) == {"mood", "stars", "names"}


def test_only_the_heads_asked_for_run(model, monkeypatch):
    ran = []
    logits = type(model).logits
    monkeypatch.setattr(type(model), "logits", lambda self, e, b, task: ran.append(task) or logits(self, e, b, task))
    [answer] = model.analyze(["One text."], tasks=["stars"])
    assert ran == ["stars"]
    assert list(answer.results) == ["stars"]
    with pytest.raises(AttributeError, match="mood"):
        _ = answer.mood


def test_embeddings_are_unit_float32_rows(model):
    vectors = model.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), 32)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6


def test_encode_is_what_analyze_gives_for_every_pooling(model):
    for pooling in model.poolings:
        together = np.stack([a.embedding for a in model.analyze(TEXTS, tasks=[], pooling=pooling)])
        assert np.abs(together - model.encode(TEXTS, pooling)).max() < 1e-6


def test_poolings_differ_and_the_pooler_is_there_only_where_the_encoder_has_one(tiny_backbones, model):
    assert model.poolings == ("mean", "max", "cls", "pooler")
    assert not np.allclose(model.encode(TEXTS, "mean"), model.encode(TEXTS, "cls"))
    other = mtl.load(tiny_backbones["distilbert"], dtype="float32")
    assert other.poolings == ("mean", "max", "cls")
    with pytest.raises(UserError, match="Unknown pooling 'pooler'"):
        other.encode(TEXTS, "pooler")
    with pytest.raises(UserError, match="no pooler"):
        checkpoint.derive(other, ModelConfig(pooling="pooler"))


@pytest.mark.parametrize("width", [8, 64])
def test_a_projection_gives_any_width(tiny, width):
    vectors = _model(tiny, projection=width).encode(TEXTS)
    assert vectors.shape == (len(TEXTS), width)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6


def test_embeddings_of_the_bundled_backbone_equal_sentence_transformers():
    from sentence_transformers import SentenceTransformer

    model = mtl.load("all-MiniLM-L6-v2", dtype="float32")
    peer = SentenceTransformer(str(model.backbone.source.folder), device="cpu")
    expected = peer.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(model.encode(TEXTS) - expected).max() < 1e-5


def test_texts_that_are_cut_say_so(model):
    long = "word " * 500
    assert [a.truncated for a in model.analyze(["short", long])] == [False, True]
    limited = model.analyze([long])[0]
    assert limited.tokens == model.max_tokens


def test_texts_without_a_known_word_say_so():
    texts = ["a word", "😡", "😡 a", "x" * 300]
    assert [a.unread for a in mtl.load().analyze(texts, tasks=[])] == [False, True, False, True]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.analyze([""]), "Text 1 is empty"),
        (lambda m: m.analyze(["a", " \n\t"]), "Text 2 is empty"),
        (lambda m: m.analyze("one text"), r"analyze\(\[text\]\)"),
        (lambda m: m.analyze([None]), "not a text but NoneType"),
        (lambda m: m.analyze(["a"], tasks=["topic"]), "no task 'topic'; it has mood, stars and names"),
        (lambda m: m.analyze(["a"], tasks="mood"), "list of names"),
        (lambda m: m.encode(["a"], "median"), "Unknown pooling 'median'"),
    ],
)
def test_wrong_input_is_refused_with_words(model, call, words):
    with pytest.raises(UserError, match=words):
        call(model)


def test_texts_may_come_one_by_one(model):
    texts = ["one", "two words"]
    assert [answer.text for answer in model.analyze(text for text in texts)] == texts
    assert model.encode(text for text in texts).shape == (2, 32)


def test_no_texts_give_no_answers(model):
    assert model.analyze([]) == []
    assert model.encode([]).shape == (0, 32)


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "👩‍🚀🏳️‍🌈", "مرحبا بالعالم", "Zoe\u0308 n\u0303", "\u202eevil", "\ud800", "𝕬𝖉𝖆"]
)
def test_odd_characters_get_an_answer_with_spans_inside_the_text(model, text):
    [answer] = model.analyze([text])
    assert np.isfinite(answer.embedding).all()
    for entity in answer.names:
        assert entity.text == text[entity.start : entity.end]


def test_threads_do_not_disturb_each_other(model):
    expected, wrong = model.encode(TEXTS), []

    def work():
        for _ in range(5):
            if not np.allclose(model.encode(TEXTS), expected, atol=1e-6):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_progress_counts_every_text(model):
    seen = []
    model.analyze(TEXTS * 60, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen[-1] == (240, 240)


def test_an_analysis_can_be_copied_and_pickled(model):
    [answer] = model.analyze(["A text."])
    for other in (copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert other.stars == answer.stars


def test_heads_that_share_the_projection_read_what_the_embedding_is_made_of(tiny):
    tasks = (TaskSpec("stars", "regression", pooling="max", reads="shared"),)
    model = _model(tiny, tasks=tasks, pooling="cls", projection=8, projection_activation="tanh").eval()
    raw = torch.from_numpy(model.encode(TEXTS, normalize=False))
    answers = [answer.stars for answer in model.analyze(TEXTS)]
    with torch.no_grad():
        assert np.allclose(answers, model.head("stars").decode(model.head("stars")(raw)), atol=1e-5)
    assert np.allclose(torch.nn.functional.normalize(raw, dim=-1), model.encode(TEXTS), atol=1e-6)


def test_embeddings_as_they_are_have_the_length_that_the_backbone_gives_them(tiny):
    model = _model(tiny)
    lengths = np.linalg.norm(model.encode(TEXTS, normalize=False), axis=1)
    assert np.abs(lengths - 1).min() > 0.1
    normed = _model(tiny, projection=4, projection_norm=True).encode(TEXTS, normalize=False)
    assert np.allclose(np.linalg.norm(normed, axis=1), 1, atol=1e-5)
