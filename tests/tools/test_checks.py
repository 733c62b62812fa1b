"""The check sets hold what they say, share no sentence with training data, and are measured as other rows are."""

import itertools
import json
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from mtl import checkpoint
from mtl.__main__ import main
from mtl.data.dataset import Recipe, SourceSpec, read_source
from mtl.data.table import read_table
from mtl.tools import checks
from mtl.training import limits
from mtl.training.forgetting import probe
from mtl.training.metrics import evaluate

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "assets" / "samples"
RECIPES = checkpoint.DEFAULT_FOLDER / "recipes"
PUBLIC = ROOT.parent / "shared" / "data"
TABLES = (checks.EVERYDAY, checks.ENTITIES, checks.UNFAMILIAR)
# Kinds that are of one label by their nature.
ONE_SIDED = {"praise with a dark word": {"positive"}, "complaint with a bright word": {"negative"}}


def plain(text: str) -> str:
    """A text without case, punctuation and spaces, or as it is where it has nothing else, as emoji have."""
    text = unicodedata.normalize("NFKC", text).casefold().strip()
    said = "".join(c for c in text if unicodedata.category(c)[0] in "LMN")
    return said if any(map(str.isalnum, said)) else text


def texts_of(name: str) -> list[str]:
    if name == checks.IDENTITY:
        return [
            frame.format(word) for group in checks.identity() for frame in group["frames"] for word in group["words"]
        ]
    return [row.text for row in checks.rows_of(name)]


@pytest.fixture(scope="module")
def check_texts() -> set[str]:
    return {plain(text) for name in (*TABLES, checks.IDENTITY) for text in texts_of(name)}


def sources() -> list[SourceSpec]:
    """The files that the default model's recipes train on, each with its column of texts once."""
    recipes = (checkpoint.DEFAULT_FOLDER / "recipe.json", *RECIPES.glob("*.json"))
    named = {(s.file, s.text, s.text_b) for recipe in recipes for s in Recipe.read(recipe).train_on}
    return [SourceSpec(file, text, text_b, unlabelled_text=True) for file, text, text_b in sorted(named, key=str)]


def found_in(texts: set[str], rows) -> set[str]:
    return texts & {plain(text) for row in rows for text in row.texts}


def test_no_sentence_stands_twice_or_in_another_list_that_models_are_judged_by(check_texts):
    counts = Counter(plain(text) for name in (*TABLES, checks.IDENTITY) for text in texts_of(name))
    assert [text for text, count in counts.items() if count > 1] == []
    lists = limits.sentences()
    others = [sentence["text"] for group in lists["groups"] for sentence in group["sentences"]]
    others += itertools.chain.from_iterable(lists["pairs"]["sentences"])
    for table in ROOT.glob("tests/familiarity*.csv"):
        others += [row.text for row in read_table(table).rows]
    assert len(others) > 1000 and not check_texts & {plain(text) for text in others}
    assert not found_in(check_texts, probe())


def test_no_sentence_stands_in_data_that_the_project_ships(check_texts):
    files = [*SAMPLES.iterdir(), *RECIPES.glob("*.csv")]
    assert len(files) > 7
    for file in files:
        rows = read_table(file).rows
        assert rows and not found_in(check_texts, rows), file


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public data sets are not here")
@pytest.mark.parametrize("source", [s for s in sources() if (PUBLIC / s.file).is_file()], ids=lambda s: s.file)
def test_no_sentence_stands_in_a_public_data_set_that_the_recipes_train_on(check_texts, source):
    assert not found_in(check_texts, read_source(source, PUBLIC, {}))


def test_a_recipe_trains_on_none_of_the_check_sets():
    assert not {Path(source.file).name for source in sources()} & {*TABLES, checks.IDENTITY}


@pytest.mark.parametrize(("name", "task"), [(checks.EVERYDAY, "sentiment"), (checks.ENTITIES, "entities")])
def test_every_sentence_has_labels_of_the_default_model(default_model, name, task):
    table = read_table(checks.FOLDER / name)
    assert not [finding for finding in table.findings if finding.level != "note"]
    assert len(table.rows) == len(checks.rows_of(name))
    assert {*table.tasks()[task].labels} == {*default_model.tasks[task].labels}
    assert all(task in row.labels for row in table.rows)


def test_every_kind_has_several_sentences_and_more_than_one_label_where_it_can():
    for name in TABLES:
        kinds = Counter(row.facets["kind"] for row in checks.rows_of(name))
        assert len(kinds) > 3 and min(kinds.values()) >= 6, name
    labels = defaultdict(set)
    for row in checks.rows_of(checks.EVERYDAY):
        labels[row.facets["kind"]].add(row.labels["sentiment"])
    assert {kind: own for kind, own in labels.items() if len(own) < 2} == ONE_SIDED


def test_no_sentence_begins_as_another_does():
    begins = Counter(
        " ".join(words[:3]) for text in texts_of(checks.EVERYDAY) if len(words := re.findall(r"\w+", text)) > 3
    )
    assert [words for words, count in begins.items() if count > 1] == []


def test_spans_cut_out_exactly_the_words_meant():
    lines = (checks.FOLDER / checks.ENTITIES).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert sum(not row["entities"] for row in rows) >= 17
    for row in rows:
        last = 0
        for span in row["entities"]:
            cut = row["text"][span["start"] : span["end"]]
            assert cut == span["text"] == cut.strip() and last <= span["start"], row
            last = span["end"]


def test_unfamiliar_texts_are_of_twenty_languages_and_of_none():
    languages = Counter(row.labels.get("language") for row in checks.rows_of(checks.UNFAMILIAR))
    assert languages.pop(None) >= 18
    assert len(languages) == 20 and min(languages.values()) >= 3


def test_each_frame_takes_each_word_once():
    people, names = checks.identity()
    assert len(people["frames"]) >= 4 and len(people["words"]) >= 16
    assert len(names["frames"]) >= 2 and len(names["words"]) >= 24
    for group in (people, names):
        assert len({*group["words"]}) == len(group["words"])
        assert all(frame.count("{}") == 1 for frame in group["frames"])


@pytest.fixture(scope="module")
def figures(default_model):
    return {(row["data"], row["metric"]): row for row in checks.measure(default_model)}


def value(figures, data, metric):
    return figures[data, metric]["value"]


def test_figures_on_everyday_sentences_are_those_of_any_labelled_rows(default_model, figures):
    rows = checks.rows_of(checks.EVERYDAY)
    scores = evaluate(default_model, rows, ["sentiment"])["sentiment"]
    for metric, key in (
        ("accuracy", "accuracy"),
        ("macro f1", "macro_f1"),
        ("calibration error", "calibration_error"),
    ):
        figure = figures[checks.EVERYDAY, metric]
        assert figure["value"] == pytest.approx(scores[key], abs=1e-4) and figure["rows"] == len(rows)
        assert figure["low"] < figure["value"] < figure["high"]
    idioms = [row for row in rows if row.facets["kind"] == "idiom"]
    right = evaluate(default_model, idioms, ["sentiment"])["sentiment"]["accuracy"]
    assert value(figures, f"{checks.EVERYDAY}, idiom", "accuracy") == pytest.approx(right, abs=1e-4)
    assert sum(metric == "accuracy" for _, metric in figures) == 1 + len({row.facets["kind"] for row in rows})


def test_figures_on_names_are_strict_and_those_of_seqeval_where_spans_are_whole_words(default_model, figures):
    rows = checks.rows_of(checks.ENTITIES)
    scores = evaluate(default_model, rows, ["entities"])["entities"]
    assert value(figures, checks.ENTITIES, "f1") == pytest.approx(scores["f1"], abs=1e-4)
    for label, own in scores["per_class"].items():
        assert value(figures, f"{checks.ENTITIES}, {label}", "f1") == pytest.approx(own["f1"], abs=1e-4)
    right = value(figures, f"{checks.ENTITIES}, no name", "sentences all right")
    nameless = [row.text for row in rows if row.facets["kind"] == "no name"]
    answers = default_model.analyze(nameless, tasks=["entities"])
    assert right == pytest.approx(np.mean([not answer.entities for answer in answers]), abs=1e-4)


def test_a_spread_is_the_farthest_that_two_words_in_one_frame_lie_apart(default_model, figures):
    people, _ = checks.identity()
    spreads = []
    for frame in people["frames"]:
        probabilities = [
            default_model.analyze([frame.format(word)])[0].sentiment.probabilities for word in people["words"]
        ]
        feelings = [each["positive"] - each["negative"] for each in probabilities]
        spreads.append(max(feelings) - min(feelings))
        data = f"{checks.IDENTITY}, {people['title']}: {frame}"
        assert value(figures, data, "spread") == pytest.approx(spreads[-1], abs=2e-3)
    mean = value(figures, f"{checks.IDENTITY}, {people['title']}", "spread, mean of frames")
    assert mean == pytest.approx(np.mean(spreads), abs=2e-3)


def test_unfamiliar_texts_are_counted_by_kind_and_together(figures):
    flagged = {data: row for (data, metric), row in figures.items() if metric == "flagged"}
    whole = flagged.pop(checks.UNFAMILIAR)
    assert whole["rows"] == sum(row["rows"] for row in flagged.values())
    right = sum(row["rows"] * row["value"] for row in flagged.values())
    assert whole["value"] == pytest.approx(right / whole["rows"], abs=1e-3)
    assert all(1 / 3 <= row["value"] <= 1 for (_, metric), row in figures.items() if metric == "mean confidence")


def test_figures_that_need_no_data_are_printed_where_there_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--default", "--json"]) == 0
    printed = capsys.readouterr()
    splits = Counter(row["split"] for row in json.loads(printed.out))
    assert splits["held out"] == 6 and splits["check"] > 40 and "dev" not in splits
    assert "the figures on dev splits are left out: there is no folder data. --data-dir names" in printed.err
