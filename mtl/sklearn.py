"""Estimators of texts for scikit-learn: `Encoder` gives embeddings, `Heads` trains a head on a column of labels.

    Pipeline([("encoder", Encoder()), ("svm", LinearSVC())]).fit(texts, labels)
    cross_val_score(Heads(epochs=20), texts, labels)

Both hold the name of a model, and not the model: they are cloned, searched over and pickled at no cost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from mtl.config import TaskSpec, TrainConfig, UserError
from mtl.kinds.classification import Classification

if TYPE_CHECKING:
    from mtl.model import MultiTaskModel

TASK = "label"


class _OfTexts(BaseEstimator):
    """An estimator whose rows are texts: a list, an array, a series, or a table of one column."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


class Encoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _OfTexts):
    """Texts to their embeddings, float32 (texts, dim).

    `model`: as for `mtl.load`. `pooling`: of the embedding, None for the model's own. `normalize`: each of length 1.
    """

    def __init__(self, model: str | os.PathLike | None = None, *, pooling: str | None = None, normalize: bool = True):
        self.model = model
        self.pooling = pooling
        self.normalize = normalize

    def fit(self, X: Sequence[str], y: Any = None) -> Encoder:
        """Nothing is learned: the texts are only looked at, as wrong ones are better refused before long work."""
        _texts(X)
        return self

    def transform(self, X: Sequence[str]) -> np.ndarray:
        from mtl import checkpoint

        return checkpoint.load(self.model).encode(_texts(X), self.pooling, normalize=self.normalize)

    @property
    def _n_features_out(self) -> int:
        from mtl import checkpoint

        return checkpoint.load(self.model).dim

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Heads(ClassifierMixin, _OfTexts):
    """A classifier of texts: a head for one column of labels, trained on the frozen backbone as `mtl train` does it.

    `model`: as for `mtl.load`; its backbone is used, not its heads. `epochs`, `head_lr`, `batch_size`, `hidden`,
    `positive_weights`, `patience`: as in `mtl.TrainConfig`; `pooling` and `dropout`: as in `mtl.TaskSpec`.
    `validation`: the share of the rows that is held out to choose the best epoch by, and to fit the temperature to.
    Once fitted: `classes_`, `weights_` (the head's own, by name), `base_` (of which model).
    """

    def __init__(
        self,
        model: str | os.PathLike | None = None,
        *,
        epochs: int = 20,
        head_lr: float = 3e-3,
        batch_size: int = 32,
        hidden: int = 0,
        pooling: str = "mean",
        dropout: float = 0.1,
        positive_weights: float = 0.0,
        validation: float = 0.0,
        patience: int = 0,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.model = model
        self.epochs = epochs
        self.head_lr = head_lr
        self.batch_size = batch_size
        self.hidden = hidden
        self.pooling = pooling
        self.dropout = dropout
        self.positive_weights = positive_weights
        self.validation = validation
        self.patience = patience
        self.random_state = random_state

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> Heads:
        """Train on texts and a label for each. Raises `UserError` if there is nothing to learn from them."""
        import torch

        from mtl.data.dataset import Dataset, Part
        from mtl.data.rows import Row
        from mtl.data.splits import split
        from mtl.training.loop import fit

        texts, y = _texts(X), column_or_1d(y)
        if len(texts) != len(y):
            raise UserError(f"There are {len(texts)} texts and {len(y)} labels: each text needs one.")
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise UserError(f"There is nothing to tell apart: every label is {self.classes_.tolist()[0]!r}.")
        rows = [
            Row(text, {TASK: str(place)}, line) for line, (text, place) in enumerate(zip(texts, places, strict=True), 1)
        ]
        rows, held_out = split(rows, self.validation)
        config = TrainConfig(
            epochs=self.epochs,
            head_lr=self.head_lr,
            batch_size=self.batch_size,
            positive_weights=self.positive_weights,
            patience=self.patience,
            calibrate=bool(held_out),
            freeze=-1,
            freeze_projection=True,
            anchor=0.0,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        with torch.random.fork_rng(devices=[]):  # the caller's own random numbers stay what they were
            torch.manual_seed(config.seed)
            model = self._untrained("float32")
            sets = {"validation": held_out} if held_out else {}
            for _ in fit(model, Dataset((Part("rows", rows),), sets), config):
                pass
        self.base_ = model.origin
        self.weights_ = {name: value.detach().numpy() for name, value in model.heads.named_parameters()}
        self._model = None
        return self

    def predict(self, X: Sequence[str]) -> np.ndarray:
        """The likeliest class of each text."""
        return self.classes_[self.predict_proba(X).argmax(1)]

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:
        """The probability of each class (texts, classes), in the order of `classes_`."""
        check_is_fitted(self)
        answers = self._fitted().analyze(_texts(X), [TASK])
        return np.array([[*answer.results[TASK].probabilities.values()] for answer in answers])

    def _untrained(self, dtype: str) -> MultiTaskModel:
        """The model's backbone under a new head."""
        from mtl import checkpoint

        spec = TaskSpec(
            TASK,
            Classification.name,
            tuple(map(str, range(len(self.classes_)))),
            pooling=self.pooling,
            hidden=self.hidden,
            dropout=self.dropout,
        )
        base = checkpoint.load(self.model, dtype=dtype, device="cpu")
        bare = checkpoint.derive(base, replace(base.config, tasks=()))  # it may have a head for such a task
        return checkpoint.derive(bare, replace(base.config, tasks=(spec,)))

    def _fitted(self) -> MultiTaskModel:
        """The model with the head that was trained, made when it is first needed."""
        if self._model is None:
            import torch

            from mtl.encoder.backbone import replace_parameter

            model = self._untrained("auto")
            if model.origin != self.base_:
                raise UserError(
                    f"The head was trained on {self.base_}; {self.model} is {model.origin} now: fit it again."
                )
            for name, value in self.weights_.items():
                replace_parameter(model, f"heads.{name}", torch.tensor(value, dtype=model.backbone.dtype))
            self._model = model.eval()
        return self._model

    def __getstate__(self):
        return {**super().__getstate__(), "_model": None}  # the backbone is there already, wherever it is loaded


def _texts(X: Any) -> list[str]:
    if isinstance(X, str):
        raise UserError("Give a list of texts, not one text.")
    table = np.asarray(X, dtype=object) if hasattr(X, "shape") else np.fromiter(X, dtype=object)
    if table.ndim == 2 and table.shape[1] == 1:
        table = table[:, 0]
    if table.ndim != 1:
        raise UserError(f"Give one column of texts, not {table.shape[1]}: name it, as in table['text'].")
    for number, text in enumerate(table, 1):
        if not isinstance(text, str):
            raise UserError(f"Text {number} is not a text but {type(text).__name__}.")
        if not text.strip():
            raise UserError(f"Text {number} is empty. Leave it out or write something in it.")
    return list(table)
