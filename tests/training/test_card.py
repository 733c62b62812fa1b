"""A model card says what was frozen when, what is not known, and is safe to show whatever a stranger's records hold."""

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training import card, limits

HOSTILE = (
    "![x](http://evil/a.png)",
    "[click](javascript:alert(1))",
    "<script>alert(1)</script>",
    "a|b\n\n# Not a title",
    "*emphasis* `code` <http://evil>",
)

# The tags that the card's own Markdown becomes.
PLAIN = {"h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "em", "code"}


@given(st.one_of(st.text(max_size=40), st.text("|[]()<>`*_!#&~\\\n w.:/", max_size=40)))
def test_a_card_shows_names_as_text_whatever_they_hold(name):
    cell = card._escaped(name)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(f"| a {cell} |\n|---|\n| b {cell} |\n")
    assert not set(re.findall(r"<(\w+)", html)) - {"table", "thead", "tbody", "tr", "th", "td"}
    shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    written = " ".join(name.encode("utf-8", "backslashreplace").decode().split())
    assert f"b {written}".strip() in " ".join(shown.replace("\ufffd", "\0").split())


@pytest.mark.parametrize("address", ["http://evil.com", "www.evil.com", "WWW.evil.com", "a@evil.com", "ftp://x.y"])
def test_an_address_in_a_name_is_no_link_where_readmes_are_shown(address):
    assert not re.search(r"(?<!\\)(://|@)|www\.", card._escaped(address), re.IGNORECASE)


def frozen(model, config: TrainConfig, trained=("mood", "a|b")) -> dict[str, str]:
    """What the card of a run with these settings, and labels for these tasks, says was frozen, by group."""
    record = {"train": config.to_json(), "start_from": "default", "seconds": 1.0, "status": "done", "metrics": {}}
    text = card.text(model, record | {"trained": trained}, None)
    return dict(re.findall(r"^\| ((?:\\.|[^|])+) \| [\d,]+ \| \S+ \| (.+) \|$", text, re.M))


@pytest.fixture
def model(tiny):
    tasks = tuple(TaskSpec(name, "classification", ("a", "b")) for name in ("mood", "a|b"))
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))


def test_a_card_says_what_was_frozen_in_which_epoch(model):
    gradual = TrainConfig(epochs=5, freeze=-1, unfreeze=((2, 3), (4, 1), (9, 0)), freeze_heads=("mood",))
    assert frozen(model, gradual) == {
        "embeddings": "always",
        "layer 1": "epochs 1 to 3",
        "layer 2": "epochs 1 to 3",
        "layer 3": "epoch 1",
        "head mood": "always",
        "head a\\|b": "never",
    }
    again = TrainConfig(epochs=5, freeze=1, unfreeze=((3, 2), (4, 0)), rates={"layer 2": 0.0})
    assert list(frozen(model, again).values()) == ["epochs 1 to 3", "epoch 3", "always", "never", "never", "never"]


def test_a_card_says_which_head_had_no_labels(model):
    assert frozen(model, TrainConfig(), ["a|b"])["head mood"] == "always: no labels"
    assert frozen(model, TrainConfig(freeze_heads=("mood",)))["head mood"] == "always"


@pytest.mark.parametrize(("rows", "said"), [(2, "2 rows held out: this says little"), (10, "10 rows held out")])
def test_a_card_says_how_to_use_the_model_and_how_much_its_scores_say(model, rows, said):
    metrics = ("macro_f1", "accuracy", "macro_precision", "macro_recall")
    scores = {"mood": {"rows": rows, **dict.fromkeys(metrics, 0.5)}}
    record = {"train": {}, "start_from": "default", "seconds": 1.0, "status": "done", "metrics": scores}
    text = card.text(model, record | {"trained": ["mood"]}, None)
    assert f"| {said} | mood | macro recall | – | 50.0 % |" in text
    assert "mtl.load(FOLDER).analyze(" in text and "python -m mtl analyze --model FOLDER" in text
    assert "python -m mtl predict TABLE ANSWERS.csv --model FOLDER" in text


def test_the_built_in_models_readme_is_its_card(default_model):
    """Figures may differ in their last digits from one processor to another."""
    measured = limits.measure(default_model)
    readme = (checkpoint.DEFAULT_FOLDER / "README.md").read_text(encoding="utf-8")
    assert digitless(card.of(None, default_model, measured)) == digitless(readme)
    [mean] = re.findall(r"over these 14 pairs: ([\d.]+) points", readme)
    assert float(mean) == pytest.approx(100 * measured.mean, abs=1)
    before, now = (
        {(row["task"], row["data"], row["metric"]): row for row in json.loads(path.read_text())}
        for path in map(checkpoint.DEFAULT_FOLDER.joinpath, ("figures-before.json", "figures.json"))
    )
    assert before.keys() == now.keys() and {row["split"] for row in now.values()} == {"dev", "held out", "check"}
    for key, figure in now.items():
        split = "" if figure["split"] == "check" else f" {figure['split']} |"
        values = f"{before[key]['value']:.4f} | {figure['value']:.4f} |"
        said = f"| {figure['data']} |{split} {figure['rows']:,} | {figure['metric']} | {values}"
        assert said in readme.replace("\\", "")


def digitless(text: str) -> str:
    return re.sub(r"[-+]?\d+", "0", text)


def test_its_limits_are_what_the_model_says(default_model):
    measured = limits.measure(default_model)
    assert (measured.task, measured.label, measured.judged) == ("sentiment", "negative", True)
    assert [group.title for group in measured.groups] == ["Irony", "Hedges", "Idioms", "Other languages"]
    assert all(answer.unfamiliar for answer in measured.groups[-1].answers)
    [blind] = [pair for pair in measured.pairs if pair.first == "She is blind."]
    answers = default_model.analyze([blind.first, blind.second])
    expected = [answer.sentiment.probabilities["negative"] for answer in answers]
    assert blind.probabilities == pytest.approx(expected, abs=1e-3)
    assert measured.mean == pytest.approx(sum(abs(p.difference) for p in measured.pairs) / len(measured.pairs))
    assert measured.others.keys() == {"topic"}


def test_pairs_differ_in_one_word():
    for first, second in limits.sentences()["pairs"]["sentences"]:
        one, other = first.split(), second.split()
        short, long = sorted((one, other), key=len)
        articles = {"a", "an"}
        assert len([w for w in long if w not in short and w not in articles]) == 1, (first, second)


def test_a_model_without_labels_has_no_limits_to_show(tiny):
    bare = mtl.load(tiny, dtype="float32")
    assert limits.measure(bare) is None
    text = card.of(tiny, bare, None)
    assert "None is shown: no head" in text and "as it was published" in text and "How it was made" not in text


def test_a_run_says_its_rows_its_scores_and_what_it_forgot(model):
    scores = {"mood": {"rows": 20, **dict.fromkeys(("macro_f1", "accuracy", "macro_precision", "macro_recall"), 0.75)}}
    forgotten = {"a|b": {"metric": "macro_f1", "before": 0.9, "after": 0.5, "trained": False}}
    record = {
        **{"train": {}, "start_from": "default", "seconds": 1.0, "status": "done", "trained": ["mood"]},
        **{"files": {"my|table.csv": 1234}, "rows": 1234, "held_out": 20, "metrics": scores},
        "forgetting": {"tasks": forgotten, "cosine": 0.87654},
    }
    text = card.text(model, record, None)
    assert "1,234 rows learned from, 20 rows held out" in text and "| my\\|table.csv | 1,234 |" in text
    assert "the best epoch was chosen" in text and "| 20 rows held out | mood | accuracy | – | 75.0 % |" in text
    assert "| a\\|b | macro F1 | 90.0 % | 50.0 % | no |" in text and "0.877 (1: unchanged)" in text


WRONG = (None, 3, "x", [], {}, {"mood": 3}, {"mood": {"rows": "x"}}, {"tasks": {"mood": {}}}, [[]], 10**400)


@pytest.mark.parametrize(
    "field", ["train", "start_from", "seconds", "metrics", "before", "forgetting", "files", "rows"]
)
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
def test_what_a_strangers_record_does_not_say_is_called_not_known(model, field, value):
    text = card.text(model, {"trained": ["mood"], field: value}, None)
    assert text.count("Not known") >= 3 and len(text) < 10_000


def test_a_strangers_names_stay_names(tiny):
    tasks = tuple(TaskSpec(name.strip(), "classification", ("a", *HOSTILE)) for name in HOSTILE)
    stranger = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks)).eval()
    names = dict.fromkeys(HOSTILE, 1)
    scores = {"rows": 20, **dict.fromkeys(("macro_f1", "accuracy", "macro_precision", "macro_recall"), 0.75)}
    record = {
        **{"train": {}, "start_from": HOSTILE[0], "status": HOSTILE[2], "seconds": 1, "trained": [*HOSTILE]},
        **{"files": names, "rows": 1, "held_out": 1, "metrics": {HOSTILE[2]: {HOSTILE[1]: scores}, HOSTILE[0]: scores}},
        "forgetting": {"tasks": {HOSTILE[0]: {"metric": HOSTILE[1], "before": 1, "after": 1, "trained": 1}}},
    }
    text = card.text(stranger, record, limits.measure(stranger))
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert set(re.findall(r"<(\w+)", html)) <= PLAIN
    assert html.count("<h1>") == 1 and html.count("&lt;script&gt;") > 3


def test_a_card_is_no_longer_for_a_thousand_labels_and_lines(tiny):
    tasks = tuple(TaskSpec(f"t{i}", "classification", tuple(f"l{j}" for j in range(300))) for i in range(60))
    many = SimpleNamespace(tasks={task.name: task for task in tasks}, backbone=mtl.load(tiny).backbone)
    text = card.text(many, {"train": {}, "files": {f"f{i}": i for i in range(10_000)}}, None)
    assert len(text) < 30_000 and "and 270 more" in text and "And 10 more." in text
