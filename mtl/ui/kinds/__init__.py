"""How each kind of task is shown, one module each. A kind without one is shown by its answers in words."""

from __future__ import annotations

from mtl import plugins
from mtl.config import KINDS
from mtl.ui.kinds.classification import ClassificationView
from mtl.ui.kinds.contrastive import ContrastiveView
from mtl.ui.kinds.multilabel import MultilabelView
from mtl.ui.kinds.pair_classification import PairClassificationView
from mtl.ui.kinds.regression import RegressionView
from mtl.ui.kinds.similarity import SimilarityView
from mtl.ui.kinds.tagging import TaggingView
from mtl.ui.kinds.view import View

_OF_ONE_TEXT = (ClassificationView, MultilabelView, RegressionView, TaggingView)
_OF_TWO_TEXTS = (SimilarityView, PairClassificationView, ContrastiveView)
VIEWS: dict[str, type[View]] = {view.kind: view for view in (*_OF_ONE_TEXT, *_OF_TWO_TEXTS)}
for _module in plugins.MODULES:
    VIEWS |= getattr(_module, "views", dict)()


def shown(kind: str) -> View:
    """How the kind of task of this name is shown."""
    return VIEWS.get(kind, View)(KINDS[kind])
