"""What is exported is what our reader reads: the same texts, roles and labels, and nothing that was only offered."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.table import read_table
from mtl.kinds.multilabel import LabelSet
from mtl.labelling.files import FORMATS, from_table, write
from mtl.labelling.project import Offer, Project, add, add_items, give, leave_out, offer
from mtl.sheets import safe_cell
from mtl.text.spans import Span
from tests.labelling.labelled import MOOD, NAMES, SCHEMES, TEAM, TEXTS, TOPICS, project, values


def read(file, guess=False):
    """The table that our reader makes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file.name
        path.write_bytes(file.content)
        return read_table(path) if guess else read_table(path, text="text", roles=file.roles)


def drawn(data, scheme):
    """A project of texts, the first three of them and others labelled."""
    some = add(Project(scheme), data.draw(st.lists(TEXTS, min_size=3, max_size=8))).project
    for place, item in enumerate(some.items):
        if place < 3 or data.draw(st.booleans()):
            some = give(some, place, data.draw(values(scheme, item.text)))
    return some


@pytest.mark.parametrize("ending", (".csv", ".jsonl"))
@given(data=st.data(), scheme=st.sampled_from(SCHEMES))
@settings(max_examples=25)
def test_our_reader_understands_all_of_it(ending, data, scheme):
    some = drawn(data, scheme)
    file = write(some, ending)
    as_written = safe_cell if ending == ".csv" else str
    table = read(file)
    assert [row.text for row in table.rows] == [as_written(item.text) for item in some.items]
    assert [column.role for column in table.columns] == ["text", "task"]
    assert file.notes == () or "apostrophe" in file.notes[0]
    if scheme is not NAMES:
        assert [row.labels.get(scheme.name) for row in table.rows] == some.values
        return
    for row, value, item in zip(table.rows, some.values, some.items, strict=True):
        there = row.labels.get(scheme.name)
        assert (there is None) == (value is None)
        pieces = [(row.text[span.start : span.end], span.label) for span in there or ()]
        assert pieces == [(item.text[span.start : span.end], span.label) for span in value or ()]


SENTENCES = (
    "Please send me the invoice of last month again.",
    "The parcel has been lost since Monday, and nobody answers.",
    "My new lamp flickers as soon as it gets dark.",
    "Why was I charged twice for the same order?",
    "A driver left the box in the rain, so all of it is wet.",
    "The screen stays black whatever key I press.",
    "Thank you for the quick refund!",
    "When will the second half of the delivery come?",
    "It hums so loudly that we cannot sleep next to it.",
)


@pytest.mark.parametrize("ending", (".csv", ".jsonl"))
@given(data=st.data(), scheme=st.sampled_from(SCHEMES))
@settings(max_examples=15)
def test_it_is_understood_without_being_told_what_it_is(ending, data, scheme):
    some = add(Project(scheme), SENTENCES).project
    for place, item in enumerate(some.items):
        value = data.draw(values(scheme, item.text))
        if scheme is TEAM:
            value = TEAM.labels[place % 3]
        if scheme is TOPICS:
            value = LabelSet(TOPICS.labels[: place % 4])
        if scheme is MOOD:
            value = round(place / 8 - 0.5 + value / 100, 3)
        if scheme is NAMES and place < 3:
            value = (Span(0, 4, "PER"),)
        some = give(some, place, value)
    table = read(write(some, ending), guess=True)
    about = table.tasks()[scheme.name]
    assert (about.kind, table.text_column) == (scheme.kind, "text")
    assert [row.labels[scheme.name] for row in table.rows] == some.values


@given(st.data())
@settings(max_examples=25)
def test_conll_has_the_same_spans_in_words(data):
    words = st.lists(st.text("abcXYZ.,'#\u00e9\u4e2d", min_size=1, max_size=6), min_size=1, max_size=8).map(" ".join)
    some = add(Project(NAMES), [*SENTENCES, *data.draw(st.lists(words, max_size=4))]).project
    some = give(some, 0, (Span(0, 6, "PER"), Span(16, 27, "product line")))
    for place in range(1, len(some.items)):
        some = give(some, place, data.draw(values(NAMES, some.items[place].text)))
    file = write(some, ".conll")
    table = read(file, guess=True)
    assert [row.text.replace(" ", "") for row in table.rows] == [item.text.replace(" ", "") for item in some.items]
    for row, value, item in zip(table.rows, some.values, some.items, strict=True):
        there = [(row.text[span.start : span.end].replace(" ", ""), span.label) for span in row.labels["entities"]]
        assert there == [
            (item.text[span.start : span.end].replace(" ", ""), span.label.replace(" ", "_")) for span in value
        ]
    assert {finding.code for finding in table.findings} <= {"duplicate", "duplicate-differs"}
    assert any("written with _ for spaces" in note for note in file.notes)


def test_conll_divides_words_at_the_edges_of_spans_and_says_so():
    some = add(Project(NAMES), ["Ada's at -DOCSTART- Acme-Works"]).project
    some = give(some, 0, (Span(0, 3, "PER"), Span(20, 24, "ORG")))
    file = write(some, ".conll")
    assert file.content.decode() == ("Ada\tB-PER\n's\tO\nat\tO\n-\tO\nDOCSTART-\tO\nAcme\tB-ORG\n-Works\tO\n")
    assert file.notes[0] == "3 words divided where a label begins or ends inside."


def test_offers_and_what_is_left_out_are_not_exported():
    some = offer(project(), {i: Offer("billing", 0.9, "a model") for i in range(4)})
    some = leave_out(give(some, 0, "hardware"), [1])
    file = write(some, ".jsonl")
    rows = [json.loads(line) for line in file.content.decode().splitlines()]
    assert [row["team"] for row in rows] == ["hardware", None, None, None, None]
    assert file.notes == ("1 text left out, as you said.",)
    file = write(some, ".csv", labelled_only=True)
    assert file.content.decode("utf-8-sig").splitlines() == ["text,team", "text number 0 of Ada and Acme,hardware"]
    assert file.notes == ("1 text left out, as you said.", "4 texts without a label left out.")


@pytest.mark.parametrize(
    ("some", "ending", "problem"),
    [
        (Project(TEAM), ".csv", "There are no texts to write."),
        (project(NAMES), ".conll", "There is nothing to write: label a text first."),
        (give(project(), 0, "billing"), ".conll", "CoNLL is for spans of texts, and team has none"),
        (project(), ".doc", "There is no way to write '.doc'. Choose one of .csv, .jsonl, .conll."),
    ],
)
def test_what_cannot_be_written_is_said(some, ending, problem):
    with pytest.raises(UserError) as refused:
        write(some, ending)
    assert str(refused.value).startswith(problem)


@given(data=st.data(), scheme=st.sampled_from(SCHEMES))
@settings(max_examples=25)
def test_an_export_is_imported_as_the_project_that_it_was(data, scheme):
    some = drawn(data, scheme)
    added = from_table(read(write(some, ".jsonl")), scheme.name)
    assert added.notes == ()
    assert [item.text for item in added.project.items] == [item.text for item in some.items]
    assert added.project.values == some.values
    assert {*added.project.scheme.labels} <= {*scheme.labels}
    # More of them, with the labels that the scheme has already.
    assert add_items(some, added.project.items).project.values == some.values * 2


def test_a_sample_is_imported_with_spans_and_numbers():
    from mtl.places import ASSETS

    table = read_table(ASSETS / "samples" / "workshop.csv")
    for column, about in table.tasks().items():
        added = from_table(table, column)
        assert added.notes == () and len(added.project.in_order) == len(table.rows)
        assert sum(added.project.counts.values()) == sum(about.counts.values())
    assert from_table(table, "intensity").project.scheme.low == -0.9


def test_what_cannot_be_labelled_is_refused():
    from mtl.places import ASSETS

    pairs = read_table(ASSETS / "samples" / "pairs.csv")
    with pytest.raises(UserError, match="does not hold labels of single texts"):
        from_table(pairs, next(iter(pairs.tasks())))
    with pytest.raises(UserError, match="'colour' does not hold labels"):
        from_table(pairs, "colour")


def test_a_label_that_cannot_be_taken_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,mood\n"one\ntwo words",good\nthree words here,"so\nso"\nfour words here,good\n')
    added = from_table(read_table(path, text="text", roles={"mood": TEAM.kind}), "mood")
    assert [item.text for item in added.project.items][:1] == ["one two words"]
    assert added.project.values == ["good", "so so", "good"]


def test_formats_and_their_names():
    assert [*FORMATS] == [".csv", ".jsonl", ".conll"]
    some = give(project(replace(MOOD, name="How good?")), 0, 0.5)
    assert write(some, ".csv").name == "How-good.csv"
    assert give(project(TOPICS), 0, LabelSet(("price",))).counts["price"] == 1
