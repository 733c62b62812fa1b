"""Spans that count something else than characters from 0 are read as they are meant, or it is said."""

import pytest

from mtl.text.offsets import USUAL, Counting, find_counting
from mtl.text.spans import Span, WrittenSpan, word_offsets

TEXTS = [
    f"{start}{name} moved to {place} in spring"
    for start, name, place in (
        ("", "Ada Lovelace", "Upper Tay"),
        ("Über Nacht: ", "Grace Hopper", "Dunport"),
        ("\U0001f600 ", "Zoë Quill", "East Marl"),
        ("Today\r\n", "Nora Holm", "Pellam"),
        ("\U0001f600\U0001f600 ", "Ruth Okafor", "Hallow"),
    )
]
ENTITIES = [
    [
        Span(at := text.index(piece), at + len(piece), "X")
        for piece in text.replace(" in spring", "").split(" moved to ")
    ]
    for text in TEXTS
]
# The names, without what stands before them.
ENTITIES = [
    [Span(first.end - len(" ".join(text[: first.end].split()[-2:])), first.end, "X"), second]
    for text, (first, second) in zip(TEXTS, ENTITIES, strict=True)
]


def utf16(text, place):
    return len(text[:place].encode("utf-16-le")) // 2


def utf8(text, place):
    return len(text[:place].encode())


def one_line_break(text, place):
    return len(text[:place].replace("\r\n", "\n"))


def words(text, place):
    return sum(start < place for start, _ in word_offsets(text))


def written(count, shift=0, inclusive=False, own=True):
    return [
        (
            text,
            [
                WrittenSpan(
                    count(text, s.start) + shift,
                    count(text, s.end) + shift - inclusive,
                    s.label,
                    text[s.start : s.end] if own else "",
                )
                for s in spans
            ],
        )
        for text, spans in zip(TEXTS, ENTITIES, strict=True)
    ]


def settled(sample):
    counting = find_counting(sample).counting
    return [counting.place(spans, text) for text, spans in sample]


def characters(text, place):
    return place


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 7])
@pytest.mark.parametrize("count", [characters, utf16, utf8, one_line_break, words])
def test_what_spans_say_their_text_is_tells_how_they_count(count, shift, inclusive):
    if shift < 2 or count is characters:
        assert settled(written(count, shift, inclusive)) == ENTITIES


@pytest.mark.parametrize(
    ("count", "shift", "inclusive"),
    [(utf16, 0, False), (utf8, 0, False), (characters, 1, False), (characters, 0, True), (characters, 1, True)],
)
def test_so_do_the_borders_of_words(count, shift, inclusive):
    sample = written(count, shift, inclusive, own=False) * 3
    assert settled(sample) == ENTITIES * 3


def test_words_are_counted_where_single_words_tell_whether_the_end_is_inclusive():
    texts = [f"Ada Lovelace went to Dunport number{i} again" for i in range(8)]
    spans = [[WrittenSpan(0, 2, "PER"), WrittenSpan(4, 5, "LOC")]] * 8
    assert find_counting(zip(texts, spans, strict=True)).counting == Counting("words")
    spans = [[WrittenSpan(0, 1, "PER"), WrittenSpan(4, 4, "LOC")]] * 8
    assert find_counting(zip(texts, spans, strict=True)).counting == Counting("words", inclusive=True)


def test_spans_that_are_right_are_left_alone():
    for own in (False, True):
        assert find_counting(written(characters, own=own)).counting == USUAL
    # One that is wrong does not change the others.
    sample = written(characters)
    text, (first, second) = sample[0]
    sample[0] = (text, [WrittenSpan(first.start, first.end - 1, "X", first.own), second])
    assert find_counting(sample).counting == USUAL


def test_other_spaces_case_and_pieces_of_words_are_the_same_text():
    spans = [WrittenSpan(0, 12, "PER", own) for own in ("ada lovelace", "ada love ##lace", "Ada  Lovelace", "[UNK]")]
    assert find_counting([("Ada Lovelace went", [span]) for span in spans]).counting == USUAL


def test_scripts_without_capitals_give_no_reason_to_doubt():
    assert find_counting([("中文的句子没有空格", [WrittenSpan(1, 3, "X")])] * 10).broken == 0


def test_what_is_not_clear_is_suspected():
    sample = [(f"Some words about nothing{i}", [WrittenSpan(1, 3, "X"), WrittenSpan(6, 8, "X")]) for i in range(8)]
    verdict = find_counting(sample)
    assert (verdict.counting, verdict.broken, verdict.examined) == (USUAL, 16, 16)
