"""How a classification of two texts is shown: as one of a single text."""

from __future__ import annotations

from mtl.kinds.pair_classification import PairClassification
from mtl.ui.kinds.classification import ClassificationView


class PairClassificationView(ClassificationView):
    kind = PairClassification.name
    use = "labels of two texts"
    about = "one label for two texts"
    tab = ""
