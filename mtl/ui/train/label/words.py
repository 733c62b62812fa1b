"""The words of the place where people label texts themselves. Those with {} are filled by `assets/label.js`."""

from __future__ import annotations

from mtl.labelling.measuring import SET_ASIDE, Point
from mtl.labelling.queue import AS_GIVEN, BY_HAND, LEAST_SURE, SUREST
from mtl.labelling.scheme import Scheme
from mtl.text.values import plural

TITLE = "Make your own data by hand"
INTRO = (
    "Say what your sentences have, one key each. A small head learns from every label at once, on top of the frozen "
    "model, and guesses the rest. Then train the whole model on them in the steps that follow."
)
SETUP = "Labels and sentences"
NAME = "label"
FILE = "Or a table of your own: its texts, and the labels that they may have"
EDITORS = {
    "one": "one label",
    "several": "several labels",
    "number": "a score",
    "spans": "words, marked",
}
ORDERS = {LEAST_SURE: "what it is least sure of", SUREST: "what it is surest of", AS_GIVEN: "as they are"}
LISTS = {"todo": "To label", "labelled": "Labelled", "offered": "Offered", "repeated": "Repeated", "out": "Left out"}
KEYS = {
    "one": "Keys, while the sentence has the focus: 1 to 9 give a label.",
    "several": "Keys, while the sentence has the focus: 1 to 9 give or take a label, 0 takes all.",
    "number": "Keys, while the sentence has the focus: the arrows move the score, 1 to 9 set it.",
    "spans": (
        "Keys, while the sentence has the focus: the arrows choose a word, with Shift several; 1 to 9 mark them, "
        "Delete takes the mark off. Or drag over the words; on a phone tap the first and the last."
    ),
}
MORE_KEYS = (
    "Enter takes what is offered or guessed and goes on, S skips, B goes back, U undoes, R redoes, X leaves out."
)

UNKNOWN_ACTION = "This is nothing that the page knows how to do. Reload the page and try again."
NO_DATA = "There is no data in step 1 yet: drop a file there, or pick a sample."
NOTHING = "There is nothing to hand on yet: label a text first."
NO_OFFER = "These answers cannot be offered any more: reload the page, and choose others."
BY_HEAD, BY_NAMES = "the head that learns here", "the names of the labels"
ANSWERING = "The model answers the sentences …"
NO_FILE = "The file is no longer here: choose it again."
TEMPORARY = "The sentences and labels are too many for this browser to keep: download them before you leave."

# What the browser says by itself.
PHRASES = {
    "as_given": AS_GIVEN,
    "by_hand": BY_HAND,
    "labelled": "{} of {} labelled",
    "empty": "Add some sentences first.",
    "no_labels": "Add the labels first.",
    "done": "Every sentence is labelled. Choose one in the list to change it, or train on them.",
    "guess": "The head guesses {} ({} % certain).",
    "offered": "{} offers {} ({} % certain): Enter accepts it.",
    "names": "By their names alone: {}.",
    "given": "You said {}.",
    "sure_help": "By how much its first choice is before its second; nobody has checked that it is a probability.",
    "none": "nothing",
    "reading": "Reading the sentences: {} of {}. You can label meanwhile.",
    "lost": "The server does not answer. Your labels are kept; trying again …",
    "kept": "Kept in this browser.",
    "temporary": TEMPORARY,
    "more": "Show {} more",
    "undo": "Undo: {}",
    "redo": "Redo: {}",
    "contradictions": "The same sentence has different labels:",
    "again": "Start over? Your sentences and labels are deleted from this browser.",
    "meaning": "what it means, in a few words",
    "remove": "Remove",
    "agreement": "{} offered {} of the labels that you gave since; you gave the same {} times.",
}


def reading(name: str, share: float | None) -> str:
    """The line of a file of which a share has been read; None: it waits for its turn."""
    return (
        f"{name} waits until another file has been read." if share is None else f"Reading {name}: {100 * share:.0f} %"
    )


def headline(scheme: Scheme, point: Point, named: Point | None) -> str:
    """What so many labels came to, in a sentence, with what it takes to be worth something."""
    count = plural(point.labels, "label")
    if not scheme.of.right_or_wrong:
        off, guess = point.figure.value, point.guess.value
        said = f"After {count} it is off by {off:.2f} on average; always the same number: {guess:.2f}."
    else:
        right, guess = percent(point.figure.value), percent(point.guess.value)
        said = f"{count} took it to {right} right; the commonest answer alone: {guess}."
    if named:
        said += f" By the names of the labels alone: {percent(named.figure.value)}."
    return said


def how_measured(point: Point) -> str:
    """On what a figure was measured, and how far it may be trusted."""
    rows = plural(point.figure.rows, "sentence")
    if point.how == SET_ASIDE:
        where = f"Measured on {rows} set aside by chance, of which it has learned nothing."
    else:
        where = f"Cross-validated: each of {rows} is answered by a head that has not learned from it."
    if point.unasked:
        where += f" {plural(point.unasked, 'sentence')} not asked, whose label no other has."
    if point.figure.low is not None:
        between = [f"{100 * end:.0f} %" if end <= 1 else f"{end:.2f}" for end in (point.figure.low, point.figure.high)]
        where += f" With so few it may as well be between {between[0]} and {between[1]}."
    return where


def repeated(count: int) -> str:
    """That so many sentences are there more than once; "" for none."""
    return "" if not count else f"{plural(count, 'sentence')} more than once: see “{LISTS['repeated']}” in the list."


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
