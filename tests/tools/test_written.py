"""The written training rows are sound, even where they should be, and near nothing that the model is judged by."""

import csv
import itertools
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from mtl import checkpoint
from mtl.__main__ import main
from mtl.config import KINDS
from mtl.data.dataset import SourceSpec, read_source
from mtl.data.splits import split
from mtl.data.table import read_table
from mtl.tools import checks, scorecard, written
from mtl.training import limits
from mtl.training.forgetting import probe
from tests.tools.test_checks import TABLES, plain, texts_of

ROOT = Path(__file__).resolve().parents[2]
TASKS = {spec.name: spec for spec in checkpoint.read_config(checkpoint.DEFAULT_FOLDER)[2].tasks}
# Kinds that are of one sentiment by their nature, and those that are there for another task.
ONE_SIDED = {"praise with a dark word": {"positive"}, "complaint with a bright word": {"negative"}}
# From this share of common words on, two texts of three words or more are near each other.
NEAR = 0.65

rows = cache(written.rows)
every_table = pytest.mark.parametrize("table", written.tables())


def kind_of(row: dict) -> str:
    return row["id"].rsplit("-", 2)[0].replace("-", " ")


def words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


@cache
def judged_by() -> frozenset[str]:
    """All texts that the default model is measured on."""
    texts = [text for name in (*TABLES, checks.IDENTITY) for text in texts_of(name)]
    lists = limits.sentences()
    texts += [sentence["text"] for group in lists["groups"] for sentence in group["sentences"]]
    texts += itertools.chain.from_iterable(lists["pairs"]["sentences"])
    texts += [row.text for row in (*probe(), *scorecard.held_out())]
    for table in ROOT.glob("tests/familiarity*.csv"):
        texts += [row.text for row in read_table(table).rows]
    for path in (checkpoint.DEFAULT_FOLDER / "recipes").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file)]  # a fifth of each is held out
    return frozenset(texts)


def check_names() -> set[str]:
    names = {row.text[s.start : s.end] for row in checks.rows_of(checks.ENTITIES) for s in row.labels["entities"]}
    [first] = [group["words"] for group in checks.identity() if group["title"] == "first names"]
    return {name.casefold() for name in (*names, *first)}


@every_table
def test_no_row_is_a_text_that_the_model_is_judged_by(table):
    judged = {plain(text) for text in judged_by()}
    assert [row["text"] for row in rows(table) if plain(row["text"]) in judged] == []


@every_table
def test_no_row_is_near_a_check_sentence(table):
    texts = [words_of(text) for name in (*TABLES, checks.IDENTITY) for text in texts_of(name)]
    texts += [words_of(frame.format("")) for group in checks.identity() for frame in group["frames"]]
    holding = defaultdict(set)
    for number, words in enumerate(texts):
        for word in words if len(words) > 2 else ():
            holding[word].add(number)
    near = set()
    for row in rows(table):
        words = words_of(row["text"])
        shared = Counter(number for word in words for number in holding[word]) if len(words) > 2 else {}
        near |= {row["text"] for number, count in shared.items() if count / len(words | texts[number]) >= NEAR}
    assert near == set()


@every_table
def test_no_template_gives_a_check_sentence_however_it_is_filled(table):
    known = written.lists()

    def pattern(template: written.Template) -> str:
        bare = re.sub(r"\[([^\[\]]+)\]\([A-Z]+\)", r"\1", template.text)
        pieces = re.split(r"\{([^{}]*)\}", bare)
        for place in range(1, len(pieces), 2):
            words = pieces[place].split("|") if "|" in pieces[place] else known[pieces[place]].words
            pieces[place] = f"(?:{'|'.join(re.escape(plain(word)) for word in words)})"
        pieces[::2] = [re.escape(plain(piece)) if any(map(str.isalnum, piece)) else "" for piece in pieces[::2]]
        return "".join(pieces)

    texts = [plain(text) for name in (*TABLES, checks.IDENTITY) for text in texts_of(name)]
    patterns = [(template.text, re.compile(pattern(template))) for template in written.templates(table)]
    assert [text for text, expression in patterns if any(map(expression.fullmatch, texts))] == []


def test_no_name_of_the_check_sets_is_in_the_lists_or_marked_in_a_template():
    names = check_names()
    assert len(names) > 150
    for name, words in written.lists().items():
        if words.label:
            assert not {word.casefold() for word in words.words} & names, name
    marked = {
        match.casefold()
        for table in written.tables()
        for template in written.templates(table)
        for match in re.findall(r"\[([^\[\]]+)\]\([A-Z]+\)", template.text)
    }
    assert not marked & names


@every_table
def test_labels_are_the_models_and_spans_cut_out_whole_words(table):
    for row in rows(table):
        labels = {name: row[name] for name in TASKS if name in row}
        assert labels and row["text"].strip() == row["text"] != "", row
        assert row.get("sentiment") in (None, *TASKS["sentiment"].labels)
        assert row.get("topic") in (None, *TASKS["topic"].labels)
        signs = {"negative": {-1}, "neutral": {0}, "positive": {1}, None: set()}
        if "intensity" in row and table != "unfamiliar":
            intensity = row["intensity"]
            assert -1 <= intensity <= 1 and (intensity > 0) - (intensity < 0) in signs[row["sentiment"]], row
        end = 0
        for span in row.get("entities", ()):
            text = row["text"][span["start"] : span["end"]]
            assert span["label"] in TASKS["entities"].labels and span["start"] >= end
            assert text == text.strip() != ""
            assert span["label"] == "MISC" or not text.startswith("the "), row  # "the crown", in lower case
            around = row["text"][: span["start"]][-1:] + row["text"][span["end"] :][:1]
            assert not re.search(r"\w", around), row
            end = span["end"]
        slips = r"\bthe the\b|\ba [aeio](?!ne|u)|[{}]|\]\("
        assert table == "unfamiliar" or not re.search(slips, row["text"], re.IGNORECASE), row


@every_table
def test_the_reader_takes_a_table_as_it_was_meant(table, tmp_path):
    written.write(tmp_path)
    read = read_table(tmp_path / f"{table}.jsonl")
    assert read.errors == () and read.text_column == "text"
    assert {name: column.kind for name, column in read.tasks().items()}.items() <= {
        spec.name: spec.kind for spec in TASKS.values()
    }.items()
    assert len(read.rows) == len(rows(table))
    train, held_out = split(read_source(SourceSpec(f"{table}.jsonl"), tmp_path, TASKS), 0.0)
    assert len(train) + len(held_out) == len(rows(table)) and held_out
    for row, expected in zip(read.rows, rows(table), strict=True):
        assert row.text == expected["text"] and row.held_out == (expected["split"] == "held-out")
        assert set(row.labels) == {name for name in read.tasks() if name in expected}
        for name, value in row.labels.items():
            kind = KINDS[TASKS[name].kind]
            assert kind.to_json(value) == expected[name], (name, expected)


@every_table
def test_a_fifth_of_the_templates_is_held_out_and_no_text_is_on_both_sides(table):
    templates = written.templates(table)
    assert 0.15 < sum(template.held_out for template in templates) / len(templates) < 0.25
    sides = defaultdict(set)
    for row in rows(table):
        sides[" ".join(row["text"].casefold().split())].add(row["split"])
    assert [text for text, where in sides.items() if len(where) > 1] == []
    by_template = defaultdict(set)
    for row in rows(table):
        by_template[row["id"].rsplit("-", 1)[0]].add(row["split"])
    assert all(len(sides) == 1 for sides in by_template.values())
    for kind in {kind_of(row) for row in rows(table)}:
        assert {row["split"] for row in rows(table) if kind_of(row) == kind} == {"train", "held-out"}, kind


def test_each_kind_has_some_hundred_rows():
    counts = Counter(kind_of(row) for table in written.tables() for row in rows(table))
    assert {kind: count for kind, count in counts.items() if count < 150} == {}


def test_the_readme_says_how_many_rows_there_are_of_each_kind():
    counts = Counter((table, kind_of(row)) for table in written.tables() for row in rows(table))
    readme = (written.FOLDER / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| (\w+) \| ([^|]+) \| [^|]+ \| ([\d,]+) \|$", readme, re.MULTILINE)
    assert {(table, kind): int(count.replace(",", "")) for table, kind, count in said} == counts


def test_everyday_kinds_have_each_sentiment():
    counts = defaultdict(Counter)
    for row in rows("everyday"):
        counts[kind_of(row)][row["sentiment"]] += 1
    for kind, found in counts.items():
        wanted = ONE_SIDED.get(kind, set(TASKS["sentiment"].labels) - ({"neutral"} if kind == "dry irony" else set()))
        assert set(found) == wanted, kind
        assert min(found.values()) > 0.15 * max(found.values()), (kind, found)


@every_table
def test_the_rows_are_the_same_each_time(table):
    assert written.rows(table) == rows(table)


def test_the_templates_are_small_enough_to_ship():
    assert sum(path.stat().st_size for path in written.FOLDER.iterdir()) < 1_500_000


def test_the_command_writes_the_tables(tmp_path, capsys):
    assert main(["written", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for table in written.tables():
        file = tmp_path / "out" / f"{table}.jsonl"
        assert len(file.read_text(encoding="utf-8").splitlines()) == len(rows(table))
        assert f"{len(rows(table)):,}" in printed
    assert main(["written", str(tmp_path / "out")]) == 1


def test_who_somebody_is_is_tied_to_no_sentiment():
    """Each word stands about as often as the others in glad, plain and sad sentences, in those held out as well."""
    for kind, slot in (
        ("identity", "who"),
        ("fact about a person", "folk"),
        ("several people", "folks"),
        ("first name", "first"),
    ):
        words = sorted(written.lists()[slot].words, key=len, reverse=True)
        patterns = {}
        for template in (template for template in written.templates("people") if template.kind == kind):
            pieces = re.split(r"\{([^{}]*)\}", template.text)
            pieces[::2] = [re.sub(r"\b([aA])(\\ )$", r"\1n?\2", re.escape(piece)) for piece in pieces[::2]]
            options = f"({'|'.join(map(re.escape, words))})"
            pieces[1::2] = [options if name == slot else ".+?" for name in pieces[1::2]]
            patterns[template.digest[:8]] = re.compile("".join(pieces), re.IGNORECASE)
        counts = Counter()
        for row in (row for row in rows("people") if kind_of(row) == kind):
            [word] = patterns[row["id"].rsplit("-", 2)[1]].fullmatch(row["text"]).groups()
            counts[word.casefold(), row["sentiment"]] += 1
        for sentiment in TASKS["sentiment"].labels:
            each = [counts[word.casefold(), sentiment] for word in words]
            assert max(each) - min(each) <= 2, (kind, sentiment, counts)


def test_rows_that_share_an_id_differ_in_one_word_and_in_no_label():
    sets = defaultdict(list)
    for table in written.tables():
        for row in rows(table):
            sets[table, row["id"]].append(row)
    shared = [members for (table, _), members in sets.items() if len(members) > 1 and table != "unfamiliar"]
    assert len(shared) > 200
    for members in shared:
        for task in ("sentiment", "intensity", "topic"):
            assert len({member.get(task) for member in members}) == 1
        assert len({member["split"] for member in members}) == 1
        assert len({member["text"] for member in members}) == len(members)
        assert len({len(member["entities"]) for member in members if "entities" in member}) <= 1
