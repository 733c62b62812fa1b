"""What is done to texts is undone and done again; offers count as nothing; wrong values are said, and nothing lost."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.kinds.classification import Classification
from mtl.kinds.multilabel import LabelSet
from mtl.labelling.project import (
    LONGEST_TEXT,
    MOST_CHANGES,
    MOST_TEXTS,
    Agreement,
    Offer,
    Project,
    Repeat,
    accept,
    add,
    agreement,
    change_scheme,
    give,
    leave_out,
    offer,
    redo,
    repeats,
    undo,
)
from mtl.labelling.scheme import MOST_LABELS, Scheme
from mtl.text.spans import Span
from tests.labelling.labelled import MOOD, NAMES, SCHEMES, TEAM, TEXTS, TOPICS, project, saved, texts, values


def any_step(data, some):
    """The project after something that somebody may do."""
    places = st.integers(0, len(some.items) - 1)
    actions = ["add", "offer", "scheme"] + ["give", "give", "clear", "leave out", "back", "accept"] * bool(some.items)
    action = data.draw(st.sampled_from(actions))
    if action == "add":
        return add(some, data.draw(st.lists(TEXTS, max_size=3))).project
    if action == "give":
        place = data.draw(places)
        return give(some, place, data.draw(values(some.scheme, some.items[place].text)))
    if action == "clear":
        return give(some, data.draw(places), None)
    if action in ("leave out", "back"):
        return leave_out(some, data.draw(st.lists(places, max_size=2)), action == "leave out")
    if action == "accept":
        return accept(some, data.draw(st.lists(places, max_size=3)))
    if action == "offer":
        chosen = data.draw(st.lists(places, max_size=3)) if some.items else []
        answers = {place: data.draw(values(some.scheme, some.items[place].text)) for place in chosen}
        return offer(some, {place: Offer(value, 0.5, "a model") for place, value in answers.items()})
    described = dict.fromkeys(some.scheme.labels, data.draw(st.text(max_size=5)))
    return change_scheme(some, dataclasses.replace(some.scheme, descriptions=described))


@given(st.data(), st.sampled_from(SCHEMES))
def test_every_step_is_undone_and_done_again_and_all_of_it_can_be_kept(data, scheme):
    states = [project(scheme, 3)]
    for _ in range(data.draw(st.integers(1, 8))):
        states.append(any_step(data, states[-1]))
    some = states[-1]
    assert saved(some) == some
    while some.past:
        some = undo(some)
        assert saved(some) == some
    assert (some.items, undo(some)) == ((), some)
    while some.future:
        some = redo(some)
    assert some == states[-1] == redo(some)


def test_another_step_ends_what_can_be_done_again():
    some = give(undo(give(project(), 0, "billing")), 1, "billing")
    assert redo(some) == some
    assert [item.value for item in undo(some).items] == [None] * 6


def test_the_steps_that_are_kept_have_a_bound():
    some = project(count=MOST_TEXTS)
    for i in range(6 * MOST_CHANGES // MOST_TEXTS):
        some = leave_out(some, range(MOST_TEXTS), out=not i % 2)
    assert sum(step.size for step in some.past) <= MOST_CHANGES and len(some.past) >= MOST_CHANGES // MOST_TEXTS - 1
    assert saved(some) == some


def test_labels_count_in_the_order_in_which_they_were_given():
    some = project()
    for place, label in ((4, "billing"), (1, "delivery"), (2, "billing"), (4, "hardware")):
        some = give(some, place, label)
    assert some.in_order == [4, 1, 2]
    assert some.counts == {"billing": 1, "delivery": 1, "hardware": 1}
    assert leave_out(some, [1]).in_order == [4, 2]
    assert give(some, 1, None).values == [None, None, "billing", None, "hardware", None]


def test_an_offer_counts_as_nothing_until_it_is_accepted():
    some = offer(project(), {i: Offer("billing", 0.9, "a model") for i in (0, 1, 2)})
    assert some.values == [None] * 6 and not some.in_order and not sum(some.counts.values())
    some = accept(give(some, 1, "delivery"), [0, 1, 5])
    assert some.values == ["billing", "delivery", None, None, None, None]
    assert agreement(some) == [Agreement("a model", 1, 2)]
    # Whoever has labelled a text is not offered anything for it any more.
    assert offer(some, {0: Offer("hardware", 1.0, "another")}) == some


def test_texts_that_are_left_out_of_a_project_are_counted():
    added = add(Project(TEAM), ["fine", " ", "\u200b", "a" * (LONGEST_TEXT + 1), *texts(MOST_TEXTS)])
    assert len(added.project.items) == MOST_TEXTS
    assert added.notes == (
        "2 blank texts skipped.",
        "1 text of more than 5,000 characters left out: shorten or divide them.",
        "1 text left out: a project holds 2,000.",
    )
    assert add(added.project, ["more"]).project == added.project


def test_repeats_and_contradictions_are_found():
    some = add(Project(TEAM), ["It broke", "fine", "it  BROKE", "Fine", "fine ", "other"]).project
    assert repeats(some) == [Repeat((0, 2), False), Repeat((1, 3, 4), False)]
    some = give(give(give(some, 1, "billing"), 4, "delivery"), 0, "hardware")
    assert repeats(some) == [Repeat((1, 3, 4), True), Repeat((0, 2), False)]
    assert repeats(leave_out(some, [4, 2])) == [Repeat((1, 3), False)]


@pytest.mark.parametrize(
    ("scheme", "value", "problem"),
    [
        (TEAM, "sales", "Task 'team' has no label 'sales'; it has billing, delivery and hardware."),
        (TOPICS, LabelSet(("price", "size")), "Task 'topics' has no label 'size'; it has price, service and taste."),
        (MOOD, 1.5, "1.5 is not from -1 to 1, which is what mood goes by."),
        (MOOD, float("nan"), "Task 'mood' needs a number, not nan."),
        (
            NAMES,
            (Span(0, 6, "PER"), Span(5, 13, "ORG")),
            '"text n" (PER) and "number 0" (ORG) overlap: remove one of them first.',
        ),
        (NAMES, (Span(4, 5, "PER"),), "There are only spaces there: mark the words."),
        (NAMES, (Span(25, 99, "PER"),), "The span 25 to 99 is not in its text, which has 29 characters."),
        (NAMES, (Span(0, 4, "LOC"),), "Task 'names' has no entity type 'LOC'; it has PER, ORG and product line."),
        (Scheme("new", Classification.name), "a", "new has 0 labels so far, and not that one: add it first."),
        (
            Scheme("new", Classification.name, ("a",)),
            "\x000",
            "new has 1 label so far",
        ),
    ],
)
def test_a_value_that_cannot_be_is_said_and_nothing_is_lost(scheme, value, problem):
    some = project(scheme)
    with pytest.raises(UserError) as refused:
        give(some, 0, value)
    assert str(refused.value).startswith(problem)
    assert some == project(scheme)


def test_spans_are_kept_in_order_without_the_spaces_around_them():
    some = give(project(NAMES), 0, (Span(16, 21, "PER"), Span(4, 12, "ORG")))
    assert some.items[0].text == "text number 0 of Ada and Acme"
    assert some.values[0] == (Span(5, 11, "ORG"), Span(17, 20, "PER"))


def test_labels_are_renamed_merged_and_removed_with_their_values():
    some = project()
    for place, label in enumerate(("billing", "delivery", "hardware")):
        some = give(some, place, label)
    some = offer(some, {3: Offer("hardware", 0.9, "a model")})
    fewer = Scheme("team", Classification.name, ("money", "things"))
    after = change_scheme(some, fewer, {"billing": "money", "delivery": "money", "hardware": None})
    assert after.values[:4] == ["money", "money", None, None]
    assert (after.items[3].offered, after.counts) == (None, {"money": 2, "things": 0})
    assert undo(after).values == some.values and undo(after).scheme == some.scheme
    assert saved(undo(after)) == undo(after)
    with pytest.raises(UserError, match="has no label 'hardware'"):
        change_scheme(some, fewer, {"billing": "money", "delivery": "money"})
    with pytest.raises(UserError, match="another kind of task needs a project of its own"):
        change_scheme(some, MOOD)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (("a", "A"), '"a" and "A" are the same label in a file: keep one of them.'),
        (("1", "1.0"), '"1" and "1.0" are the same label in a file: keep one of them.'),
        (("a", "n/a"), '"n/a" stands for no label at all in a file: choose another name for it.'),
        (("a", "b" * 101), "is longer than 100 characters: shorten it."),
        (tuple(map(str, range(MOST_LABELS + 1))), "51 labels are too many to choose from; there can be 50."),
        (("a", "\u200b"), "every label must be a text that is not empty"),
        (("a", 1), "every label must be a text that is not empty"),
        ("ab", "labels cannot be 'ab'."),
    ],
)
def test_labels_that_a_file_cannot_hold_are_refused(labels, problem):
    with pytest.raises(UserError) as refused:
        Scheme("team", Classification.name, labels)
    assert problem in str(refused.value)


def test_more_about_schemes_is_refused_where_it_is_wrong():
    with pytest.raises(UserError, match="how a file marks a single word"):
        dataclasses.replace(NAMES, labels=("B-PER",))
    with pytest.raises(UserError, match="'price', which is not one of the labels"):
        dataclasses.replace(TEAM, descriptions={"price": "what it costs"})
    with pytest.raises(UserError, match="cannot be labelled by hand"):
        dataclasses.replace(TEAM, kind="similarity")
    with pytest.raises(UserError, match="an answer already has a field of that name"):
        dataclasses.replace(TEAM, name="text")
    assert Scheme("team", Classification.name, (" a\n", "b\u200b")).labels == ("a", "b")
