"""The default model is made again by one command: every step runs, builds on earlier ones, and is not done twice."""

import gzip
import itertools
import json
import random

import pytest

import mtl
from mtl.__main__ import main
from mtl.config import UserError
from mtl.tools import rebuild
from tests.conftest import write_tiny_backbone

WORDS = ("awful", "bad", "plain", "good", "great")
THINGS = ("film", "phone", "play", "meal", "room", "coat", "trip", "song", "book", "team")

FIRST = ("Ada", "Bob", "Carla", "Dieter", "Emma", "Farid", "Gita", "Hugo", "Ines", "Jan")
TOWNS = ("Rome", "Oslo", "Lima", "Cairo", "Delhi", "Paris")


def sentence(number: int, feeling: int) -> str:
    some = random.Random(number).sample(THINGS, 2)
    return f"a {WORDS[feeling]} {some[0]} and a {some[1]} in {number} acts"


def lines(count: int, shape: str, labels: int) -> str:
    spread = (0, 4) if labels == 2 else (0, 2, 4) if labels == 3 else range(5)
    return "".join(shape.format(i % labels, sentence(i, spread[i % labels])) for i in range(count))


def tagged(count: int, person: str, place: str, verb: str, conll: bool = False) -> str:
    """Sentences of a name, a verb and a place, a word and its tag on a line; `conll`: with CoNLL-2003's columns."""
    rows = []
    for first, town in [*itertools.product(FIRST, TOWNS)][:count]:
        words = (f"{first} NNP B-NP {person}", f"{verb} VBZ B-VP O", f"{town} NNP B-NP {place}", ". . O O")
        rows.append("\n".join(word if conll else "\t".join(word.split()[::3]) for word in words))
    return "\n\n".join(rows) + "\n"


PAIR = "main\tMSRvid\t2012\t{0:04}\t{1}.0\tA cat sleeps {2} {0}.\tA dog is awake {2} {0}.\n"
FILES = {
    "sst2.train.tsv.gz": "label\tsentence\n" + lines(200, "{}\t{}\n", 2),
    "sst2.dev.tsv.gz": "label\tcontent\n" + lines(40, "{}\t{} at last\n", 2),
    "sst5.train.txt.gz": lines(200, "{} {} .\n", 5),
    "sst5.dev.txt.gz": lines(40, "{} {} at last .\n", 5),
    "tweets.train.tsv.gz": "label\ttext\n" + lines(200, "{}\t{} today\n", 3),
    "tweets.dev.tsv.gz": "label\ttext\n" + lines(60, "{}\t{} tonight\n", 3),
    "custrev.txt.gz": lines(100, "{} {} for sale\n", 2),
    "mpqa.txt.gz": lines(100, "{} {} it is said\n", 2),
    "conll2003.train.txt.gz": tagged(60, "I-PER", "I-LOC", "likes", conll=True),
    "conll2003.dev.txt.gz": tagged(30, "I-PER", "I-LOC", "leaves", conll=True),
    "btc.conll.gz": tagged(60, "B-PER", "B-LOC", "loves"),
    "wnut17.train.conll.gz": tagged(60, "B-person", "B-location", "hates"),
    "stsb.train.tsv.gz": "".join(PAIR.format(i, i % 6, "well") for i in range(60)),
    "stsb.dev.tsv.gz": "".join(PAIR.format(i, i % 6, "badly") for i in range(30)),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, content in FILES.items():
        (folder / name).write_bytes(gzip.compress(content.encode()))
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    return {
        name: str(write_tiny_backbone(root / name, family, layers=6))
        for name, family in (("backbone", "bert"), ("teacher", "mpnet"))
    }


@pytest.mark.slow
def test_one_per_cent_of_the_data_goes_through_all_steps_and_only_once(data, encoders, tmp_path):
    said, run = [], []

    def command(arguments):
        run.append([*arguments])
        return main(arguments)

    def again():
        said.clear(), run.clear()
        return rebuild.rebuild(data, tmp_path, 0.01, encoders, command, said.append)

    folder = again()
    todo, _ = rebuild.steps()
    assert len(run) == len(todo) == len(said) and todo[-1].why in said[-1]
    model = mtl.load(folder)
    assert model.config == [*todo[-1].recipes.values()][-1].model if todo[-1].recipes else model.tasks
    assert model.origin.name == encoders["backbone"]
    assert model.analyze(["A good day."])[0].sentiment.label in model.tasks["sentiment"].labels

    assert again() == folder and not run and all("done before" in line for line in said)

    # One that is not as it was is done again, and so is all that builds on it.
    last = todo[-1]
    changed = json.loads((tmp_path / f"{last.name}.json").read_text()) | {"key": "another"}
    (tmp_path / f"{last.name}.json").write_text(json.dumps(changed))
    assert again() == folder and [each[0] for each in run] == [last.command.split()[0]]


def test_files_that_are_missing_are_named_before_anything_runs(data, tmp_path):
    for file in data.iterdir():
        if file.name not in ("btc.conll.gz", "sst5.dev.txt.gz"):
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(UserError, match=r"has no btc\.conll\.gz and sst5\.dev\.txt\.gz\. assets/models/default/README"):
        rebuild.rebuild(tmp_path, tmp_path / "work", run=pytest.fail)
    assert main(["rebuild", str(tmp_path / "none"), "--out", str(tmp_path / "work")]) == 1


def test_a_step_that_fails_is_named_and_begins_anew(data, tmp_path):
    with pytest.raises(UserError, match=r"The step labels failed\."):
        rebuild.rebuild(data, tmp_path, run=lambda _: 1, say=str)
    assert "seconds" not in json.loads((tmp_path / "labels.json").read_text())


def test_every_step_builds_on_earlier_ones_says_why_and_is_used():
    todo, encoders = rebuild.steps()
    known = {*encoders}
    for step in todo:
        assert step.builds_on and step.builds_on <= known, step.name
        assert step.why.endswith(".") and step.recipes or step.command.startswith("mix ")
        known.add(step.name)
    used = set().union(*(step.builds_on for step in todo))
    assert known - used == {todo[-1].name}
    recipes = {path for step in todo for path in step.recipes}
    there = {str(path.relative_to(rebuild.FOLDER)) for path in (rebuild.FOLDER / "recipes").glob("*.json")}
    assert recipes == there | {"recipe.json"}


def test_a_share_that_is_none_is_refused(tmp_path, capsys):
    assert main(["rebuild", str(tmp_path), "--share", "0"]) == 1
    assert "--share must be above 0 and at most 1; it is 0." in capsys.readouterr().err
