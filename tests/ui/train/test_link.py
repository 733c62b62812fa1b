"""What a link says of the Train tab is what it was made of; and nothing that comes by a link is more than that."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import TrainConfig, UserError
from mtl.ui.train.data.words import SAMPLE_NAMES
from mtl.ui.train.link import LONGEST, Link, from_link, shortened, to_link
from tests.readings import names, readings

data = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"name": st.text(min_size=1, max_size=200), "columns": st.lists(names).map(tuple), "reading": readings}
    ),
    st.fixed_dictionaries({"name": st.sampled_from([*SAMPLE_NAMES]), "sample": st.just(True), "reading": readings}),
)
links = st.builds(
    lambda config, start, about: Link(config, start, **about),
    st.builds(
        TrainConfig, epochs=st.integers(1, 9), seed=st.integers(0, 99), rates=st.dictionaries(names, st.floats(0, 1))
    ),
    st.sampled_from(["own", "backbone"]),
    data,
)


@given(links)
def test_a_link_is_read_as_it_was_made_behind_a_question_mark_too(link):
    assert from_link(to_link(link)) == link
    assert from_link(f"?__theme=dark&{to_link(link)}&again=1") == replace(link, again=True)


@given(links, st.integers(0, 600))
def test_a_link_is_never_longer_than_it_may_be_and_what_is_left_out_is_named(link, many):
    link = Link(link.config, link.start, link.name, link.sample, ("é" * 20,) * many * (not link.sample), link.reading)
    short, left_out = shortened(link)
    assert len(to_link(short)) <= LONGEST
    assert left_out == [
        part for part in ("columns", "reading", "config") if getattr(short, part) != getattr(link, part)
    ]
    assert (short.start, short.name) == (link.start, link.name)


def packed(content) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "about",
    [
        [1],
        {"file": 3},
        {"file": "a.csv", "sample": "tickets.csv"},
        {"columns": ["a"]},
        {"file": "a.csv", "columns": "abc"},
        {"file": "a.csv", "path": "/etc/passwd"},
        {"file": "a.csv", "reading": {"max_bytes": 10**12}},
        {"file": "a.csv", "reading": {"roles": {"a": None}}},
        {"file": "a.csv", "reading": {"roles": ["a"]}},
        {"file": "a.csv", "reading": {"mapping": {"a": {"b": 1}}}},
        {"file": "a.csv", "reading": {"names": {"a": "O"}}},
        {"file": "a.csv", "reading": {"header": 1}},
        {"sample": "../../../etc/passwd"},
    ],
)
def test_data_that_no_page_would_say_is_refused(about):
    with pytest.raises(UserError, match="The link was not applied"):
        from_link(f"train=&data={packed(about)}")


@given(st.text(), st.binary())
def test_nonsense_is_refused_in_words(text, content):
    for value in (text.replace("&", ""), base64.urlsafe_b64encode(content).decode()):
        try:
            from_link(f"data={value}")
        except UserError as problem:
            assert "The link was not applied" in str(problem)
