"""What surrounds a table is taken out, and said with its line."""

from __future__ import annotations

import pytest

from mtl.data.table import read_table

ROWS = "".join(f"The soup of day {i} was warm.,{'good' if i % 2 else 'bad'}\n" for i in range(12))
TABLE = "text,label\n" + ROWS


def read(tmp_path, text, name="data.csv", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_table(path, **options)


def said(table):
    return [(f.code, f.line) for f in table.findings if f.code != "duplicate"]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (f"Here is your table:\n\n```csv\n{TABLE}```\nAnything else?\n", [("fence", 3)]),
        (f"~~~\n{TABLE}", [("fence", 1)]),
        (f"Soups of 2024\n{TABLE}", [("prose", 1)]),
        (f"# made by hand\n{TABLE}", [("comment", 1)]),
        (f"{TABLE}\nI hope this helps!\n", [("prose", 15)]),
        (f"sep=,\n{TABLE}", []),
        (TABLE + TABLE, [("header-again", 14)]),
    ],
)
def test_what_is_no_row_is_left_out_and_named(tmp_path, text, findings):
    table = read(tmp_path, text)
    assert table.tasks()["label"].labels == ("bad", "good")
    assert len(table.rows) == text.count("soup")
    assert said(table) == findings
    assert table.rows[0].line == text[: text.index("The soup")].count("\n") + 1


def test_lines_of_a_database_are_no_blank_ones(tmp_path):
    rows = "".join(f"  {i} | the soup of day {i} | {'good' if i % 2 else 'bad '}\n" for i in range(12))
    table = read(tmp_path, f" id |     text      | label\n----+---------------+------\n{rows}(12 rows)\n\n", "data.txt")
    assert (len(table.rows), table.rows[0].line) == (12, 3)
    assert said(table) == [("prose", 15)]


def test_a_fence_inside_a_text_stays_there(tmp_path):
    table = read(tmp_path, 'text,label\n"How do I\n```\nprint\n```\nthis?",a\nand this,b\nand that,a\nand more,b\n')
    assert table.rows[0].text == "How do I\n```\nprint\n```\nthis?"
    assert said(table) == []


def test_rows_may_end_in_the_delimiter_or_begin_with_a_name(tmp_path):
    table = read(tmp_path, "text,label\n" + ROWS.replace("\n", ",\n"))
    assert table.tasks()["label"].labels == ("bad", "good") and said(table) == []
    numbered = "".join(f'"{i + 1}" {line}\n' for i, line in enumerate(_spaced(ROWS)))
    table = read(tmp_path, '"text" "label"\n' + numbered, "data.txt")
    assert (table.text_column, table.tasks()["label"].labels) == ("text", ("bad", "good"))
    assert ("row-names", 1) in said(table)


def _spaced(rows):
    return [f'"{text}" "{label}"' for text, label in (line.rsplit(",", 1) for line in rows.splitlines())]


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("sms,spam", None),  # a text may be one word, and a class like any other
        ("Satz,Stimmung", True),
        ("entity,What is a soup made of in the north?", False),
        ("The soup of day 99 was cold.,bad", False),
    ],
)
def test_whether_the_first_line_is_a_header_is_judged_by_the_lines_below(tmp_path, first, is_header):
    below = {"sms,spam": ("spam", "ham"), "entity": ("entity", "number")}
    labels = below.get(first) or below.get(first.split(",")[0]) or ("good", "bad")
    rows = [(f"The soup of day {i} was warm.", labels[i % 2]) for i in range(12)]
    if first.startswith("entity"):
        rows = [(label, text.replace("was warm.", "made of in the end?")) for text, label in rows]
    table = read(tmp_path, first + "\n" + "".join(f"{a},{b}\n" for a, b in rows))
    assert bool(table.questions) == (is_header is None)
    if is_header is None:
        for header in (True, False):
            assert len(read(tmp_path, (tmp_path / "data.csv").read_text(), header=header).rows) == 12 + (not header)
    else:
        assert len(table.rows) == 12 + (not is_header)


QUESTIONS = "How was it?,Please tell us why\n"
IMPORTS = '"{""ImportId"":""QID1""}","{""ImportId"":""QID2_TEXT""}"\n'
ANSWERS = "".join(f"{('good', 'bad', 'so so')[i % 3]},Because of the {i} things I saw there\n" for i in range(12))


@pytest.mark.parametrize("below", [QUESTIONS, IMPORTS, QUESTIONS + IMPORTS, "Response,Open-Ended Response\n"])
def test_questions_and_imports_below_the_names_are_headers(tmp_path, below):
    path = tmp_path / "survey.csv"
    path.write_text("Q1,Q2\n" + below + ANSWERS)
    table = read_table(path)
    assert (len(table.rows), table.rows[0].line) == (12, 2 + below.count("\n"))
    assert table.tasks()["Q1"].labels == ("bad", "good", "so so")
    assert [(f.line, f.code) for f in table.findings] == [(2 + i, "header-below") for i in range(below.count("\n"))]


@pytest.mark.parametrize(
    "first",
    [
        "good,Is that all there is?\n",  # among texts of which few are questions
        "not good at all,Nobody came to see it\n",  # a label that does not come again
        ",Is that all there is?\n",
    ],
)
def test_a_first_row_that_is_like_the_others_is_a_row(tmp_path, first):
    path = tmp_path / "survey.csv"
    path.write_text("Q1,Q2\n" + first + ANSWERS)
    assert len(read_table(path).rows) == 13
