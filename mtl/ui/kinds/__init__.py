"""How each kind of task is shown, one module each. A kind without one is shown by its answers in words."""

from __future__ import annotations

from mtl import plugins
from mtl.config import KINDS
from mtl.ui.kinds.classification import ClassificationView
from mtl.ui.kinds.multilabel import MultilabelView
from mtl.ui.kinds.regression import RegressionView
from mtl.ui.kinds.tagging import TaggingView
from mtl.ui.kinds.view import View

VIEWS: dict[str, type[View]] = {
    view.kind: view for view in (ClassificationView, MultilabelView, RegressionView, TaggingView)
}
for _module in plugins.MODULES:
    VIEWS |= getattr(_module, "views", dict)()


def shown(kind: str) -> View:
    """How the kind of task of this name is shown."""
    return VIEWS.get(kind, View)(KINDS[kind])
