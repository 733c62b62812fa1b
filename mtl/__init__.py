"""Multi-task sentence transformers: one shared backbone, several heads, one pass.

import mtl
model = mtl.load()
model.analyze(["Marie Curie worked in Paris and loved it."])
model.encode(["a sentence", "another"])          # float32 (n, dim), unit rows
"""

from __future__ import annotations

import importlib

from mtl import plugins
from mtl.config import register_kind
from mtl.kinds.classification import Classification
from mtl.kinds.contrastive import Contrastive
from mtl.kinds.multilabel import Multilabel
from mtl.kinds.pair_classification import PairClassification
from mtl.kinds.regression import Regression
from mtl.kinds.similarity import Similarity
from mtl.kinds.tagging import Tagging

# pyproject.toml reads it from here.
__version__ = "0.1.0"

for _kind in (Classification, Multilabel, Regression, Tagging, Similarity, PairClassification, Contrastive):
    register_kind(_kind())
plugins.load()

# Resolved when first used: `import mtl` itself must not import torch, so that the page can answer before it.
_HOMES = {
    "load": "mtl.checkpoint",
    "MultiTaskModel": "mtl.model",
    "TaskSpec": "mtl.config",
    "TrainConfig": "mtl.config",
    "UserError": "mtl.config",
    "train": "mtl.training.runs.worker",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mtl' has no attribute {name!r}")
