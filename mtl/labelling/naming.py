"""Labels by their names alone: each text has the label whose description is nearest, without any example of it.

The honest baseline beside a head that learns: what the model knows of a label before anybody has labelled a text.
"""

from __future__ import annotations

import numpy as np

from mtl.config import UserError
from mtl.kinds.classification import Classification
from mtl.labelling.learning import Answers, classes
from mtl.labelling.scheme import Scheme

# By so much sentence-transformers multiplies cosines when an encoder learns by a softmax of them which texts belong
# together. The shares say which label is nearest and by how much; nobody has checked that they are probabilities.
SCALE = 20.0


def why_not(scheme: Scheme) -> str:
    """Why texts cannot be labelled by the names of labels, in a sentence; "" if they can."""
    if scheme.kind != Classification.name:
        return f"{scheme.name} cannot be answered by names: that takes one label for each text."
    if len(scheme.labels) < 2:
        return f"{scheme.name} needs two labels to choose between."
    return ""


def by_name(scheme: Scheme, vectors: np.ndarray, descriptions: np.ndarray) -> Answers:
    """The nearest label for each text, in the form of a head's answers: `vectors` (texts, dim) and those of what labels
    mean (`Scheme.words_for`), in their order (labels, dim), each of length 1.

    Raises `UserError` where that is not possible.
    """
    if problem := why_not(scheme):
        raise UserError(problem)
    scaled = SCALE * (np.asarray(vectors, dtype=float) @ np.asarray(descriptions, dtype=float).T)
    shares = np.exp(scaled - scaled.max(1, keepdims=True))
    return classes(scheme.labels, shares / shares.sum(1, keepdims=True))
