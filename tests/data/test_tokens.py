"""Files with one word per line become sentences with spans in characters."""

from __future__ import annotations

import random

import pytest

from mtl.config import UserError
from mtl.text.spans import Span
from tests.data.tagged import ENTITIES, IDS, TEXTS, WORDS, csv_of, read, spans

IOB1 = """-DOCSTART- -X- O O

Ada NNP I-NP I-PER
Lovelace NNP I-NP I-PER
met VBD I-VP O
Bob NNP I-NP I-PER
Ann NNP B-NP B-PER

Paris NNP I-NP I-LOC
. . O O
"""


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


def test_blank_lines_between_sentences_of_acsv_of(tmp_path):
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


FEW_NERD = {"O": "O", "PER": "person-actor", "ORG": "organization-company", "LOC": "location-GPE"}
POS = random.Random(1)


def lines(line, between="\n", before=lambda number: ""):
    """A file of one word per line: `line` is called with the places of sentence and word, the word and its tag."""
    blocks = [
        before(i) + "".join(f"{line(i, k, word, tag)}\n" for k, (word, tag) in enumerate(words))
        for i, words in enumerate(WORDS)
    ]
    return between.join(blocks)


def pos(_=None):
    return POS.choice(["NN", "VBD", "IN", "."])


def brackets(i, k):
    tag, after = WORDS[i][k][1], [tag for _, tag in WORDS[i]][k + 1 : k + 2]
    closes = tag != "O" and not "".join(after).startswith("I")
    return {"B": f"({tag[2:]}" + ("" if closes else "*"), "I": "*", "O": "*"}[tag[0]] + ")" * closes


# What is written of each word, in files as public data sets have them.
KINDS_OF_LINES = {
    "tag first": lines(lambda i, k, word, tag: f"{tag} {word}"),
    "index, word, tag": lines(lambda i, k, word, tag: f"{k + 1}\t{word}\t{tag}"),
    "index alone tells sentences": lines(lambda i, k, word, tag: f"{k + 1}\t{word}\t{tag}", between=""),
    "GermEval": lines(
        lambda i, k, word, tag: f"{k + 1}\t{word}\t{tag}\t{'B-PERpart' if k == 0 else 'O'}",
        before=lambda i: f"#\thttp://de.example.org/{i}\t[2009-10-17]\n",
    ),
    "CoNLL-2003": "-DOCSTART- -X- -X- O\n\n"
    + lines(lambda i, k, word, tag: f"{word} {pos()} {'B-NP' if k % 2 else 'I-VP'} {tag}"),
    "documents without blank lines": lines(
        lambda i, k, word, tag: f"{word} {tag}", between="", before=lambda i: "-DOCSTART- O\n"
    ),
    "CoNLL-2012": "#begin document (bc/cctv/00); part 000\n"
    + lines(
        lambda i, k, word, tag: (
            f"bc/cctv/00  0  {k}  {word}  {pos()}  {'(TOP(S(NP*' if k == 0 else '*'}  -  -  Ann#1  {brackets(i, k)}  -"
        )
    ),
    "CoNLL-U": lines(
        lambda i, k, word, tag: (
            f"{'1-2	im' + '	_' * 8 + chr(10) if k == 0 else ''}{k + 1}\t{word}\t{word.lower()}\tNOUN\t_\tNumber=Sing"
            f"\t{k}\tdep\t_\tSpaceAfter=No|name={tag}"
        ),
        before=lambda i: f"# sent_id = {i}\n# text = {TEXTS[i]}\n",
    ),
    "MultiCoNER": lines(
        lambda i, k, word, tag: f"{word} _ _ {tag}", before=lambda i: f"# id 52-{i}\tdomain=en\n", between="\n\n"
    ),
    "OntoNotes, lower case": lines(lambda i, k, word, tag: f"{word}\t{tag.replace('O', 'o') if tag == 'O' else tag}"),
    "Few-NERD": lines(lambda i, k, word, tag: f"{word}\t{tag[2:] or 'O'}"),
    "OTHER": lines(lambda i, k, word, tag: f"{word}\t{tag[2:] or 'OTHER'}"),
    "HIPE": "TOKEN\tNE-COARSE\tNE-FINE\tNEL\tMISC\n# language = de\n"
    + lines(
        lambda i, k, word, tag: (
            f"{word}\t{tag}\t{tag if tag == 'O' else tag + '.x'}\t{'_' if tag == 'O' else f'Q{k}'}"
            f"\t{'EndOfSentence' if word == '.' else '_'}"
        ),
        between="",
    ),
    "layout": lines(lambda i, k, word, tag: f"{word}\t{k} {k} {k + 9} {k + 9}\t{tag}"),
    "sentence and word numbers": "doc,sent,token_id,token,ner\n"
    + lines(lambda i, k, word, tag: f'd1,{i},{k},"{word}",{tag}', between=""),
    "columns in any order": "ner,sentence_id,start,end,tok\n"
    + lines(lambda i, k, word, tag: f'{tag},{i},{5 * k},{5 * k + 4},"{word}"', between=""),
    "blank rows of a spreadsheet": "word;tag\n" + lines(lambda i, k, word, tag: f"{word};{tag}", between=";\n"),
    "types alone": "sentence_id,word,label\n"
    + lines(lambda i, k, word, tag: f'{i},"{word}",{tag[2:] or "O"}', between=""),
}


@pytest.mark.parametrize("kind", KINDS_OF_LINES)
def test_words_and_tags_stand_in_any_columns(tmp_path, kind):
    table = read(tmp_path, KINDS_OF_LINES[kind])
    assert [row.text for row in table.rows] == TEXTS
    (task,) = table.tasks()
    assert [spans(row, task) for row in table.rows] == ENTITIES
    assert not table.errors


def test_the_first_of_several_columns_of_entities_is_read_unless_another_is_chosen(tmp_path):
    text = lines(lambda i, k, word, tag: f"{word}\t{tag}\t{'B-NEW' if k == 0 else 'O'}")
    table = read(tmp_path, text)
    assert table.tasks()["entities"].labels == ("LOC", "ORG", "PER")
    (finding,) = table.findings
    assert (finding.code, finding.level) == ("entity-levels", "note") and "column 3" in finding.problem + finding.hint
    assert read(tmp_path, text, roles={"column 3": "tagging"}).tasks()["column 3"].counts == {"NEW": 4}


def test_phrases_are_read_where_there_are_no_entities(tmp_path):
    table = read(tmp_path, "He PRP B-NP\nran VBD B-VP\n\nShe PRP B-NP\nhid VBD B-VP\nhere RB O\n")
    assert table.tasks()["entities"].labels == ("NP", "VP")


def test_no_break_spaces_are_parts_of_words(tmp_path):
    table = read(tmp_path, "Ada\u00a0May B-PER\nran O\n\nBob B-PER\nran O\n")
    assert table.rows[0].text == "Ada\u00a0May ran"
    assert table.rows[0].labels["entities"] == (Span(0, 7, "PER"),)


def test_a_tree_without_entities_is_a_text(tmp_path):
    tree = lines(lambda i, k, word, tag: f"{k + 1}\t{word}\t{word.lower()}\tNOUN\t_\t_\t{k}\tdep\t_\t_")
    table = read(tmp_path, tree)
    assert [row.text for row in table.rows] == TEXTS
    assert (table.tasks(), [f.code for f in table.findings]) == ({}, ["no-task"])


def test_integer_tags_need_names(tmp_path):
    text = lines(lambda i, k, word, tag: f"{word} {IDS.index(tag)}")
    table = read(tmp_path, text)
    assert [row.text for row in table.rows] == TEXTS
    assert (table.tasks(), table.errors) == ({}, ())
    (finding,) = [f for f in table.findings if f.code == "names-needed"]
    assert finding.level == "warning" and "--names 'column 2=O,B-PER" in finding.hint
    named = read(tmp_path, text, names={"column 2": IDS})
    assert [spans(row, "column 2") for row in named.rows] == ENTITIES
    by_id = read(tmp_path, text, names={"column 2": [str(i) for i in range(7)]})
    assert by_id.tasks()["column 2"].labels == ("1", "2", "3", "4", "5", "6")
    with pytest.raises(UserError, match="no column 'tags'"):
        read(tmp_path, text, names={"tags": IDS})


@pytest.mark.parametrize(
    "text",
    [
        # Types of blood, sizes, folds, and lists that are labels.
        csv_of(
            ("name", "blood", "note"),
            *((f"N{i}", ("A", "O", "AB", "B")[i % 4], f"came home {i} times") for i in range(9)),
        ),
        csv_of(
            ("fold", "brand", "text"), *((i % 3, ("Acme", "Zorg")[i % 2], f"works like a charm {i}") for i in range(9))
        ),
        csv_of(
            ("text", "labels"), *((f"works like a charm {i}", repr(["food", "art"][: 1 + i % 2])) for i in range(9))
        ),
        "o gato viu o rato\no homem viu o mar\nI-95 and e-mail are here\n",
    ],
)
def test_what_is_no_table_of_words(tmp_path, text):
    table = read(tmp_path, text)
    assert len(table.rows) >= 3 and not any(column.kind == "tagging" for column in table.columns)
    assert all(" " in row.text for row in table.rows)
