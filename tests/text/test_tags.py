"""Tags are read in every scheme and spelling, and words are never taken for tags."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.text.spans import Span, tags_to_spans
from mtl.text.tags import TagForm, are_chunks, is_tag, named_form, tag_form

TYPES = ("PER", "ORG", "creative-work", "Ort_1")


def _scheme(begin, inside, end, single):
    """Tags (prefix, type) of an entity's words in a scheme with these prefixes."""

    def write(length, label):
        if length == 1:
            return [(single, label)]
        return [(begin, label), *[(inside, label)] * (length - 2), (end, label)]

    return write


# Schemes that tell entities apart that stand side by side.
SCHEMES = {
    "BIO": _scheme("B", "I", "I", "B"),
    "IOBES": _scheme("B", "I", "E", "S"),
    "BILOU": _scheme("B", "I", "L", "U"),
    "BMES": _scheme("B", "M", "E", "S"),
    "BMEWO": _scheme("B", "M", "E", "W"),
    "IOE2": _scheme("I", "I", "E", "E"),
}
SPELLINGS = {
    "B-PER": lambda prefix, label: f"{prefix}-{label}",
    "B_PER": lambda prefix, label: f"{prefix}_{label}",
    "PER-B": lambda prefix, label: f"{label}-{prefix}",
    "b-PER": lambda prefix, label: f"{prefix.lower()}-{label}",
}


@st.composite
def sentences(draw):
    """Lists of the number of words outside before each entity, the entity's number of words, and its type."""
    entity = st.tuples(st.integers(0, 3), st.integers(1, 4), st.sampled_from(TYPES))
    return draw(st.lists(st.lists(entity, max_size=4), min_size=1, max_size=5).filter(any))


def _spans(entities):
    spans, place = [], 0
    for outside, length, label in entities:
        spans.append(Span(place + outside, place + outside + length, label))
        place += outside + length
    return spans


def _read(written):
    form = tag_form(Counter(tag for tags in written for tag in tags))
    return [tags_to_spans(form.read(tags), [(i, i + 1) for i in range(len(tags))]) for tags in written]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spelling", SPELLINGS)
@given(texts=sentences(), outside=st.sampled_from(["O", "o", "0"]))
def test_spans_written_in_any_scheme_are_read_back(scheme, spelling, texts, outside):
    written = []
    for entities in texts:
        tags = []
        for before, length, label in entities:
            tags += [outside] * before + [SPELLINGS[spelling](*tag) for tag in SCHEMES[scheme](length, label)]
        written.append([*tags, outside])
    assert _read(written) == [_spans(entities) for entities in texts]


@given(sentences())
def test_brackets_are_read_back(texts):
    written = []
    for entities in texts:
        tags = []
        for before, length, label in entities:
            inner = [f"({label}*", *["*"] * (length - 2), "*)"] if length > 1 else [f"({label})"]
            tags += ["*"] * before + inner
        written.append([*tags, "*"])
    assert _read(written) == [_spans(entities) for entities in texts]


@given(sentences())
def test_types_without_prefix_are_read_back_where_they_stand_apart(texts):
    texts = [[(before + 1, length, label) for before, length, label in entities] for entities in texts]
    written = []
    for entities in texts:
        tags = []
        for before, length, label in entities:
            tags += ["O"] * before + [label] * length
        written.append([*tags, *["O"] * 9])
    assert _read(written) == [_spans(entities) for entities in texts]


def test_of_nested_brackets_the_outermost_counts():
    assert TagForm("brackets").read(["(ORG(GPE)", "*", "*)", "*", "(PER)"]) == ["B-ORG", "I-ORG", "I-ORG", "O", "B-PER"]


def test_prefixes_alone_have_one_type():
    form = tag_form({"O": 80, "B": 9, "I": 7})
    assert form.read(["B", "I", "O"]) == ["B-entity", "I-entity", "O"]


def test_a_hyphen_in_a_type_is_no_prefix():
    form = tag_form({"O": 80, "person-actor": 9, "location-GPE": 7, "art-film": 4})
    assert form.canonical("person-actor") == "I-person-actor"


def test_the_odd_tag_that_does_not_fit_is_none():
    form = tag_form({"O": 90, "B-PER": 9, "PER": 1})
    assert [form.canonical(tag) for tag in ("PER", "", "B-", "_")] == [None, None, None, "O"]


@pytest.mark.parametrize(
    "values",
    [
        {"e-mail": 1, "I-95": 1, "runs": 8, "O": 1},
        {"S-1": 9, "S-2": 9, "S-3": 9},
        {"A": 9, "B": 9, "AB": 3, "O": 12},
        {"S": 9, "M": 9, "L": 9},
        {"plan-b": 5, "vitamin-e": 5},
        {"NN": 9, "VB": 9, "DT": 9},
        {"0": 30, "1": 5, "2": 5},
        {"o": 30, "gato": 9, "rato": 9, "mar": 9, "viu": 30, "homem": 9, "e": 9},
        {"_": 30, "Q12": 5, "Q13": 5},
        {"_": 30},
        {"": 3},
        {},
    ],
)
def test_what_is_no_tags(values):
    assert tag_form(values) is None


def test_names_of_integer_tags():
    assert named_form(["O", "B-PER", "I-PER"]).canonical("B-PER") == "B-PER"
    # The ids themselves, of which the first is that of words outside.
    form = named_form(["0", "1", "2"])
    assert form.read(["0", "1", "2"]) == ["O", "I-1", "I-2"]


def test_phrases_are_no_entities():
    form = tag_form({"B-NP": 9, "I-NP": 9, "B-VP": 9, "O": 4})
    assert are_chunks(form, ["B-NP", "I-NP", "B-VP", "O"])
    assert not are_chunks(form, ["B-PER", "O"])


def test_tags_that_are_certain_by_themselves():
    assert all(map(is_tag, ["O", "B-PER", "M-PER", "S-a.b"]))
    assert not any(map(is_tag, ["o", "e-mail", "B-", "PER", "B-a b", "B-" + "q" * 1001]))
