"""Tables with two texts in a row: how they are found, what a column says about them, and what is wrong with them."""

import json
import random

import pytest

from mtl.config import UserError
from mtl.data.rows import Row
from mtl.data.splits import share_sentences, split, without
from mtl.data.table import read_table

WHO = ["a man", "two dogs", "the old woman", "some children", "a cyclist", "the chef", "three friends", "the pilot"]
DOES = ["sleeps", "plays the piano", "reads a book", "crosses the street", "waves at people", "opens the door"]
WHERE = ["in the park", "near the river", "at home", "on a busy street", "behind the station", "by the sea"]
CHANCE = random.Random(3)
FIRST = [f"{who} {does} {where} today" for who in WHO for does in DOES for where in WHERE]
CHANCE.shuffle(FIRST)
FIRST = FIRST[:90]
NEAR = [" ".join(w for at, w in enumerate(t.split()) if at != 2) + " again" for t in FIRST]
OTHER = [FIRST[(i * 7 + 13) % 90][::-1].title()[::-1] for i in range(90)]
SCORES = [i % 26 / 5 for i in range(90)]
# Texts whose wording goes along with the scores 0 to 5.
BY_SCORE = [NEAR[i] if SCORES[i] > 2.5 else OTHER[i] for i in range(90)]
RELATION = ["entailment", "neutral", "contradiction"] * 30


def read(tmp_path, header, *columns, name="data.tsv", **reading):
    lines = ["\t".join(map(str, row)) for row in zip(*columns, strict=True)]
    (tmp_path / name).write_text("\n".join([header] * bool(header) + lines) + "\n", encoding="utf-8")
    return read_table(tmp_path / name, **reading)


def tasks(table):
    return {name: column.kind for name, column in table.tasks().items()}


def parsed(texts):
    return [f"( {text.replace(' ', ' ( ')} )" for text in texts]


def published(what):
    """(header, columns) in the form that data sets of pairs are published in."""
    n = range(90)
    ids = [f"{i:05d}n" for i in n]
    if what == "sts, no header":
        return "", [["main-captions", "main-news"] * 45, ["MSRvid", "images", "headlines"] * 30, ["2012test"] * 90] + [
            [f"{i:04d}" for i in n],
            SCORES,
            FIRST,
            BY_SCORE,
        ]
    if what == "sts, glue":
        header = "index genre filename year old_index source1 source2 sentence1 sentence2 score"
        return header, [n, ["main-captions"] * 90, ["MSRvid", "images"] * 45, ["2012test", "2013"] * 45, n] + [
            ["none"] * 90
        ] * 2 + [FIRST, BY_SCORE, SCORES]
    if what == "sts, hub":
        return "sentence1 sentence2 label idx", [FIRST, BY_SCORE, SCORES, n]
    if what == "snli":
        header = "gold_label sentence1_binary_parse sentence2_binary_parse sentence1 sentence2 captionID pairID"
        labels = ["-", *RELATION[1:]]
        return f"{header} label1 label2", [
            labels,
            parsed(FIRST),
            parsed(NEAR),
            FIRST,
            NEAR,
            ids,
            ids,
            RELATION,
            RELATION,
        ]
    if what == "mnli":
        header = "index promptID pairID genre sentence1_parse sentence2_parse sentence1 sentence2 label1 gold_label"
        genres = ["fiction", "government", "telephone"] * 30
        return header, [n, [31193 + i for i in n], ids, genres, parsed(FIRST), parsed(NEAR), FIRST, NEAR] + [
            RELATION
        ] * 2
    if what == "mrpc":
        ids = [[702876 + k * i for i in n] for k in (37, 41)]
        return "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", [[i % 2 for i in n], *ids, FIRST, NEAR]
    if what == "qqp":
        return "id qid1 qid2 question1 question2 is_duplicate", [
            n,
            *([2 * i + k for i in n] for k in (1, 2)),
            FIRST,
            BY_SCORE,
            [int(score > 2.5) for score in SCORES],
        ]
    if what == "sick":
        return "pair_ID sentence_A sentence_B relatedness_score entailment_judgment", [
            n,
            FIRST,
            BY_SCORE,
            SCORES,
            RELATION,
        ]
    return "premise hypothesis label idx", [FIRST, NEAR, [i % 3 for i in n], n]


@pytest.mark.parametrize(
    ("what", "texts", "expected"),
    [
        ("sts, no header", ["text", "text_b"], {"label": "similarity"}),
        ("sts, glue", ["sentence1", "sentence2"], {"score": "similarity"}),
        ("sts, hub", ["sentence1", "sentence2"], {"label": "similarity"}),
        ("snli", ["sentence1", "sentence2"], {"gold_label": "pair_classification"}),
        ("mnli", ["sentence1", "sentence2"], {"gold_label": "pair_classification"}),
        ("mrpc", ["#1 String", "#2 String"], {"Quality": "pair_classification"}),
        ("qqp", ["question1", "question2"], {"is_duplicate": "pair_classification"}),
        ("nli, hub", ["premise", "hypothesis"], {"label": "pair_classification"}),
        (
            "sick",
            ["sentence_A", "sentence_B"],
            {"relatedness_score": "similarity", "entailment_judgment": "pair_classification"},
        ),
    ],
)
def test_data_sets_are_read_as_they_are_published(tmp_path, what, texts, expected):
    header, columns = published(what)
    table = read(tmp_path, header if "\t" in header else header.replace(" ", "\t"), *columns)
    assert table.text_columns == texts and tasks(table) == expected and not table.questions
    assert table.rows[0].texts[0] == FIRST[0] and len(table.rows) == 90


def test_what_annotators_do_not_agree_on_is_no_label(tmp_path):
    header, columns = published("snli")
    table = read(tmp_path, header.replace(" ", "\t"), *columns)
    assert table.rows[0].labels == {} and len(table.tasks()["gold_label"].labels) == 3
    assert "no-agreement" in {f.code for f in table.findings}
    lines = [
        {"gold_label": label, "sentence1": a, "sentence2": b}
        for label, a, b in zip(columns[0], FIRST, NEAR, strict=True)
    ]
    (tmp_path / "snli.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert tasks(read_table(tmp_path / "snli.jsonl")) == {"gold_label": "pair_classification"}


@pytest.mark.parametrize(
    ("header", "columns", "texts"),
    [
        ("anchor\tpositive\tnegative", (FIRST, NEAR, OTHER), 3),
        ("sent0\tsent1\thard_neg", (FIRST, NEAR, OTHER), 3),
        ("question1\tquestion2", (FIRST, NEAR), 2),
        ("", (FIRST, NEAR), 2),
    ],
)
def test_pairs_and_triplets_without_a_label_are_learned_from(tmp_path, header, columns, texts):
    table = read(tmp_path, header, *columns)
    assert tasks(table) == {"pairs": "contrastive"} and not table.questions
    assert table.rows[3].texts == tuple(column[3] for column in columns) and len(table.text_columns) == texts
    assert table.rows[3].labels == {"pairs": True}
    assert tasks(read_table(tmp_path / "data.tsv", roles={"pairs": "ignored"})) == {}


def test_a_label_that_is_set_aside_does_not_make_unlike_pairs_alike(tmp_path):
    table = read(tmp_path, "sentence1\tsentence2\tscore", FIRST, BY_SCORE, SCORES, roles={"score": "ignored"})
    assert tasks(table) == {}


@pytest.mark.parametrize(
    ("name", "values", "kind", "asked"),
    [
        ("score", [0, 1, 2], "similarity", False),  # its name and the words the texts share say the same
        ("label", [0, 1, 2], "pair_classification", False),
        ("grade_no", [0, 1, 2], "pair_classification", True),
        ("grade_no", [0, 0.5, 1], "similarity", False),
        ("grade_no", [0, 1, 2, 3, 4, 5], "similarity", False),
        ("grade_no", [0, 1], "pair_classification", False),
        ("similarity", [0, 1], "similarity", False),
    ],
)
def test_whether_numbers_are_scores_or_classes_is_judged_by_the_words_or_asked(tmp_path, name, values, kind, asked):
    places = [min(int(score / 5.01 * len(values)), len(values) - 1) for score in SCORES]
    texts = [NEAR[i] if 2 * place >= len(values) else OTHER[i] for i, place in enumerate(places)]
    table = read(tmp_path, f"sentence1\tsentence2\t{name}", FIRST, texts, [values[place] for place in places])
    assert tasks(table) == {name: kind}
    assert [[r.arguments for r in q.readings] for q in table.questions] == [
        [{"roles": {name: "pair_classification"}}, {"roles": {name: "similarity"}}]
    ] * asked
    other = read_table(tmp_path / "data.tsv", roles={name: "similarity"})
    assert tasks(other) == {name: "similarity"} and not other.questions


def test_classes_that_do_not_go_along_with_the_words_are_classes(tmp_path):
    table = read(tmp_path, "sentence1\tsentence2\tgrade_no", FIRST, NEAR, [0, 1, 2] * 30)
    assert tasks(table) == {"grade_no": "pair_classification"} and not table.questions


def test_texts_that_belong_together_by_their_words_alone_are_asked_about(tmp_path):
    table = read(tmp_path, "before\tafterwards\tkind", FIRST, NEAR, ["x", "y"] * 45)
    assert table.text_columns == ["before", "afterwards"] and tasks(table) == {"kind": "pair_classification"}
    [question] = table.questions
    assert [reading.arguments for reading in question.readings] == [
        {"text": "before", "roles": {"afterwards": "text_b"}},
        {"text": "before"},
        {"text": "afterwards"},
    ]
    for reading in question.readings:
        assert not read_table(tmp_path / "data.tsv", **reading.arguments).questions


@pytest.mark.parametrize(
    "other", [[text.upper() for text in FIRST], [" ".join(text.split()[:5]) for text in FIRST], OTHER]
)
def test_a_copy_or_another_text_is_no_partner(tmp_path, other):
    table = read(tmp_path, "before\tafterwards\tkind", FIRST, other, ["x", "y"] * 45)
    assert table.text_columns == ["before"] and tasks(table) == {"kind": "classification"}


def test_the_texts_can_be_named(tmp_path):
    read(tmp_path, "id\tone\tmore\tscore", range(90), OTHER, FIRST, SCORES)
    path = tmp_path / "data.tsv"
    table = read_table(path, text="more", text_b="one")
    assert table.rows[0].texts == (FIRST[0], OTHER[0]) and tasks(table) == {"score": "similarity"}
    assert read_table(path, text="more", roles={"one": "text_b"}).rows[0].texts == table.rows[0].texts
    assert read_table(path, text="more").rows[0].texts == (FIRST[0],)
    for reading, said in [
        ({"text": "one", "text_b": "one"}, "cannot be both"),
        ({"text_b": "nowhere"}, "no column 'nowhere'"),
        ({"roles": {"one": "text_b", "more": "text_b"}}, "Only one column"),
        ({"roles": {"one": "negative"}}, "say by text_b"),
    ]:
        with pytest.raises(UserError, match=said):
            read_table(path, **reading)


def test_an_empty_second_text_leaves_the_row_out(tmp_path):
    table = read(tmp_path, "sentence1\tsentence2\tscore", FIRST, ["", *BY_SCORE[1:]], SCORES)
    assert len(table.rows) == 89
    [finding] = [f for f in table.findings if f.code == "text-empty"]
    assert (finding.line, finding.column) == (2, "sentence2")


def test_the_same_text_twice_is_said(tmp_path):
    table = read(tmp_path, "sentence1\tsentence2\tscore", FIRST, [FIRST[0], *BY_SCORE[1:]], SCORES)
    [finding] = [f for f in table.findings if f.code == "same-texts"]
    assert finding.line == 2 and len(table.rows) == 90
    table = read(tmp_path, "sentence1\tsentence2\tscore", FIRST, FIRST, SCORES)
    assert "same-columns" in {f.code for f in table.errors} and not any(row.labels for row in table.rows)


def test_swapped_triplets_are_said(tmp_path):
    table = read(tmp_path, "anchor\tpositive\tnegative", FIRST, OTHER, NEAR)
    assert "swapped" in {f.code for f in table.findings}
    right = read_table(tmp_path / "data.tsv", roles={"positive": "negative", "negative": "text_b"})
    assert right.rows[0].texts == (FIRST[0], NEAR[0], OTHER[0]) and not {"swapped"} & {f.code for f in right.findings}


def test_a_kind_for_two_texts_needs_two(tmp_path):
    table = read(tmp_path, "text\tscore", FIRST, SCORES, roles={"score": "similarity"})
    assert tasks(table) == {} and "one-text" in {f.code for f in table.errors}


def test_a_pair_is_a_duplicate_only_of_the_same_pair(tmp_path):
    firsts = [FIRST[i // 3] for i in range(90)]
    table = read(tmp_path, "premise\thypothesis\tlabel", firsts, NEAR, RELATION)
    assert not {f.code for f in table.findings} & {"duplicate", "duplicate-differs"}


# --- splits ---


def sentences(rows):
    return {text.casefold() for row in rows for text in row.texts}


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_pairs_that_share_a_sentence_are_not_torn_apart(share):
    rows = [Row((f"premise {i // 3}", f"hypothesis {i}"), {"label": RELATION[i % 90]}, i) for i in range(300)]
    rows += [Row((f"Hypothesis {i}", f"more {i}"), {"label": "neutral"}, i) for i in range(0, 300, 7)]
    train, held_out = split(rows, share)
    assert not sentences(train) & sentences(held_out) and share_sentences(train, held_out) == 0
    assert len(held_out) == pytest.approx(share * len(rows), rel=0.25)
    assert sorted(row.line for row in train + held_out) == sorted(row.line for row in rows)


def test_pairs_of_one_cluster_are_torn_apart_and_that_is_said():
    rows = [Row((f"text {i}", f"text {i + 1}"), {"pairs": True}, i) for i in range(100)]
    train, held_out = split(rows, 0.2)
    assert len(held_out) == 20 and share_sentences(train, held_out) > 0


def test_no_pair_is_trained_on_that_shares_a_sentence_with_another_file():
    held_out = [Row(("One text", "Another"), {}, 1), Row("Alone", {}, 2)]
    rows = [
        Row(("another", "third"), {}, 1),
        Row(("third", "fourth"), {}, 2),
        Row("one text", {}, 3),
        Row("alone", {}, 4),
    ]
    assert [row.line for row in without(rows, held_out)] == [2, 3]
