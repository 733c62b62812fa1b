"""Spans survive every way of writing them down, and faulty ones are refused in plain words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.text import spans as entities
from mtl.text.spans import Span, WrittenSpan
from mtl.text.tags import TagForm
from tests.text.written import fit, is_legal_bio, to_json_spans, to_markup

LABELS = st.sampled_from(["PER", "ORG", "LOC", "creative-work", "Ort_1"])


@st.composite
def texts_with_spans(draw):
    """A text full of the characters that the formats use themselves, and spans that do not overlap."""
    text = draw(st.text(st.sampled_from("[]()\\\"' ab\né,{}") | st.characters(codec="utf-8"), max_size=40))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [Span(start, end, draw(LABELS)) for start, end in pairs]


@st.composite
def words_with_spans(draw):
    """Words, and spans that begin and end with them."""
    words = draw(st.lists(st.text("abÉ.-", min_size=1, max_size=5), max_size=8))
    _, offsets = entities.words_to_text(words)
    cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=6)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return words, [Span(offsets[a][0], offsets[b - 1][1], draw(LABELS)) for a, b in pairs]


@given(texts_with_spans())
def test_markup_gives_back_text_and_spans(case):
    text, spans = case
    assert entities.parse_markup(to_markup(text, spans)) == (text, spans)


@given(texts_with_spans())
def test_json_gives_back_spans(case):
    _, spans = case
    assert entities.raw_json_spans(to_json_spans(spans)) == [WrittenSpan(s.start, s.end, s.label) for s in spans]


@given(words_with_spans())
def test_tags_give_back_spans(case):
    words, spans = case
    text, offsets = entities.words_to_text(words)
    tags = entities.spans_to_tags(spans, offsets)
    assert is_legal_bio(tags)
    assert entities.tags_to_spans(tags, offsets) == spans
    assert entities.parse_bio_cell(" ".join(tags), text, TagForm()) == (spans, tags)


@given(st.text())
def test_any_text_is_some_markup(text):
    plain, spans = entities.parse_markup(text)
    assert fit(spans, plain)


@given(st.lists(st.text(min_size=1, max_size=6)))
def test_words_stand_at_their_offsets(words):
    text, offsets = entities.words_to_text(words)
    assert [text[start:end] for start, end in offsets] == words


@given(st.text())
def test_word_offsets_are_those_of_split(text):
    assert [text[start:end] for start, end in entities.word_offsets(text)] == text.split()


def test_markup_as_people_write_it():
    text, spans = entities.parse_markup("[Ada](PER) joined [Acme Ltd](ORG) [sic] in C:\\new, see [it](http://a.b).")
    assert text == "Ada joined Acme Ltd [sic] in C:\\new, see [it](http://a.b)."
    assert spans == [Span(0, 3, "PER"), Span(11, 19, "ORG")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-PER I-PER O B-LOC", [(0, 2, "PER"), (3, 4, "LOC")]),
        ("I-PER I-PER B-PER I-LOC", [(0, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")]),
        ("B-PER E-PER S-LOC S-LOC", [(0, 2, "PER"), (2, 3, "LOC"), (3, 4, "LOC")]),
        ("B-PER L-PER U-LOC I-LOC", [(0, 2, "PER"), (2, 3, "LOC"), (3, 4, "LOC")]),
        ("O B-a-b I-a-b O", [(1, 3, "a-b")]),
    ],
)
def test_every_scheme_of_tags_is_read(tags, expected):
    offsets = [(i, i + 1) for i in range(4)]
    assert entities.tags_to_spans(TagForm().read(tags.split()), offsets) == [Span(*span) for span in expected]


def test_a_word_shared_by_two_spans_goes_to_the_first():
    spans = [Span(0, 2, "A"), Span(2, 6, "B")]
    assert entities.spans_to_tags(spans, [(0, 3), (3, 3), (4, 6)]) == ["B-A", "O", "B-B"]


def test_a_span_between_words_has_no_tag():
    assert entities.spans_to_tags([Span(3, 4, "A")], [(0, 3), (4, 6)]) == ["O", "O"]


@pytest.mark.parametrize(
    "cell",
    [
        '[{"start": 0, "end": 3, "label": "PER"}]',
        "[{'start': 0, 'end': 3, 'entity': 'PER'}]",
        '[{"start_offset": 0, "end_offset": 3, "type": " PER "}]',
        '[[0, 3, "PER"]]',
        "[(0, 3, 'PER')]",
        "[(0, 3, 'PER'),]",
        "[{u'start': 0, u'end': 3, u'label': u'PER', 'sure': True, 'note': None},]",
        '[{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}]',
        '[{"value": {"start": 0, "end": 3, "labels": ["PER"]}, "type": "labels"}]',
        "{'entities': [(0, 3, 'PER')]}",
        '[{"category": "PER", "offset": 0, "length": 3}]',
        '[{"BeginOffset": 0, "EndOffset": 3, "Score": 0.9, "Text": "Ada", "Type": "PER"}]',
        '[{"label": ["PER"], "points": [{"start": 0, "end": 3, "text": "Ada"}]}]',
        '{"spans": [{"start": 0, "end": 3, "token_start": 0, "label": "PER", "input_hash": 5}]}',
    ],
)
def test_json_of_other_tools(cell):
    assert entities.raw_json_spans(cell) == [WrittenSpan(0, 3, "PER")]


def test_pieces_of_entities_with_tags_as_labels_are_put_together():
    """As Hugging Face's pipeline gives them without aggregation."""
    pieces = [("B-PER", "Nor", 0, 3), ("I-PER", "##a", 3, 4), ("I-PER", "Quill", 5, 10), ("B-PER", "Bob", 11, 14)]
    cell = [{"entity": tag, "score": 0.9, "word": word, "start": start, "end": end} for tag, word, start, end in pieces]
    spans = entities.raw_json_spans(json.dumps([*cell, {"entity": "O", "word": "ran", "start": 15, "end": 18}]))
    assert spans == [WrittenSpan(0, 10, "PER"), WrittenSpan(11, 14, "PER")]
    assert [span.own for span in spans] == ["Nor##a Quill", "Bob"]


@pytest.mark.parametrize(
    ("cell", "own"),
    [
        ('[{"start": 0, "end": 3, "label": "PER", "text": "Ada"}]', "Ada"),
        ("[{'entity_group': 'PER', 'word': 'ada', 'start': 0, 'end': 3}]", "ada"),
        ('[{"start": 0, "end": 3, "tag": "PER", "value": "Ada"}]', "Ada"),
        ('[{"value": {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}}]', "Ada"),
        ('[{"start": 0, "end": 3, "entity": "PER", "value": "Ada Lovelace"}]', ""),  # Rasa's synonym
        ('[[0, 3, "PER"]]', ""),
    ],
)
def test_what_a_span_says_its_text_is(cell, own):
    assert [span.own for span in entities.raw_json_spans(cell)] == [own]


@pytest.mark.parametrize("label", ["O'Neil", 'the "best"', "(a, b)", "None", "a,]"])
def test_a_label_in_python_may_hold_what_json_writes_otherwise(label):
    assert entities.raw_json_spans(repr([(0, 3, label)])) == [WrittenSpan(0, 3, label)]


@pytest.mark.parametrize(
    "cell",
    ["B-PER O O", " B-PER  O\tO ", "B-PER,O,O", '["B-PER", "O", "O"]', "['B-PER' 'O' 'O']"],
)
def test_bio_cells(cell):
    assert entities.parse_bio_cell(cell, "Ada went home", TagForm())[0] == [Span(0, 3, "PER")]


def test_a_bio_cell_has_a_tag_for_each_word():
    with pytest.raises(UserError, match="2 tags for 3 words"):
        entities.parse_bio_cell("B-PER O", "Ada went home", TagForm())


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Ada", "not a list of spans"),
        ("[" * 100_000, "not a list of spans"),
        ('{"start": 0}', "must be a list"),
        ("[1]", "whole numbers start and end"),
        ("[{'start': 0, 'end': 3 'label': 'PER'}]", "not a list of spans"),
        ('[{"start": true, "end": 2, "label": "A"}]', "whole numbers start and end"),
        ('[{"start": 0, "end": 2, "label": ""}]', "whole numbers start and end"),
    ],
)
def test_json_that_is_refused(cell, said):
    with pytest.raises(UserError, match=said):
        entities.raw_json_spans(cell)


def test_what_cannot_be_written():
    with pytest.raises(UserError, match="overlaps"):
        entities.spans_to_tags([Span(0, 3, "A"), Span(2, 4, "B")], [(0, 4)])
    with pytest.raises(UserError, match="'PER' is not a tag"):
        entities.parse_bio_cell("PER", "Ada", TagForm())
