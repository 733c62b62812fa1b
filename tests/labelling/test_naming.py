"""Texts are labelled by the names of labels alone, in the form of a head's answers."""

from __future__ import annotations

import numpy as np
import pytest

from mtl.config import UserError
from mtl.kinds.classification import Classes, Classification
from mtl.labelling.naming import by_name
from mtl.labelling.scheme import Scheme
from tests.labelling.labelled import MOOD, NAMES, TEAM


def test_each_text_has_the_label_whose_description_is_nearest():
    names = np.eye(3, dtype=np.float32)
    texts = np.array([[0, 1, 0], [0.8, 0.6, 0], [0, 0.6, 0.8]], dtype=np.float32)
    found = by_name(TEAM, texts, names)
    assert [answer.label for answer in found.answers] == ["delivery", "billing", "hardware"]
    assert all(isinstance(answer, Classes) and tuple(answer.probabilities) == TEAM.labels for answer in found.answers)
    assert [sum(answer.probabilities.values()) for answer in found.answers] == pytest.approx([1, 1, 1])
    assert found.certainty[0] > found.certainty[1] == pytest.approx(found.certainty[2])


@pytest.mark.parametrize("scheme", (MOOD, NAMES, Scheme("new", Classification.name, ("a",))))
def test_what_has_no_names_to_choose_from_is_refused(scheme):
    with pytest.raises(UserError, match="cannot be answered by names|needs two labels"):
        by_name(scheme, np.eye(2), np.eye(2))


def test_a_description_says_more_than_a_name(default_model):
    texts = ["I was charged twice this month.", "The parcel never came.", "My lamp flickers.", "Please refund me."]
    meant = ["billing", "delivery", "hardware", "billing"]
    words = {"billing": "money, invoices and refunds", "delivery": "a parcel that is late or lost"}
    scheme = Scheme("team", Classification.name, TEAM.labels, {**words, "hardware": "a device that is broken"})
    names = default_model.encode([scheme.words_for(label) for label in scheme.labels])
    assert [answer.label for answer in by_name(scheme, default_model.encode(texts), names).answers] == meant
