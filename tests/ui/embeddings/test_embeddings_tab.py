"""The Embeddings tab: neighbours, and the vectors to take away."""

from __future__ import annotations

import io
import types

import numpy as np

from mtl.ui.embeddings import tab as embeddings
from mtl.ui.visitors import Work
from tests.handlers import TEXTS


def test_neighbours_are_the_closest_pairs_first():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    texts = ["east", "north", "north-east"]
    work = types.SimpleNamespace(texts=texts, analyses=texts, pooling="mean", vectors=lambda pooling: vectors)
    html = embeddings.neighbours(work)
    cosines = [float(c.split("<")[0]) for c in html.split('class="num">') if c[0] == "0"]
    assert cosines == sorted(cosines, reverse=True)
    np.testing.assert_allclose(cosines, [0.8, 0.8, 0.6])
    assert html.index("north") < html.index("east</div>")
    assert html.index('data-row="1"') < html.index('data-row="0"')


def test_one_sentence_has_no_neighbours_and_it_says_so(model):
    assert embeddings.ONE_SENTENCE in embeddings.neighbours(Work(model, model.analyze(["Alone."])))


def test_embeddings_are_taken_away_whole(work, rows_of):
    header, *rows = rows_of(embeddings.embeddings_csv(work))
    assert header[:3] == ["text", "e0", "e1"] and len(rows) == len(TEXTS)
    assert rows[2][0] == "'=SUM(A1) is a formula."
    np.testing.assert_allclose(np.array([r[1:] for r in rows], float), work.vectors("mean"), atol=1e-5)
    back = np.load(io.BytesIO(embeddings.embeddings_npy(work)))
    np.testing.assert_array_equal(back, work.vectors("mean"))
