"""Kinds of task on two texts: their losses are those of sentence-transformers, their scores those of scipy and sklearn.

sentence-transformers comes with the default model's wheel; the program itself never imports it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sentence_transformers.sentence_transformer import losses as peers

from mtl.config import KINDS, TaskSpec, UserError
from mtl.data.rows import Column, Findings, Row
from mtl.heads import ContrastiveHead, PairClassificationHead, SimilarityHead, cosent
from mtl.text.batches import Batch

SCORES = TaskSpec("score", "similarity", low=0.0, high=5.0)
PAIRS = TaskSpec("pairs", "contrastive")


def vectors(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def of_peer(peer, embeddings, labels=None):
    """The loss that a class of sentence-transformers gives for these embeddings; its model is not used."""
    loss = getattr(peers, peer)(torch.nn.Identity())
    return loss.compute_loss_from_embeddings(list(embeddings), labels)


@pytest.mark.parametrize("labels", [[0.0, 2.5, 5.0, 2.5, 1.0, 4.2], [3.0] * 6])
def test_the_similarity_losses_are_those_of_sentence_transformers(labels):
    raw = vectors(6, 16, seed=1).requires_grad_()
    u, v = F.normalize(raw, dim=-1), vectors(6, 16, seed=2)
    head = SimilarityHead(SCORES, 16)
    targets = torch.tensor([head.target(label) for label in labels])
    own, peer = head.losses((u * v).sum(-1, keepdim=True), targets), of_peer("CoSENTLoss", (u, v), targets)
    assert own.shape == (6,) and float(own.mean()) == pytest.approx(float(peer), abs=1e-5)
    ours, theirs = (torch.autograd.grad(loss, raw, retain_graph=True) for loss in (own.mean(), peer))
    assert torch.allclose(ours[0], theirs[0], atol=1e-5)
    regression = SimilarityHead(TaskSpec("score", "similarity", low=0.0, high=5.0, pair_loss="cosine"), 16)
    expected = of_peer("CosineSimilarityLoss", (u, v), targets)
    assert float(regression.losses((u * v).sum(-1, keepdim=True), targets).mean().detach()) == pytest.approx(
        float(expected), abs=1e-5
    )


@given(st.lists(st.tuples(st.floats(-1, 1), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=12))
def test_the_shares_of_pairs_sum_to_the_loss(pairs):
    cosines, targets = torch.tensor(pairs, dtype=torch.float64).T
    steps = [20 * (a - b) for a, x in pairs for b, y in pairs if x < y]
    expected = np.logaddexp.reduce([0.0, *steps])
    losses = cosent(cosines, targets)
    assert (losses >= 0).all() and float(losses.mean()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("negatives", [0, 3, 6])
def test_the_contrastive_loss_is_that_of_sentence_transformers(negatives):
    anchors, partners, hard = (vectors(6, 16, seed=seed) for seed in (1, 2, 3))
    embeddings = (anchors, partners, hard) if negatives == 6 else (anchors, partners)
    logits = torch.stack((anchors, partners, torch.where(torch.arange(6)[:, None] < negatives, hard, 0)), 1)
    losses = ContrastiveHead(PAIRS, 16).losses(logits, [True] * 6)
    if negatives in (0, 6):
        assert float(losses.mean()) == pytest.approx(
            float(of_peer("MultipleNegativesRankingLoss", embeddings)), abs=1e-5
        )
    expected = F.cross_entropy(20 * anchors @ torch.cat((partners, hard[:negatives])).T, torch.arange(6))
    assert losses.shape == (6,) and float(losses.mean()) == pytest.approx(float(expected), abs=1e-5)


def test_the_same_text_is_no_wrong_answer():
    anchors, partners = vectors(4, 16, seed=1), vectors(4, 16, seed=2)
    anchors[1] = anchors[0]  # its partner is a right answer to row 0 as well
    partners[3] = partners[2]  # the same partner for two anchors
    head = ContrastiveHead(PAIRS, 16)
    losses = head.losses(torch.stack((anchors, partners, torch.zeros(4, 16)), 1), [True] * 4)
    scores = 20 * anchors @ partners.T
    for row, wrong in enumerate([(2, 3), (2, 3), (0, 1), (0, 1)]):
        expected = torch.logsumexp(scores[row, [row, *wrong]], 0) - scores[row, row]
        assert float(losses[row]) == pytest.approx(float(expected), abs=1e-5)


def test_pair_classification_reads_what_sentence_bert_reads():
    spec = TaskSpec("relation", "pair_classification", ("no", "yes"), dropout=0.0)
    head, texts = PairClassificationHead(spec, 8).eval(), vectors(4, 8)
    batch = Batch(*[torch.zeros(0)] * 5, (), ((0, 1), (2,), (0, 3)))

    class Encoded:
        def pooled(self, how):
            return texts

    peer = torch.nn.Linear(24, 2)
    peer.load_state_dict(head.network[1].state_dict())
    u, v = texts[[0, 0]], texts[[1, 3]]
    expected = peer(torch.cat((u, v, (u - v).abs()), 1))
    assert torch.allclose(head.read(None, Encoded(), batch), expected, atol=1e-6)
    labels = torch.tensor([1, 0])
    assert float(head.losses(expected, labels).mean()) == pytest.approx(float(F.cross_entropy(expected, labels)))


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1)), min_size=3, max_size=40))
def test_similarity_is_scored_as_scipy_does(pairs):
    truths, cosines = ([*map(float, side)] for side in zip(*pairs, strict=True))
    scores = KINDS["similarity"].score(SCORES, truths, [5 * cosine for cosine in cosines], [])
    if len(set(truths)) > 1 and len({5 * cosine for cosine in cosines}) > 1:
        assert scores["spearman"] == pytest.approx(spearmanr(truths, [5 * c for c in cosines]).statistic, abs=1e-6)
        expected = pearsonr(truths, [5 * cosine for cosine in cosines]).statistic
        assert scores["pearson"] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    else:
        assert scores["spearman"] == 0.0
    assert len(scores["points"]) == len(pairs)


def test_partners_are_looked_for_among_all_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3, 8)).astype(np.float32)
    rows[:, 1] = rows[:, 0] + 0.5 * rows[:, 1]
    rows[10:, 2] = 0
    rows /= np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    scores = KINDS["contrastive"].score(PAIRS, [True] * 50, [*rows], [])
    candidates = np.concatenate((rows[:, 1], rows[:10, 2]))
    order = (-(rows[:, 0] @ candidates.T)).argsort(axis=1)
    ranks = [1 + int(np.flatnonzero(order[i] == i)[0]) for i in range(50)]
    assert scores["found"] == pytest.approx(np.mean([rank == 1 for rank in ranks]))
    assert scores["mrr"] == pytest.approx(np.mean([1 / rank for rank in ranks])) and scores["candidates"] == 60


@pytest.mark.parametrize("swapped", [True, False])
def test_swapped_triplets_are_said(swapped):
    like, unlike = "a dog sleeps at home", "the stock market fell sharply"
    texts = ("the dog sleeps at home", *((unlike, like) if swapped else (like, unlike)))
    rows = [Row(texts, {"pairs": True}, i) for i in range(10)]
    findings = Findings()
    KINDS["contrastive"].examine(rows, Column("pairs", "task", "contrastive", (), {}, ""), findings)
    assert [f.code for f in findings.grouped()] == ["swapped"] * swapped


def test_a_label_of_pairs_is_no_value():
    assert "without a label" in KINDS["contrastive"].misfit("yes", PAIRS)
    with pytest.raises(UserError, match="has no labels"):
        TaskSpec("pairs", "contrastive", ("a", "b"))
    with pytest.raises(UserError, match="pair_loss must be one of cosent or cosine"):
        TaskSpec("score", "similarity", pair_loss="hinge")
