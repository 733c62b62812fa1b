"""A project that is read back is the one that was written; anything else is refused in a sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.kinds.multilabel import LabelSet
from mtl.labelling.project import Offer, change_scheme, give, leave_out, offer, redo, undo
from mtl.labelling.saved import from_json, to_json
from mtl.labelling.scheme import Scheme
from mtl.text.spans import Span
from tests.labelling.labelled import MOOD, NAMES, SCHEMES, TEAM, project, saved

VALUES = ("billing", LabelSet(("price", "taste")), 0.25, (Span(0, 4, "PER"),))


def full(scheme, value):
    """A project with something of everything."""
    some = offer(project(scheme), {0: Offer(value, 0.75, "a model"), 3: Offer(value, 0.25, "a model")})
    some = leave_out(give(give(some, 0, value), 1, value), [2])
    return undo(undo(give(some, 4, value)))


@pytest.mark.parametrize(("scheme", "value"), list(zip(SCHEMES, VALUES, strict=True)))
def test_a_project_comes_back_as_it_was(scheme, value):
    some = full(scheme, value)
    assert saved(some) == some
    assert redo(redo(saved(some))) == redo(redo(some))


def test_texts_are_written_once():
    some = full(TEAM, "billing")
    assert json.dumps(to_json(some)).count('"text"') == len(some.items)


def damaged(data, draw):
    """JSON data with one part of it replaced by something else, or left out."""
    where, rest = data, draw(st.integers(1, 6))
    while rest and isinstance(where, (dict, list)) and where:
        keys = list(where) if isinstance(where, dict) else range(len(where))
        key = draw(st.sampled_from(keys))
        if rest > 1 and isinstance(where[key], (dict, list)) and where[key]:
            where, rest = where[key], rest - 1
            continue
        if draw(st.booleans()):
            del where[key]
        else:
            strange = st.sampled_from([None, True, -1, 3, 10**400, 0.5, float("nan"), "", "\ud800", "a", [], [1], {}])
            where[key] = draw(strange)
        break
    return data


def walked(some):
    """Everything that can be reached from a project by undoing and doing again."""
    states = [some]
    while states[-1].past:
        states.append(undo(states[-1]))
    forth = some
    while forth.future:
        forth = redo(forth)
        states.append(forth)
    return states


@given(st.data(), st.sampled_from(list(zip(SCHEMES, VALUES, strict=True))))
def test_a_damaged_project_is_refused_in_a_sentence_or_sound(data, pair):
    try:
        some = from_json(damaged(to_json(full(*pair)), data.draw))
    except UserError as refused:
        assert str(refused).endswith(".") and "\n" not in str(refused)
        return
    for state in walked(some):
        assert all(isinstance(item.text, str) for item in state.items)
        for item in state.items:
            for value in (item.value, item.offered and item.offered.value):
                assert value is None or state.scheme.value(value, item.text) == value
        assert state.in_order is not None and saved(state) == state


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.dictionaries(st.text(), st.text())
)
def test_what_is_no_project_is_refused(data):
    with pytest.raises(UserError, match="This is no project of labelled texts"):
        from_json(data)


def test_a_step_that_leaves_values_of_another_scheme_is_refused():
    other = Scheme("names", NAMES.kind, ("PER",))
    data = to_json(change_scheme(give(project(NAMES), 0, (Span(0, 4, "PER"),)), other))
    data["past"][-1]["items"] = []
    with pytest.raises(UserError, match="a step leaves values of another scheme"):
        from_json(data)


@pytest.mark.parametrize("value", (10**400, "far", [1], {"low": 0}))
def test_a_value_that_is_none_is_refused(value):
    data = to_json(full(MOOD, 0.25))
    data["items"][0]["value"] = value
    with pytest.raises(UserError, match="mood"):
        from_json(data)


def test_a_version_that_is_not_known_is_said():
    with pytest.raises(UserError, match="its version is 2, and not 1"):
        from_json({**to_json(project()), "version": 2})
