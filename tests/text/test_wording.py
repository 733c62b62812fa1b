"""How alike two texts are by their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.text.wording import contained, shared


@pytest.mark.parametrize(
    ("one", "other", "share", "part"),
    [
        ("A dog sleeps.", "a DOG sleeps!", 1.0, 1.0),
        ("a dog sleeps", "a cat sleeps", 0.5, 2 / 3),
        ("a dog sleeps at home", "dog home", 0.4, 1.0),
        ("", "a dog", 0.0, 0.0),
        ("今天天气好", "今天天气坏", 0.6, 0.75),
    ],
)
def test_shared_words(one, other, share, part):
    assert shared(one, other) == pytest.approx(share) and contained(one, other) == pytest.approx(part)


@given(st.text(), st.text())
def test_shares_are_shares_and_go_both_ways(one, other):
    assert 0 <= shared(one, other) == shared(other, one) <= contained(one, other) == contained(other, one) <= 1
