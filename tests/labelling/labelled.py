"""Schemes, texts and values that the tests of labelling are made of."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from mtl.kinds.classification import Classification
from mtl.kinds.multilabel import LabelSet, Multilabel
from mtl.kinds.regression import Regression
from mtl.kinds.tagging import Tagging
from mtl.labelling.project import Project, add
from mtl.labelling.saved import from_json, to_json
from mtl.labelling.scheme import Scheme
from mtl.text.cleaning import clean, is_blank
from mtl.text.spans import Span

TEAM = Scheme("team", Classification.name, ("billing", "delivery", "hardware"))
TOPICS = Scheme("topics", Multilabel.name, ("price", "service", "taste"))
MOOD = Scheme("mood", Regression.name, low=-1.0, high=1.0)
NAMES = Scheme("names", Tagging.name, ("PER", "ORG", "product line"))
SCHEMES = (TEAM, TOPICS, MOOD, NAMES)

TEXTS = st.text(max_size=40).map(clean).filter(lambda text: not is_blank(text))


def texts(count):
    return [f"text number {i} of Ada and Acme" for i in range(count)]


def project(scheme=TEAM, count=6):
    return add(Project(scheme), texts(count)).project


def values(scheme, text):
    """Any value that the scheme and the text can have."""
    if scheme.kind == MOOD.kind:
        return st.floats(-1, 1)
    if scheme.kind == TEAM.kind:
        return st.sampled_from(TEAM.labels)
    if scheme.kind == TOPICS.kind:
        return st.lists(st.sampled_from(TOPICS.labels), unique=True).map(lambda labels: LabelSet(tuple(labels)))
    places = st.lists(st.integers(0, len(text)), max_size=4, unique=True).map(sorted)
    return st.tuples(places, st.lists(st.sampled_from(NAMES.labels), min_size=2, max_size=2)).map(
        lambda found: tuple(
            Span(start, end, label)
            for start, end, label in zip(found[0][::2], found[0][1::2], found[1], strict=False)
            if text[start:end].strip()
        )
    )


def saved(some):
    """A project, written and read again."""
    return from_json(json.loads(json.dumps(to_json(some))))
