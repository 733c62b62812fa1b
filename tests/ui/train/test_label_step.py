"""What the server makes of the labels that a person gives: it learns from each and counts no offer as one."""

from __future__ import annotations

import json
from functools import partial

import pytest

from mtl.kinds.classification import Classification
from mtl.kinds.multilabel import Multilabel
from mtl.kinds.regression import Regression
from mtl.kinds.tagging import Tagging
from mtl.labelling.project import Project
from mtl.labelling.queue import AS_GIVEN, LEAST_SURE
from mtl.labelling.saved import to_json
from mtl.labelling.scheme import Scheme
from mtl.ui.train.label import step, words
from mtl.ui.train.label.state import Labelling

TEXTS = [f"The {what} number {i} was {how}." for i in range(15) for what, how in (("soup", "cold"), ("train", "late"))]
TEAM = Scheme("team", Classification.name, ("kitchen", "track"))


class Browser:
    """The other side: it keeps the project as it was last said, and the actions since."""

    def __init__(self, session, name="one", scheme=TEAM):
        self.ask_server = partial(step.answer_or_problem, session, name)
        self.draft = {"draft": f"draft of {name}", "at": 0, "base": to_json(Project(scheme)), "actions": []}
        self.taken, self.items = 0, []

    def ask(self, *actions, **asked):
        self.draft["actions"] += actions
        new = self.draft["actions"][self.taken - self.draft["at"] :]
        found = self._send({"draft": self.draft["draft"], "at": self.taken, "actions": new, **asked})
        if found.get("lost"):
            found = self._send({**self.draft, **asked})
        if "problem" in found:
            return found
        self.taken = found["taken"]
        if "saved" in found:
            self.draft |= {"base": found["saved"], "at": self.taken, "actions": []}
        if "items" in found:
            self.items += [None] * (found["count"] - len(self.items))
            for place, item in found["items"]:
                self.items[place] = item
            del self.items[found["count"] :]
        return found

    def _send(self, asked):
        return json.loads(self.ask_server(json.loads(json.dumps(asked))))

    def settle(self, **asked):
        """The answer once the model has read all texts, or offered all answers."""
        found = self.ask(**asked)
        while found.get("reading") or found["again"]:
            found = self.ask(**asked)
        return found


def add(texts=TEXTS):
    return {"do": "add", "texts": list(texts)}


def give(place, value, how=AS_GIVEN):
    return {"do": "give", "place": place, "value": value, "how": how}


@pytest.fixture
def session(session_of, model):
    return session_of(model)


@pytest.fixture
def browser(session):
    browser = Browser(session)
    browser.ask(add())
    return browser


def labelled(browser, count):
    """The answer after so many labels, as they are in truth."""
    return browser.ask(*(give(place, TEAM.labels[place % 2]) for place in range(count)))


def test_a_head_guesses_the_rest_from_the_second_label_on(browser):
    found = browser.ask(give(0, "kitchen"))
    assert not found["head"]
    assert "So far there is only kitchen for 1 text" in found["why"]
    found = browser.ask(give(1, "track"), order=LEAST_SURE)
    assert found["head"]
    assert len(found["guesses"]) == len(TEXTS)
    assert {value for value, _ in found["guesses"]} <= {*TEAM.labels}
    assert sorted(found["queue"]) == [*range(2, len(TEXTS))]
    assert [about[2] for about in found["scheme"]["about"]] == [1, 1]


def test_only_what_is_new_is_said(browser):
    assert [place for place, _ in browser.ask(give(4, "kitchen"))["items"]] == [4]
    assert browser.ask({"do": "undo"})["items"] == [[4, {"text": TEXTS[4]}]]
    assert browser.items[4] == {"text": TEXTS[4]}
    assert browser.ask({"do": "redo"})["items"][0][1]["value"] == "kitchen"


def test_a_server_that_was_started_again_goes_on(browser, session_of, model):
    labelled(browser, 5)
    browser.ask_server = partial(step.answer_or_problem, session_of(model), "one")
    found = browser.ask(give(5, "track"))
    assert [item.get("value") for item in browser.items[:7]] == [*TEAM.labels * 3, None]
    assert found["head"]
    assert found["undo"].startswith("Labelled")


def test_an_action_that_comes_twice_is_done_once(browser, session):
    asked = {"draft": browser.draft["draft"], "at": browser.taken, "actions": [add(["One more."])]}
    for _ in range(2):
        found = json.loads(step.answer_or_problem(session, "one", asked))
    assert found["count"] == len(TEXTS) + 1


def test_what_cannot_be_done_is_said_and_the_rest_is_done(browser):
    found = browser.ask(give(0, "nobody"), give(1, "track"), give(99, "track"), {"do": "dance"}, {"do": "give"})
    assert len(found["problems"]) == 4
    assert "no label 'nobody'" in found["problems"][0]
    assert {*found["problems"][1:]} == {words.UNKNOWN_ACTION}
    assert found["taken"] == browser.taken == 6
    # The text of the refused label is said again, as the page has shown the label already.
    assert [place for place, _ in found["items"]] == [0, 1]
    assert "value" not in browser.items[0]


@pytest.mark.parametrize("base", [{}, {"version": 9}, {"version": 1, "scheme": {"name": "a", "kind": "b"}}])
def test_a_broken_draft_is_refused_in_a_sentence(session, base):
    found = json.loads(step.answer_or_problem(session, "one", {"draft": "a", "base": base}))
    assert found["problem"].endswith(".")
    assert json.loads(step.answer_or_problem(session, "one", "nonsense")) == {"lost": True}


def test_visitors_do_not_see_each_other(browser, session):
    labelled(browser, 4)
    other = Browser(session, "two")
    other.draft["draft"] = browser.draft["draft"]
    assert other.ask()["count"] == 0


def test_the_curve_says_what_so_many_labels_came_to(browser):
    labelled(browser, 16)
    figure = browser.ask(curve=True)["figure"]
    while figure["left"]:
        figure = browser.ask(curve=True)["figure"]
    assert figure["headline"].startswith("16 labels took it to")
    assert "names of the labels alone" in figure["headline"]
    assert "Cross-validated" in figure["how"]
    assert "<svg" in figure["curve"]
    assert "queue" not in browser.ask(curve=True)


def test_offers_are_no_labels_until_they_are_accepted(browser):
    found = browser.settle(offer="names", once="a")
    assert browser.draft["at"] == browser.taken  # it was said what to keep
    assert all(item["offered"][0] in TEAM.labels for item in browser.items)
    assert [about[2] for about in found["scheme"]["about"]] == [0, 0]
    assert found["why"].startswith("Label two texts")
    place = found["queue"][0]
    found = browser.ask({"do": "accept", "places": [place], "how": AS_GIVEN})
    assert browser.items[place]["value"] == browser.items[place]["offered"][0]
    assert found["agreement"] == [[words.BY_NAMES, 1, 1]]


def test_a_head_of_the_model_lends_its_labels_to_a_project_without_any(session):
    browser = Browser(session, scheme=Scheme("mood", Classification.name))
    browser.ask(add())
    assert ["task sentiment", "the model's head sentiment"] in browser.settle()["offers"]
    found = browser.settle(offer="task sentiment", once="a")
    assert found["scheme"]["labels"] == ["negative", "neutral", "positive"]
    assert browser.items[0]["offered"][2] == "sentiment of Built-in English model"
    before = len(browser.items)
    assert browser.ask(offer="task sentiment", once="a")["count"] == before  # the same question, asked again


def test_what_is_offered_for_another_kind_of_task_is_refused(browser):
    assert browser.ask(offer="task intensity", once="a")["problems"] == [words.NO_OFFER]
    assert browser.ask(offer="head", once="b")["problems"] == [words.NO_OFFER]


@pytest.mark.parametrize(
    ("scheme", "values", "guess"),
    [
        (Scheme("topics", Multilabel.name, ("food", "travel")), [["food"], ["travel"], []], list),
        (Scheme("mood", Regression.name, low=0.0, high=10.0), [1.0, 9.0, 5], float),
    ],
)
def test_several_labels_and_scores_are_learned_too(session, scheme, values, guess):
    browser = Browser(session, scheme=scheme)
    found = browser.ask(add(), *(give(place, value) for place, value in enumerate(values)))
    assert found["problems"] == []
    assert isinstance(found["guesses"][5][0], guess)
    assert found["named"] is None


def test_spans_that_overlap_are_said_and_nothing_is_lost(session):
    browser = Browser(session, scheme=Scheme("names", Tagging.name, ("PER", "LOC")))
    ada = {"start": 0, "end": 3, "label": "PER"}
    browser.ask(add(["Ada 🙂 lived in London."]), give(0, [ada, {"start": 15, "end": 21, "label": "LOC"}]))
    found = browser.ask(give(0, [ada, {"start": 0, "end": 11, "label": "LOC"}]))
    assert "overlap" in found["problems"][0]
    assert [span["end"] for span in browser.items[0]["value"]] == [3, 21]
    assert "learned in training" in found["why"]


def test_repeated_sentences_and_contradictions_are_shown(browser):
    found = browser.ask(add([TEXTS[0].upper()]), give(0, "kitchen"), give(len(TEXTS), "track"))
    assert found["repeats"]["said"].startswith("1 sentence more than once")
    assert found["repeats"]["places"] == [0, len(TEXTS)]
    assert found["repeats"]["contradictions"] == [[0, len(TEXTS)]]


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_the_labels_can_be_downloaded(browser, ending):
    labelled(browser, 3)
    file = browser.ask(file=ending)["file"]
    assert file["name"] == f"team{ending}"
    assert "kitchen" in file["content"]
    assert "problem" in browser.ask(file=".conll")["file"]


def test_a_place_begins_empty():
    assert Labelling().project is None
