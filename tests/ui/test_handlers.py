"""The page's handlers, called as plain functions with a tiny model: what they show, what they keep and for
whom."""

from __future__ import annotations

import csv
import inspect
import io
import itertools
import re
import subprocess
import sys
import types

import numpy as np
import pytest

import mtl
from mtl import maps
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.ui import analysis
from mtl.ui import app as page
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES
from mtl.ui.embeddings import tab as embeddings
from mtl.ui.engine import Engine
from mtl.ui.entities import tab as entities
from mtl.ui.models import Models
from mtl.ui.page import UNCHANGED, UNEXPECTED, Session, in_plain_words
from mtl.ui.sentences import Sentences
from mtl.ui.sentiment import tab as sentiment
from mtl.ui.server.hosts import Hosts
from mtl.ui.server.limits import Limits
from mtl.ui.tabs import TABS
from mtl.ui.visitors import Registry, Work
from tests.uploads import SANDBOX

TEXTS = (
    "Ada Lovelace lived in London.",
    "The soup was terrible.",
    "=SUM(A1) is a formula.",
    "A fine day.",
    "Bread and butter.",
    "The tram is late again.",
)
TASKS = (
    TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    TaskSpec("intensity", "regression"),
    TaskSpec("entities", "tagging", ("PER", "LOC")),
)


@pytest.fixture(scope="module")
def model(tiny):
    import torch

    import mtl
    from mtl.checkpoint import derive

    torch.manual_seed(0)
    return derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


@pytest.fixture(scope="module")
def headless(tiny):
    import mtl

    return mtl.load(tiny, dtype="float32")


@pytest.fixture
def work(model):
    labels = {"mood": ("good", "bad", None, "good", "good", "bad"), "stars": (1.0, 2.0, 3.0, None, 5.0, 4.0)}
    return Work(model, model.analyze(TEXTS), "mean", labels)


@pytest.fixture
def counted(model, monkeypatch):
    """How often the model was asked, by method."""
    calls = {"analyze": 0, "encode": 0}
    for name in calls:
        method = getattr(model, name)

        def ask(*args, name=name, method=method, **kwargs):
            calls[name] += 1
            return method(*args, **kwargs)

        monkeypatch.setattr(model, name, ask)
    return calls


def session_of(model) -> Session:
    engine = types.SimpleNamespace(model=lambda: model, ready=True, name=None)
    revisions = itertools.count(1)
    return types.SimpleNamespace(
        engine=engine,
        models=Models(engine),
        registry=Registry(),
        sandbox=SANDBOX,
        next_revision=lambda: next(revisions),
    )


def of_box(session, lines, visitor):
    return analysis.of_box(session, session.registry.visit(visitor), lines)


def of_file(session, path, visitor):
    """What an upload comes to, without what is said while the file is being read."""
    versions = analysis.of_file(session, session.registry.visit(visitor), str(path))
    return [shown for shown in versions if "Reading" not in shown.status]


def asked(model):
    return session_of(model).models.shared(None, "a program")


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# --- analysing ---


def test_one_pass_per_sentence_and_the_result_is_kept(model, counted):
    session = session_of(model)
    (shown,) = of_box(session, "\n".join(TEXTS), "me")
    assert "6 sentences · one pass · " in shown.status and shown.revision == 1
    assert counted == {"analyze": 1, "encode": 0}
    assert tuple(session.registry.visit("me").work.texts) == TEXTS
    assert session.registry.visit("someone else").work is None


def test_the_width_and_an_example_are_there_before_their_analysis(model):
    session = session_of(model)
    visit = session.registry.visit("me")
    first, last = analysis.of_example(session, "A sentence.\nAnother.", visit)
    assert first == analysis.Shown(box="A sentence.\nAnother.") and "2 sentences" in last.status
    first, last = analysis.of_opening(session, visit, True, "A sentence.")
    assert first == analysis.Shown(narrow=True) and last.revision == 2


@pytest.mark.parametrize("nothing", ["", "  \n \n", "\u200b"])
def test_nothing_to_analyze_keeps_what_was_there(model, nothing):
    session = session_of(model)
    list(of_box(session, "A sentence.", "me"))
    before = session.registry.visit("me").work
    (shown,) = of_box(session, nothing, "me")
    assert analysis.EMPTY in shown.status and 'class="status bad"' in shown.status
    assert session.registry.visit("me").work is before


def test_many_sentences_tell_their_progress_and_can_be_stopped(model, monkeypatch):
    monkeypatch.setattr(analysis, "PART", 2)
    session = session_of(model)
    statuses = [shown.status for shown in of_box(session, "\n".join(TEXTS), "me")]
    assert [s.split('<p dir="auto">')[1].split(" sentences")[0] for s in statuses] == [
        "0 of 6",
        "2 of 6",
        "4 of 6",
        "6",
    ]
    assert "width:33%" in statuses[1] and "s left" in statuses[1]
    running = of_box(session, "\n".join(TEXTS[:4]), "you")
    next(running)
    session.registry.visit("you").stopping = True
    (shown,) = running
    assert analysis.STOPPED in shown.status and shown.revision is UNCHANGED
    assert session.registry.visit("you").work is None
    assert len(list(of_box(session, "\n".join(TEXTS[:4]), "you"))) == 3


def test_parts_give_the_same_answers_as_the_whole(model, monkeypatch):
    whole = [a.to_json() for a in model.analyze(TEXTS)]
    monkeypatch.setattr(analysis, "PART", 4)
    *_, (parts, _) = analysis.in_parts(asked(model), TEXTS)
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_allclose(one.embedding, other["embedding"], atol=1e-5)
        assert one.sentiment.label == other["sentiment"]["label"]


def test_a_text_that_is_too_long_is_reported(model):
    (shown,) = of_box(session_of(model), "Short.\n" + "word " * 10_000, "me")
    assert "Sentence 2 is longer than the model reads" in shown.status and str(model.max_tokens) in shown.status


def test_sentences_without_a_known_word_are_reported():
    (shown,) = of_box(session_of(mtl.load()), "Short.\n😡🤮\n" + "x" * 300, "me")
    assert "Sentences 2, 3 have no word that the model knows" in shown.status


def test_a_model_that_cannot_be_loaded_is_said_in_plain_words():
    engine = Engine("no/such/folder-of-mine")
    with pytest.raises(UserError, match="could not be loaded: .*folder-of-mine"):
        engine.model()
    session = types.SimpleNamespace(engine=engine, models=Models(engine), registry=Registry())
    (shown,) = of_box(session, "A sentence.", "me")
    assert "folder-of-mine" in shown.status and "Traceback" not in shown.status


def test_of_an_unforeseen_problem_kind_and_place_are_logged_and_no_text(caplog):
    def fail():
        raise ZeroDivisionError("a visitor's sentence")

    with pytest.raises(ZeroDivisionError) as raised:
        fail()
    assert in_plain_words(raised.value) == UNEXPECTED
    assert "ZeroDivisionError" in caplog.text and "fail" in caplog.text
    assert "a visitor's sentence" not in caplog.text


def test_an_error_that_quotes_a_megabyte_is_cut():
    assert len(in_plain_words(UserError("x" * 1_000_000))) <= 600


# --- files ---


def test_an_upload_fills_the_box_brings_its_labels_and_is_left_to_others_who_upload_the_same(model, tmp_path):
    path = tmp_path / "moods.csv"
    path.write_text("text,mood\nA very good day.,good\nA very bad day.,bad\nAnother good day.,good\n", "utf-8")
    session = session_of(model)
    (shown,) = of_file(session, path, "me")
    assert shown.box.splitlines() == ["A very good day.", "A very bad day.", "Another good day."]
    assert shown.file is None and "moods.csv: 3 sentences." in shown.status and path.exists()
    assert session.registry.visit("me").work.labels == {"mood": ("good", "bad", "good")}
    list(of_box(session, "A new line.\nA very bad day.", "me"))
    assert session.registry.visit("me").work.labels == {"mood": (None, "bad")}
    list(of_box(session, "A new line.", "me"))
    assert session.registry.visit("me").work.labels == {}


def test_a_file_that_cannot_be_read_changes_nothing(model, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    session = session_of(model)
    (shown,) = of_file(session, path, "me")
    assert "PNG image" in shown.status and shown.box is UNCHANGED and shown.file is None
    assert session.registry.visit("me").upload is None


def test_labels_follow_their_sentence():
    upload = Sentences(("a", "b", "a"), {"x": (1.0, 2.0, 3.0)})
    assert analysis.labels_for(("a", "b", "a"), upload) == {"x": (1.0, 2.0, 3.0)}
    assert analysis.labels_for(("b", "new", "a"), upload) == {"x": (2.0, None, 3.0)}
    assert analysis.labels_for(("new",), upload) == {}
    assert analysis.labels_for(("a",), None) == {}


# --- programs ---


def test_programs_get_the_command_lines_json(model):
    answers = analysis.as_json(asked(model), list(TEXTS[:2]))
    assert [a["text"] for a in answers] == list(TEXTS[:2])
    assert set(answers[0]) >= {"text", "embedding", "sentiment", "intensity", "entities"}
    vectors = np.array(analysis.vectors(asked(model), list(TEXTS[:2]), "max"))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_program_is_told_what_is_wrong(model):
    import gradio as gr

    with pytest.raises(gr.Error, match="Text 2 is empty"):
        analysis.for_program(lambda: analysis.as_json(asked(model), ["a", ""]))
    with pytest.raises(gr.Error, match="Unknown pooling"):
        analysis.for_program(lambda: analysis.vectors(asked(model), ["a"], "median"))


# --- what is remembered ---


@pytest.mark.parametrize("session", [None, "", "x" * 65])
def test_of_a_request_without_a_session_nothing_is_remembered(work, session):
    registry = Registry()
    registry.set_work(registry.visit(session), work)
    registry.identify(session, "ada")
    assert registry.visit(session).work is None
    assert registry.visit(session).owner == ""
    assert registry.in_use() == set()


def test_a_closed_page_takes_no_room_and_goes_on_where_it_was_when_it_wakes(work, tmp_path):
    registry = Registry()
    visit = registry.identify("ada", "secret of ada")
    registry.set_work(visit, work)
    visit.train.run, visit.train.source = "a run", object()
    registry.release("ada")
    assert registry.visit("ada").work is None
    awake = registry.visit("ada")
    assert (awake.owner, awake.train.run, awake.train.source) == ("secret of ada", "a run", None)


def test_another_pooling_embeds_once_and_nothing_else_runs_again(work, counted):
    for _ in range(2):
        for pooling in ("mean", "max"):
            work.vectors(pooling)
            work.map(pooling, "pca", 2)
    list(embeddings.show_map(work, "pca", 2, "task:sentiment", "max"))
    sentiment.show_sentiment(work, None, "intensity, lowest first")
    entities.show_entities(work, None)
    assert counted == {"analyze": 0, "encode": 1}


def test_old_and_oversized_visits_are_dropped(work):
    now = [0.0]
    registry = Registry(max_age=100, max_bytes=int(2.5 * work.size), clock=lambda: now[0])
    registry.visit("a").owner = "ada"
    for visitor in "abc":
        registry.set_work(registry.visit(visitor), work)
    assert registry.visit("a").work is None
    assert registry.visit("a").owner == "ada"  # who follows a run goes on following it
    assert registry.visit("b").work is work and registry.visit("c").work is work
    now[0] = 50.0
    assert registry.visit("b").work is work
    now[0] = 120.0
    assert registry.visit("c").work is None and registry.visit("b").work is work


def test_one_analysis_is_kept_however_large_it_is(work):
    registry = Registry(max_bytes=1)
    registry.set_work(registry.visit("a"), work)
    assert registry.visit("a").work is work


# --- the tabs ---


def test_tabs_keep_their_contract():
    for tab in TABS:
        assert isinstance(tab.TITLE, str)
        assert list(inspect.signature(tab.build).parameters) == ["session"]


def test_a_first_map_is_coloured_by_the_first_task(work):
    *_, shown = embeddings.show_map(work, "pca", 2, None, "mean")
    assert shown.colour["value"] == "task:sentiment" and shown.pooling["value"] == "mean"
    assert [value for _, value in shown.colour["choices"]] == [
        "task:sentiment",
        "task:intensity",
        "file:mood",
        "file:stars",
        "nothing",
    ]
    assert sum(len(trace.x) for trace in shown.plot.data) == len(TEXTS)
    assert embeddings.PCA_NOTE in shown.note
    *_, shown = embeddings.show_map(work, "pca", 2, "nothing", "mean")
    assert shown.colour["value"] == "nothing" and len(shown.plot.data) == 1


def test_a_map_is_coloured_by_the_files_own_labels(work):
    *_, shown = embeddings.show_map(work, "pca", 2, "file:mood", "mean")
    assert {trace.name for trace in shown.plot.data} == {"good (3)", "bad (2)", "no label (1)"}
    *_, shown = embeddings.show_map(work, "pca", 2, "file:stars", "mean")
    assert shown.plot.data[0].marker.cmax == 5.0


def test_a_choice_that_is_gone_falls_back(work):
    *_, shown = embeddings.show_map(work, "pca", 2, "file:gone", "weird")
    assert shown.colour["value"] == "task:sentiment" and shown.pooling["value"] == "mean"


def test_a_map_is_pca_until_umap_is_ready_and_says_so(work, monkeypatch):
    monkeypatch.setattr(maps, "is_warm", lambda: False)
    (shown,) = embeddings.show_map(work, "umap", 2, "nothing", "mean")
    assert embeddings.UMAP_WARMING in shown.note and shown.timer["active"] is True
    assert not list(embeddings.replace_by_umap(work, "umap", 2, "nothing", "mean"))
    monkeypatch.setattr(maps, "is_warm", lambda: True)
    (shown,) = embeddings.replace_by_umap(work, "umap", 2, "nothing", "mean")
    assert embeddings.UMAP_NOTE in shown.note and shown.plot.data and shown.timer["active"] is False


def test_a_large_map_shows_pca_while_umap_works(work, monkeypatch):
    monkeypatch.setattr(maps, "is_warm", lambda: True)
    monkeypatch.setattr(embeddings, "QUICK", 3)
    notes = [shown.note for shown in embeddings.show_map(work, "umap", 2, "nothing", "mean")]
    assert ["UMAP is placing 6 sentences" in n for n in notes] == [True, False]


def test_neighbours_are_the_closest_pairs_first():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    html = embeddings.neighbours_table(["east", "north", "north-east"], vectors)
    cosines = [float(c.split("<")[0]) for c in html.split('class="num">') if c[0] == "0"]
    assert cosines == sorted(cosines, reverse=True) == [0.8, 0.8, 0.6]
    assert html.index("north") < html.index("east</div>")


def test_one_sentence_has_no_grid_and_it_says_so(model):
    alone = Work(model, model.analyze(["Alone."]), "mean")
    shown = embeddings.show_similarity(alone, "mean", False)
    assert shown.grid is None and embeddings.ONE_SENTENCE in shown.note and shown.neighbours == ""
    *_, shown = embeddings.show_map(alone, "pca", 2, "nothing", "mean")
    assert len(shown.plot.data[0].x) == 1


def test_a_large_grid_is_a_sample_and_it_says_so(model):
    many = Work(model, model.analyze([f"Sentence number {i}." for i in range(200)]), "mean")
    shown = embeddings.show_similarity(many, "mean", False)
    assert len(shown.grid.data[0].z) == 150 and "150 of 200 sentences" in shown.note


def test_embeddings_are_taken_away_whole(work):
    header, *rows = rows_of(embeddings.embeddings_csv(work, "mean"))
    assert header[:3] == ["text", "e0", "e1"] and len(rows) == len(TEXTS)
    assert rows[2][0] == "'=SUM(A1) is a formula."
    np.testing.assert_allclose(np.array([r[1:] for r in rows], float), work.vectors("mean"), atol=1e-5)
    back = np.load(io.BytesIO(embeddings.embeddings_npy(work, "mean")))
    np.testing.assert_array_equal(back, work.vectors("mean"))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("order of entry", [0, 1, 2]),
        ("most negative first", [1, 2, 0]),
        ("most positive first", [0, 2, 1]),
        ("intensity, lowest first", [2, 1, 0]),
        ("intensity, highest first", [0, 1, 2]),
        ("least certain first", [2, 1, 0]),
    ],
)
def test_sentences_are_sorted_by_any_answer(order, expected):
    probabilities = [
        {"negative": 0.05, "positive": 0.95},
        {"negative": 0.8, "positive": 0.2},
        {"negative": 0.4, "positive": 0.6},
    ]
    orders = sentiment.orders(probabilities, [0.9, -0.1, -0.6])
    assert sorted(range(3), key=orders[order]) == expected and len(orders) == 6


def test_sentiment_shows_and_gives_away_the_models_numbers(work):
    shown = sentiment.show_sentiment(work, None, "intensity, lowest first")
    assert shown.head["value"] == "sentiment" and shown.head["visible"] is False
    assert shown.order["value"] == "intensity, lowest first" and shown.view.count('class="bar-row"') == len(TEXTS)
    header, *rows = rows_of(sentiment.sentiment_csv(work))
    assert header == ["text", "sentiment", "negative", "neutral", "positive", "intensity"]
    for row, one in zip(rows, work.analyses, strict=True):
        assert row[1] == one.sentiment.label
        assert [float(x) for x in row[2:5]] == pytest.approx(list(one.sentiment.probabilities.values()))
        assert float(row[5]) == pytest.approx(one.intensity)


def test_entities_show_and_give_away_the_models_spans(work):
    found = [(i, e) for i, a in enumerate(work.analyses, 1) for e in a.entities]
    assert found, "the random model should find something"
    html, head = entities.show_entities(work, None)
    assert html.count("<mark") == len(found) and head["visible"] is False
    _, *rows = rows_of(entities.entities_csv(work))
    for row, (number, e) in zip(rows, found, strict=True):
        sentence = TEXTS[int(row[0]) - 1]
        assert int(row[0]) == number and sentence[int(row[4]) : int(row[5])] == e.text


def test_a_model_without_heads_says_so_in_every_tab(headless):
    bare = Work(headless, headless.analyze(TEXTS), "mean")
    assert "no sentiment head" in sentiment.show_sentiment(bare, None, "").view
    html, _ = entities.show_entities(bare, None)
    assert "no entities head" in html
    *_, shown = embeddings.show_map(bare, "pca", 2, None, "mean")
    assert shown.colour["choices"] == [("nothing", "nothing")]
    assert len(rows_of(sentiment.sentiment_csv(bare))) == 1 + len(TEXTS)
    assert len(rows_of(entities.entities_csv(bare))) == 1


OTHERS = (
    TaskSpec("team", "classification", ("hardware", "<b>billing</b>")),
    TaskSpec("mood", "classification", ("good", "bad")),
    TaskSpec("parts", "tagging", ("SCREW",)),
)


def test_heads_of_the_same_kind_stand_in_for_those_that_a_model_lacks(headless):
    from mtl.checkpoint import derive

    other = derive(headless, ModelConfig(tasks=OTHERS)).eval()
    work = Work(other, other.analyze(TEXTS), "mean")
    shown = sentiment.show_sentiment(work, "sentiment", "intensity, lowest first")
    assert "no sentiment head; this is its head team" in shown.view
    assert "&lt;b&gt;billing" in shown.view and "<b>billing" not in shown.view
    assert shown.head["choices"] == ["team", "mood"] and shown.head["value"] == "team" and shown.head["visible"]
    shown = sentiment.show_sentiment(work, "mood", "")
    assert shown.head["value"] == "mood" and "good" in shown.view
    assert rows_of(sentiment.sentiment_csv(work, "mood"))[0] == ["text", "mood", "good", "bad"]
    html, head = entities.show_entities(work, None)
    assert "no entities head; this is its head parts" in html and head["value"] == "parts"


# --- the page ---

IMPORTED_ALONE = """
import sys, threading
from mtl import maps
from mtl.ui.engine import Engine
seen = []
done = threading.Event()
def warm_up():
    seen.append(("narwhals.stable" in sys.modules, "umap" in sys.modules))
    done.set()
maps.warm_up = warm_up
Engine().wait()
done.wait()
print(seen)
"""


def test_what_figures_and_umap_both_import_is_there_before_either_is_asked_for():
    """Two threads that import it at once lock each other, and a visitor's first map failed."""
    done = subprocess.run([sys.executable, "-c", IMPORTED_ALONE], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[(True, False)]\n", done.stderr


def test_the_page_is_built_without_the_model_and_keeps_its_handlers_private():
    demo = page.build("a folder that does not exist")
    public = {d["api_name"] for d in demo.get_config_file()["dependencies"] if d["api_visibility"] == "public"}
    assert public == {"analyze", "embed", "similarity"}
    assert not demo.engine.ready


def test_what_the_browser_is_asked_to_run_is_in_its_scripts():
    head = page.launch_settings(Hosts(), Limits())["head"]
    config = page.build("a folder that does not exist").get_config_file()
    named = {d["js"] for d in config["dependencies"] if d["js"]}
    named |= {c["props"]["js_on_load"] for c in config["components"] if "mtl." in c["props"].get("js_on_load", "")}
    assert len(named) > 10
    for script in named:
        name = re.match(r"(?:\(\) => )?mtl\.(\w+)", script)[1]
        assert re.search(rf"^(?:  {name}:|mtl\.{name} =) ", head, re.MULTILINE), f"{script} is nowhere"


def test_only_clicks_and_looks_are_dropped_while_an_answer_is_under_way():
    """A choice made meanwhile must be answered, too, or the page shows what is no longer chosen."""
    demo = page.build("a folder that does not exist")
    asked = [d for d in demo.get_config_file()["dependencies"] if d["backend_fn"] and d["api_visibility"] != "public"]
    dropped = {event for d in asked if d["trigger_mode"] == "once" for _, event in d["targets"]}
    assert dropped == {"click", "tick", "load"}
    kept = {event for d in asked if d["trigger_mode"] != "once" for _, event in d["targets"]}
    assert {"input", "change", "select", "upload"} <= kept


def test_an_events_progress_is_told_to_no_component():
    events = page.build("a folder that does not exist").get_config_file()["dependencies"]
    told = [d["targets"] for d in events if d["api_visibility"] != "public" and d["show_progress_on"] != []]
    assert told == []


def test_nothing_is_sent_or_recorded():
    settings = page.launch_settings(Hosts(), Limits())
    assert settings["run_history"] is False and settings["enable_monitoring"] is False
    assert settings["show_error"] is False and settings["max_file_size"] == MAX_ZIP_BYTES
    assert page.build("x").analytics_enabled is False
