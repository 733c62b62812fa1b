"""What a visitor gives becomes sentences, and nothing is dropped in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.ui.sentences import MAX_FILE_BYTES, MAX_SENTENCES, clean, from_file, from_lines, from_list, is_blank
from tests.data.workbooks import xlsx


def test_one_sentence_per_line_in_order():
    assert from_lines("One.\nTwo.\r\nThree.\n").texts == ("One.", "Two.", "Three.")
    assert from_lines("One.\nTwo.\n").notes == ()


def test_blank_lines_are_skipped_and_counted():
    read = from_lines("\n  One.  \n\n\u200b\nTwo.")
    assert read.texts == ("One.", "Two.")
    assert read.notes == ("3 blank lines skipped.",)


@pytest.mark.parametrize("nothing", ["", "   ", "\n\n", " \t \n\u00a0\u200d", None])
def test_nothing_is_no_sentence(nothing):
    assert from_lines(nothing).texts == ()


def test_nul_is_removed_and_said():
    read = from_lines("a\x00b\nplain")
    assert read.texts == ("ab", "plain")
    assert "NUL" in read.notes[0] and "1 line" in read.notes[0]


@pytest.mark.parametrize("text", ["🙂👩‍👩‍👧", "שלום עולם", "مرحبا", "e\u0301\u0323 noe\u0308l", "a\u202eb"])
def test_emoji_right_to_left_and_combining_characters_stay_as_written(text):
    assert from_lines(text).texts == (text,)


def test_too_many_sentences_are_cut_and_said():
    read = from_lines("\n".join(f"Sentence {i}" for i in range(MAX_SENTENCES + 5)))
    assert len(read.texts) == MAX_SENTENCES and read.texts[-1] == f"Sentence {MAX_SENTENCES - 1}"
    assert read.notes == ("Of 2,005 sentences the first 2,000 are analyzed.",)


@given(st.text())
def test_a_cleaned_text_is_one_line_that_can_be_sent_anywhere(value):
    cleaned = clean(value)
    assert "\n" not in cleaned and "\r" not in cleaned and "\0" not in cleaned
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


@given(st.text())
def test_every_line_is_a_sentence_or_is_counted(value):
    read = from_lines(value)
    assert all(not is_blank(text) for text in read.texts)
    assert from_lines("\n".join(read.texts)).texts == read.texts


# --- a program's list ---


def test_a_list_keeps_its_length():
    # A program's spans count the characters that it sent.
    assert from_list(["a", " b\nc\0", "\ud800d"]).texts == ("a", " b\nc\0", "\ufffdd")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "empty"),
        (["a", " "], "Text 2 is empty"),
        ("a text", "list"),
        (["a", 3], "list"),
        (["a"] * (MAX_SENTENCES + 1), "2,001"),
    ],
)
def test_a_wrong_list_is_refused_with_the_reason(texts, words):
    with pytest.raises(UserError, match=words):
        from_list(texts)


# --- files ---


def written(tmp_path, name: str, content: bytes | str):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_file_is_read_line_by_line(tmp_path, encoding):
    content = "Grüße aus Köln, es ist schön.\n\nZweiter Satz".encode(encoding)
    read = from_file(written(tmp_path, "a.txt", content))
    assert read.texts == ("Grüße aus Köln, es ist schön.", "Zweiter Satz")
    assert any("blank" in note for note in read.notes)


def test_a_tables_own_labels_come_along(tmp_path):
    table = (
        "review,mood,score\n"
        "I love this place.,good,0.5\nNever come here again.,bad,-0.25\nA room with a bed.,good,\n"
        "What a wonderful evening.,good,1.5\nThe soup was cold again.,bad,-1.75\n"
    )
    read = from_file(written(tmp_path, "a.csv", table))
    assert read.texts[:2] == ("I love this place.", "Never come here again.")
    assert read.labels["mood"] == ("good", "bad", "good", "good", "bad")
    assert read.labels["score"] == (0.5, -0.25, None, 1.5, -1.75)
    assert any("review" in note and "mood" in note for note in read.notes)


def test_a_row_without_text_is_skipped_and_its_line_is_named(tmp_path):
    table = "text,mood\nA first sentence here.,x\n,y\nAnother sentence here.,x\nAnd a third one.,y\n"
    read = from_file(written(tmp_path, "a.csv", table))
    assert len(read.texts) == 3 == len(read.labels["mood"])
    assert any(note.startswith("Line 3") for note in read.notes)


def test_a_cell_with_line_breaks_is_one_sentence(tmp_path):
    read = from_file(written(tmp_path, "a.csv", 'text,mood\n"two\nlines",x\nanother text,y\n'))
    assert read.texts[0] == "two lines"


def test_tab_separated_labels_in_a_text_file_are_a_table(tmp_path):
    rows = "".join(f"This is sentence number {i}.\t{'good' if i % 2 else 'bad'}\n" for i in range(8))
    read = from_file(written(tmp_path, "a.txt", rows))
    assert read.texts[0] == "This is sentence number 0." and len(read.labels) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '[{"review": "A fine day.", "mood": "good"}, {"review": "It rained again.", "mood": "bad"}]'),
        ("a.jsonl", '{"review": "A fine day.", "mood": "good"}\n{"review": "It rained again.", "mood": "bad"}'),
        ("a.xlsx", xlsx(Data=[["review", "mood"], ["A fine day.", "good"], ["It rained again.", "bad"]])),
    ],
)
def test_json_and_workbooks_are_tables(tmp_path, name, content):
    read = from_file(written(tmp_path, name, content))
    assert read.texts == ("A fine day.", "It rained again.")


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.csv", PNG, "PNG image"),
        ("picture.txt", PNG, "PNG image"),
        ("numbers.csv", "a,b\n1,2\n3,4\n5,6\n", "No column looks like text"),
        ("empty.csv", "", "empty"),
        ("empty.txt", "", "empty"),
        ("blank.txt", "\u200b\n\n \n", "no sentence"),
        ("essay.docx", "PK", "essay.docx is not a file this page reads"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, words):
    with pytest.raises(UserError, match=words):
        from_file(written(tmp_path, name, content))


def test_a_file_that_is_too_big_is_not_read(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(UserError, match="20 MB"):
        from_file(path)


def test_what_is_about_training_alone_is_not_said_of_sentences(tmp_path):
    rows = "".join(f"This is sentence number {i}.,{('good', 'bad')[i % 2]}\n" for i in range(10))
    read = from_file(written(tmp_path, "a.csv", f"text,mood\n{rows}One more sentence here.,once\nAnd the last one.,\n"))
    assert len(read.texts) == 12 and len(read.notes) == 1 and "mood has 3 labels" in read.notes[0]
