"""Files with one word per line become sentences with spans in characters."""

from __future__ import annotations

import gzip

import pytest

from mtl.data.table import read_table
from mtl.text.spans import Span

IOB1 = """-DOCSTART- -X- O O

Ada NNP I-NP I-PER
Lovelace NNP I-NP I-PER
met VBD I-VP O
Bob NNP I-NP I-PER
Ann NNP B-NP B-PER

Paris NNP I-NP I-LOC
. . O O
"""


def read(tmp_path, text, name="data.txt", encoding="utf-8", **options):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode(encoding)) if name.endswith(".gz") else text.encode(encoding))
    return read_table(path, **options)


def spans(row, task="entities"):
    return [(row.text[s.start : s.end], s.label) for s in row.labels[task]]


@pytest.mark.parametrize("name", ["eng.train", "data.txt.gz"])
def test_iob1_with_four_columns(tmp_path, name):
    table = read(tmp_path, IOB1, name)
    assert [(row.text, row.line) for row in table.rows] == [("Ada Lovelace met Bob Ann", 3), ("Paris .", 9)]
    assert spans(table.rows[0]) == [("Ada Lovelace", "PER"), ("Bob", "PER"), ("Ann", "PER")]
    assert table.rows[1].labels["entities"] == (Span(0, 5, "LOC"),)
    assert table.text_column == "text"
    assert table.tasks()["entities"].counts == {"LOC": 1, "PER": 3}
    assert table.findings == ()


def test_bio_with_two_columns_and_no_last_line_end(tmp_path):
    table = read(tmp_path, "Ada\tB-PER\nran\tO\n\n\n#win\tO\nat\tO\nAcme\tB-ORG\nLtd\tI-ORG", "data.conll")
    assert [row.text for row in table.rows] == ["Ada ran", "#win at Acme Ltd"]
    assert spans(table.rows[1]) == [("Acme Ltd", "ORG")]
    assert [row.line for row in table.rows] == [1, 5]


def test_comments_header_and_crlf(tmp_path):
    text = "token\ttag\r\n# id = 7\r\nAda\tB-PER\r\nran\tO\r\n\r\n# id = 8\r\nBob\tB-PER\r\nran\tO\r\n"
    table = read(tmp_path, text)
    assert [row.text for row in table.rows] == ["Ada ran", "Bob ran"]
    assert [(f.code, f.line) for f in table.findings] == [("word-header", 1)]


@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_a_table_of_tags_is_no_conll_though_its_texts_have_as_many_words(tmp_path, mark):
    lines = ["text,entities", "Ada met Eve,B-PER O B-PER", "Bob ran off,B-PER O O", "? ? ?,O O O"]
    table = read(tmp_path, "\n".join(lines).replace(",", mark) + "\n")
    assert [row.text for row in table.rows] == ["Ada met Eve", "Bob ran off", "? ? ?"]
    assert spans(table.rows[1]) == [("Bob", "PER")]


def test_longer_schemes(tmp_path):
    table = read(tmp_path, "Ada B-PER\nLovelace E-PER\nBob S-PER\n\nin O\nParis U-LOC\n")
    assert spans(table.rows[0]) == [("Ada Lovelace", "PER"), ("Bob", "PER")]
    assert table.findings == ()


def test_faulty_sentences_are_left_out_by_line(tmp_path):
    text = "Ada B-PER\nran O\n\nBob PER\nran O\n\nsome\nwords O\nmore O\n\nIn O\nRome B-LOC\n" + "a O\nb O\n" * 20
    table = read(tmp_path, text)
    assert [row.line for row in table.rows] == [1, 11]
    assert [(f.level, f.code, f.line, f.column) for f in table.errors] == [
        ("error", "bio-tag", 4, "entities"),
        ("error", "bio-missing", 7, "entities"),
    ]


def test_illegal_bio_is_reported_where_bio_is_the_rule(tmp_path):
    table = read(tmp_path, "Ada B-PER\nran O\n\nBob B-PER\nin O\nNew I-LOC\nYork I-LOC\n")
    assert spans(table.rows[1]) == [("Bob", "PER"), ("New York", "LOC")]
    assert [(f.level, f.code, f.line) for f in table.findings] == [("warning", "bio-illegal", 6)]


def test_types_that_differ_in_case_are_one(tmp_path):
    table = read(tmp_path, "Ada B-PER\nran O\n\nBob B-per\nran O\n\nEve B-PER\nhid O\n")
    assert table.tasks()["entities"].labels == ("PER",)
    assert [(f.code, f.line) for f in table.findings] == [("label-spelling", 4)]


def test_nothing_between_sentences(tmp_path):
    (finding,) = read(tmp_path, "word O\nAda B-PER\n" * 200).findings
    assert (finding.code, finding.level) == ("no-sentences", "warning")
    assert "400 words" in finding.problem


KAGGLE = """Sentence #,Word,POS,Tag
Sentence: 1,Muñoz,NNP,B-per
,said,VBD,O
,\"\"\"\",``,O
,null,NN,O
,\",\",\",\",O
Sentence: 2,London,NNP,B-geo
,NA,NN,I-geo
"""


def test_the_kaggle_file(tmp_path):
    table = read(tmp_path, KAGGLE, "ner_dataset.csv", "latin-1")
    assert [(row.text, row.line) for row in table.rows] == [('Muñoz said " null ,', 2), ("London NA", 7)]
    assert spans(table.rows[1], "Tag") == [("London NA", "geo")]
    assert table.encoding == "cp1252"
    assert [(c.name, c.role, c.kind) for c in table.columns] == [
        ("Sentence #", "ignored", None),
        ("Word", "text", None),
        ("POS", "ignored", None),
        ("Tag", "task", "tagging"),
    ]
    assert table.tasks()["Tag"].counts == {"geo": 1, "per": 1}


def test_the_number_of_the_sentence_on_every_row(tmp_path):
    text = "id,sentence_idx,word,tag\n1,1,Ada,B-PER\n2,1,ran,O\n3,2,Bob,B-PER\n4,2,ran,O\n5,2,off,O\n"
    table = read(tmp_path, text, "ner.csv")
    assert [(row.text, row.line) for row in table.rows] == [("Ada ran", 2), ("Bob ran off", 4)]


def test_blank_lines_between_sentences_of_a_csv(tmp_path):
    table = read(tmp_path, "token,tag\nAda,B-PER\nran,O\n\nBob,B-PER\n,O\nran,O\n", "ner.csv")
    assert [row.text for row in table.rows] == ["Ada ran", "Bob ran"]
    assert [(f.code, f.line) for f in table.findings] == [("word-blank", 6)]


def test_texts_of_one_word_are_still_texts(tmp_path):
    table = read(tmp_path, "text,topic,tags\nParis,travel,B-LOC\nAda,people,B-PER\nhello,people,O\n", "a.csv")
    assert [row.text for row in table.rows] == ["Paris", "Ada", "hello"]
    assert table.rows[2].labels == {"topic": "people", "tags": ()}


def test_entities_can_be_ignored(tmp_path):
    table = read(tmp_path, IOB1, roles={"entities": "ignored"})
    assert (table.tasks(), table.rows[0].labels) == ({}, {})
