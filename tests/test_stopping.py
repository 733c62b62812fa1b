"""Long work ends soon after it was asked to, wherever it is, and says what it left out."""

import random

import pytest

import mtl
from mtl.data.table import read_table
from mtl.stopping import Stop, Stopped, ask
from mtl.text.batches import by_length
from mtl.training import jobs
from mtl.training.variations import varied


class Rounds:
    """Says to stop when it is asked for the `most`th time."""

    def __init__(self, most=3):
        self.left = most

    def __call__(self):
        self.left -= 1
        return self.left <= 0


def test_asking_where_nobody_can_stop_does_nothing():
    ask()
    with Stop(lambda: True).working(), pytest.raises(Stopped):
        ask()
    ask()


def test_what_ends_early_is_named_and_what_comes_in_time_is_not():
    stop = Stop(lambda: True, grace=float("inf"))
    with stop.measuring("scores"):
        ask()
    assert stop.unmeasured == []
    stop.at_once = lambda: True
    done = []
    with stop.measuring("forgetting"):
        ask()
        done.append("never")
    assert (stop.unmeasured, done) == (["forgetting"], [])


def test_who_asks_for_an_end_at_once_need_not_have_asked_before():
    assert Stop(at_once=lambda: True)() and Stop(at_once=lambda: True).over
    assert not Stop()() and not Stop().over
    assert not Stop(lambda: True, grace=60).over


def test_an_end_that_was_asked_for_cannot_be_taken_back():
    answers = iter([False, True, False])
    stop = Stop(lambda: next(answers))
    assert [stop(), stop(), stop()] == [False, True, True]


@pytest.fixture
def words(tiny):
    return mtl.load(tiny, dtype="float32")


TEXTS = [f"the number {i} is one of many" for i in range(5000)]


@pytest.mark.parametrize(
    "work",
    [
        lambda model: [*by_length([7] * 5000, 70, 10)],
        lambda model: model.tokenise(TEXTS),
        lambda model: model.each_batch(model.tokenise(TEXTS[:1000]), lambda *_: None),
        lambda model: varied(TEXTS, 5000, {}, "seed"),
    ],
    ids=["batches", "tokens", "model", "variations"],
)
def test_every_long_loop_asks_in_each_round(words, work):
    with Stop(Rounds(3)).working(), pytest.raises(Stopped):
        work(words)
    with Stop(Rounds(10**9)).working():
        work(words)


def test_reading_a_table_for_a_run_can_be_stopped(tiny, tmp_path):
    random.seed(0)
    lines = [f"{text},{random.choice(('good', 'bad'))}" for text in TEXTS]
    (tmp_path / "many.csv").write_text("text,mood\n" + "\n".join(lines) + "\n")
    with Stop(Rounds(2)).working(), pytest.raises(Stopped):
        jobs.prepare(tmp_path / "many.csv", start_from=str(tiny))
    assert len(read_table(tmp_path / "many.csv").rows) == 5000
