"""What a head has learned is measured on texts that it has not learned from and that it did not pick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.kinds.classification import Classes, Classification
from mtl.labelling.learning import fit
from mtl.labelling.measuring import (
    CROSS_VALIDATED,
    ENOUGH,
    SET_ASIDE,
    basis,
    curve,
    is_set_aside,
    measure,
    measure_others,
    sizes,
    steps,
)
from mtl.labelling.project import Project, add, give
from mtl.labelling.queue import AS_GIVEN, BY_HAND, LEAST_SURE, ORDERS, SUREST, picks, queue
from mtl.labelling.scheme import Scheme
from mtl.training.significance import share
from tests.labelling.labelled import MOOD, TEAM, TOPICS, project
from tests.labelling.test_learning import value, vectors


def labelled(count, scheme=TEAM, picked=()):
    """A project whose first texts are labelled by the places of their vectors."""
    some = project(scheme, count)
    for place in range(count):
        some = give(some, place, value(scheme, place % 3), place in picked)
    return some, vectors(np.arange(count) % 3)


# --- the figure ---


@pytest.mark.parametrize("scheme", (TEAM, TOPICS, MOOD), ids=lambda scheme: scheme.name)
def test_few_labels_are_cross_validated_and_many_measured_on_those_set_aside(scheme):
    few, many = (measure(*labelled(count, scheme)) for count in (12, 130))
    assert (few.how, few.labels, few.figure.rows) == (CROSS_VALIDATED, 12, 12)
    aside = sum(is_set_aside(item.text) for item in project(scheme, 130).items)
    assert aside >= ENOUGH and (many.how, many.labels, many.figure.rows) == (SET_ASIDE, 130 - aside, aside)
    for point in (few, many):
        assert point.figure.low <= point.figure.value <= point.figure.high
        better = point.figure.value - point.guess.value
        assert (better > 0.3) == (scheme is not MOOD) and better * (1 if scheme is not MOOD else -1) > 0


def test_nothing_is_learned_from_labels_that_mean_nothing():
    """Vectors that say nothing of the labels: whoever learned from what is asked would be right nevertheless."""
    rng = np.random.default_rng(0)
    for count in (60, 140):
        some, _ = labelled(count)
        noise = rng.normal(size=(count, 200)).astype(np.float32)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        assert measure(some, noise).figure.value < 0.6
        everything = fit(TEAM, noise, some.values)(noise).answers
        assert all(answer.label == label for answer, label in zip(everything, some.values, strict=True))


def test_the_same_text_is_never_learned_from_and_asked():
    """Ten different texts, four times each in another spelling, with vectors that say nothing of their labels."""
    rng = np.random.default_rng(1)
    texts = [f"some {' ' * (i // 10)}text {'abcdefghij'[i % 10]}" for i in range(40)]
    some = add(Project(TEAM), [text.upper() if i % 2 else text for i, text in enumerate(texts)]).project
    for place in range(40):
        some = give(some, place, TEAM.labels[place % 10 % 2])
    once = rng.normal(size=(10, 64))
    all_vectors = np.tile(once / np.linalg.norm(once, axis=1, keepdims=True), (4, 1)).astype(np.float32)
    assert measure(some, all_vectors).figure.value < 0.9


def test_what_was_picked_is_learned_from_but_never_asked():
    some, all_vectors = labelled(12, picked=range(3, 12))
    assert measure(some, all_vectors) is None
    some, all_vectors = labelled(12, picked=range(6, 12))
    point = measure(some, all_vectors)
    assert (point.labels, point.figure.rows) == (12, 6)


def test_a_figure_is_measured_anew_only_where_it_rests_on_something_else():
    some, _ = labelled(12)
    before = [basis(some, size) for size in sizes(some)]
    assert len({*before}) == len(before) == len(steps(12))
    more = give(add(some, ["another one"]).project, 12, "billing")
    assert [basis(more, size) for size in sizes(some)] == before
    mended = give(some, 11, "delivery" if some.items[11].value == "billing" else "billing")
    assert [basis(mended, size) == old for size, old in zip(sizes(some), before, strict=True)][-2:] == [True, False]


def test_answers_that_were_not_learned_are_measured_on_texts_that_nobody_picked():
    some, _ = labelled(12, picked=range(8, 12))
    right = [Classes(label, {}) for label in some.values]
    wrong = [Classes("nothing", {}) for _ in range(12)]
    point = measure_others(some, [*right[:6], *wrong[6:]])
    assert (point.figure.rows, point.figure.value) == (8, 6 / 8)
    assert measure_others(labelled(12, picked=range(3, 12))[0], wrong) is None
    many, _ = labelled(130)
    aside = sum(is_set_aside(item.text) for item in many.items)
    assert measure_others(many, [Classes(label, {}) for label in many.values]).figure == share(aside, aside)


def test_what_somebody_chose_from_a_list_of_answers_is_picked():
    assert all(picks(BY_HAND, text) for text in ("one", "two", "three", "four", "five", "six", "seven"))


def test_a_label_of_one_text_is_not_asked_but_counted():
    some, all_vectors = labelled(10)
    for place in (2, 5, 8):
        some = give(some, place, None)
    some = give(some, 2, "hardware")
    point = measure(some, all_vectors)
    assert (point.labels, point.figure.rows, point.unasked) == (8, 7, 1)


def test_there_is_no_figure_before_something_can_be_said():
    assert [measure(*labelled(count)) for count in range(4)] == [None] * 4
    some, all_vectors = project(), vectors(np.arange(6) % 3)
    for place in range(6):
        some = give(some, place, "billing")
    assert measure(some, all_vectors) is None


def test_a_curve_has_points_up_to_all_labels_each_the_figure_of_so_many():
    some, all_vectors = labelled(40)
    points = curve(some, all_vectors)
    assert [point.labels for point in points][-1] == 40
    assert all(point == measure(some, all_vectors, point.labels) for point in points)
    # The figure after the first labels is what it was then.
    first = points[0].labels
    assert points[0] == measure(labelled(first)[0], all_vectors[:first])
    many, all_vectors = labelled(140)
    assert len({point.figure.rows for point in curve(many, all_vectors)}) == 1


@given(st.integers(0, 3000))
def test_points_stand_further_apart_the_more_labels_there_are(labels):
    found = steps(labels)
    assert found == sorted(set(found)) and len(found) < 45
    assert found == [] if labels < 4 else found[-1] == labels


# --- what comes next ---


@given(st.text())
def test_a_text_is_set_aside_in_any_case_and_spacing(text):
    assert is_set_aside(f" {text}\n") == is_set_aside(text)
    assert is_set_aside("Stra\u00dfe " + text.lower()) == is_set_aside("STRASSE  " + text.lower())


def test_about_a_fifth_is_set_aside():
    assert 350 < sum(is_set_aside(f"text {i}") for i in range(2000)) < 450


@given(st.data())
def test_every_order_has_each_text_without_a_label_once(data):
    some, _ = labelled(30)
    for place in data.draw(st.lists(st.integers(0, 29), unique=True)):
        some = give(some, place, None)
    certainty = data.draw(st.lists(st.floats(0, 1), min_size=30, max_size=30))
    for how in ORDERS:
        found = queue(some, how, certainty)
        assert sorted(found) == [place for place in range(30) if some.values[place] is None]
        picked = [place for place in found if picks(how, some.items[place].text)]
        sign = {LEAST_SURE: 1, SUREST: -1, AS_GIVEN: 0}[how]
        assert [sign * certainty[place] for place in picked] == sorted(sign * certainty[place] for place in picked)
        aside = [place for place in found if place not in picked]
        assert aside == sorted(aside)


@pytest.mark.parametrize("how", (LEAST_SURE, SUREST))
def test_texts_set_aside_come_up_among_those_that_are_picked(how):
    """Whoever labels what comes up has a figure early, and a test set in the end."""
    some, seen = project(count=300), []
    certainty = np.linspace(0, 1, 300)
    for number in range(1, 121):
        place = queue(some, how, certainty)[0]
        seen.append(not picks(how, some.items[place].text))
        some = give(some, place, "billing", picks(how, some.items[place].text))
        if number == 8:
            assert sum(seen) == 4
    assert ENOUGH <= sum(seen) <= 120 / 3


# --- on the real model ---


@pytest.fixture(scope="module", params=[("tickets.csv", "team"), ("workshop.csv", "topic")], ids=lambda pair: pair[0])
def sample(request, default_model):
    """A project of a sample's texts, their labels, and their vectors."""
    from mtl.data.table import read_table
    from mtl.places import ASSETS

    name, column = request.param
    table = read_table(ASSETS / "samples" / name)
    scheme = Scheme(column, Classification.name, table.tasks()[column].labels)
    some = add(Project(scheme), [row.text for row in table.rows]).project
    return some, [row.labels[column] for row in table.rows], default_model.encode([row.text for row in table.rows])


@pytest.mark.parametrize("how", (AS_GIVEN, LEAST_SURE))
def test_eight_labels_are_better_than_the_guess(sample, how):
    some, truths, all_vectors = sample
    for _ in range(8):
        values = some.values
        known = len({value for value in values if value is not None}) > 1
        certainty = fit(some.scheme, all_vectors, values)(all_vectors).certainty if known else None
        place = queue(some, how, certainty)[0]
        some = give(some, place, truths[place], known and picks(how, some.items[place].text))
    answers = fit(some.scheme, all_vectors, some.values)(all_vectors).answers
    rest = [place for place, value in enumerate(some.values) if value is None]
    right = share(sum(answers[place].label == truths[place] for place in rest), len(rest))
    guess = max(truths.count(label) for label in some.scheme.labels) / len(truths)
    assert right.low > guess + 0.1


def test_the_figure_is_about_what_the_head_gets_right_of_the_others(sample):
    """Of texts that a head picked, and of those that came up as they were."""
    some, truths, all_vectors = sample
    for how, count in ((AS_GIVEN, 40), (LEAST_SURE, 40)):
        own = replace(some)
        for _ in range(count):
            known = len({value for value in own.values if value is not None}) > 1
            certainty = fit(own.scheme, all_vectors, own.values)(all_vectors).certainty if known else None
            place = queue(own, how, certainty)[0]
            own = give(own, place, truths[place], known and picks(how, own.items[place].text))
        answers = fit(own.scheme, all_vectors, own.values)(all_vectors).answers
        rest = [place for place, value in enumerate(own.values) if value is None]
        really = sum(answers[place].label == truths[place] for place in rest) / len(rest)
        figure = measure(own, all_vectors).figure
        assert figure.low - 0.05 <= really <= figure.high + 0.05
