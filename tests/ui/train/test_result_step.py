"""Step 4 as plain functions: scores and forgetting of a real small run, sentences before and after, and its model."""

from __future__ import annotations

import copy
import itertools
import re
import types
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.kinds.classification import Classes
from mtl.kinds.tagging import Entity
from mtl.model import Analysis
from mtl.training import jobs
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs import worker
from mtl.training.runs.service import Runs
from mtl.ui import checkpoint_upload
from mtl.ui.kinds.view import MACROS, change
from mtl.ui.models import Models
from mtl.ui.page import UNCHANGED
from mtl.ui.train.result import before_after, scores, words
from mtl.ui.train.result import step as result
from mtl.ui.visitors import Registry, Work

OWNER = "0" * 32
TASKS = (
    TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    TaskSpec("intensity", "regression"),
    TaskSpec("entities", "tagging", ("PER", "LOC")),
)
NASTY = "<img src=x onerror=alert(1)>"
SENTENCES = "Ada lived in London.\n=SUM(A1) <b>bold</b>\nA fine day."


@pytest.fixture(scope="module")
def start(tiny, tmp_path_factory):
    """The page's own model: three heads."""
    folder = tmp_path_factory.mktemp("start") / "checkpoint"
    torch.manual_seed(0)
    checkpoint.save(checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)), folder)
    return folder


@pytest.fixture(scope="module")
def finished(start, tmp_path_factory):
    """The folder of all runs, with one that is done: it taught sentiment, and a new head with a nasty label."""
    root = tmp_path_factory.mktemp("runs")
    rows = [f"text number {i} of many,{('positive', 'NEG')[i % 2]},{('a', NASTY, 'b')[i % 3]}" for i in range(60)]
    table = root / "data.csv"
    table.write_text("text,sentiment,team\n" + "\n".join(rows) + "\n")
    config = TrainConfig(epochs=2, batch_size=16, precision="float32", head_lr=0.02, lr=0.01, anchor=0.0)
    folder = root / "20260101-000000-000000-aaaaaa"
    for _ in worker.run(jobs.prepare(table, config, str(start)), folder):
        pass
    folders.write_json(folder / "ticket.json", folders.Ticket(OWNER, 0.0).to_json())
    return folder


@pytest.fixture
def session(start, finished):
    engine = types.SimpleNamespace(name=str(start), model=lambda: mtl.load(start), wait=lambda: None, ready=True)
    counter = itertools.count(1)
    return types.SimpleNamespace(
        engine=engine,
        models=Models(engine),
        registry=Registry(),
        runs=Runs(finished.parent),
        next_revision=lambda: next(counter),
    )


@pytest.fixture
def visit(session, finished):
    visit = session.registry.visit("me")
    visit.owner, visit.train.run = OWNER, finished.name
    return visit


@pytest.fixture(scope="module")
def events(finished):
    return folders.events(finished)


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- scores ---


def test_tasks_that_scored_higher_in_another_epoch_are_named(events):
    progress = fold(Progress(), events)
    assert "Higher in another epoch" not in scores.summary(replace(progress, past=progress.past[:1]), "run 1")
    first, last = progress.past
    other = first if progress.kept is last else last
    higher = {**dict.fromkeys(progress.kinds, 0.0), "team": 1.0}
    past = tuple(replace(epoch, scores=higher) if epoch is other else epoch for epoch in progress.past)
    told = words_of(scores.summary(replace(progress, past=past), "run 1"))
    kept = words.percent(progress.scores["team"])
    assert f"team after epoch {other.number} (100 %, not {kept.replace('.0 %', ' %')})" in told
    assert f"Kept are the weights after epoch {progress.kept.number}, the best on the mean of all tasks." in told


def test_what_a_task_was_not_learnt_from_is_said_with_the_result(events):
    said = "learnt from rows whose"
    assert said not in scores.summary(fold(Progress(), events), "run 1")
    start = copy.deepcopy(events[0])
    next(task for task in start["config"]["model"]["tasks"] if task["name"] == "team")["only_where"] = 'mood is "<b>"'
    html = scores.summary(fold(Progress(), [start, *events[1:]]), "run 1")
    assert f"team was {said} mood is" in words_of(html) and "<b>" not in html


def test_a_card_shows_before_after_and_the_difference(events):
    found = fold(Progress(), events)
    html = scores.cards(found)
    told = words_of(html)
    before, after = found.before["sentiment"]["accuracy"], found.validation["sentiment"]["accuracy"]
    assert f"accuracy {100 * before:.1f} % {100 * after:.1f} %" in told
    assert f"{100 * (after - before):+.1f}" in told
    assert "new head" in told and NASTY not in html and "&lt;img" in html
    assert html.count('class="confusion"') == 3  # before and after, and the new head's
    most = max(map(sum, found.validation["team"]["confusion"])) / found.validation["team"]["rows"]
    assert f"Always the most frequent label: {words.percent(most)}." in told


def test_every_kind_has_its_scores():
    tagged = {"rows": 9, "precision": 0.5, "recall": 0.25, "f1": 0.3333, "per_class": {}}
    label = {"precision": 0.5, "recall": 0.25, "f1": 0.4, "rows": 3}
    found = types.SimpleNamespace(
        kinds={"entities": "tagging", "stars": "regression"},
        before={"entities": tagged, "stars": {"rows": 9, "spearman": 0.5, "mae": 0.9}},
        validation={
            "entities": {**tagged, "f1": 0.4, "per_class": {"PER": label}},
            "stars": {"rows": 9, "spearman": 0.625, "mae": 0.7, "mae_of_mean": 1.25},
        },
        unmeasured=(),
    )
    told = words_of(scores.cards(found))
    assert "F1 33.3 % 40.0 % ▲ +6.7" in told and "PER 3 50.0 % 25.0 % 40.0 %" in told
    assert "Spearman 0.500 0.625 ▲ +0.125" in told and "mean error 0.900 0.700 ▼ -0.200" in told
    assert "9 rows held out: this says little" in told and "Always the mean: mean error 1.250." in told


def test_better_and_worse_are_told_apart_where_lower_is_better():
    assert "better" in change("mae", -0.1) and "worse" in change("mae", 0.1)
    assert "better" in change("f1", 0.1) and "worse" in change("f1", -0.1)
    assert "= 0.0" in change("f1", 0.0004) and "= 0.000" in change("spearman", -0.0004)


def test_no_held_out_rows_is_said(events):
    without = [{**e, "validation": {}} if e["event"] == "epoch" else e for e in events]
    assert "No rows were held out" in scores.cards(fold(Progress(), without))


def test_a_run_without_a_comparison_calls_nothing_new_and_opens_no_rows(events):
    html = scores.cards(replace(fold(Progress(), events), before={}, unmeasured=("comparison",)))
    assert words.NOT_MEASURED in html and words.NEW_HEAD not in html
    assert 'class="confusion"' in html and "data-mistake" not in html


def test_a_confusion_matrix_is_shaded_by_the_share_of_its_row():
    html = MACROS.confusions([("after", {"labels": ["a", "<i>"], "confusion": [[3, 1], [0, 0]]})])
    assert "&lt;i&gt;" in html and "--share:45%" in html and "--share:15%" in html
    assert [int(n) for n in re.findall(r"(\d+)(?:</button>)?</td>", html)] == [3, 1, 0, 0]
    assert re.findall(r'data-mistake="([^"]*)"', html) == ["a → &lt;i&gt;"]


def test_a_hundred_labels_are_told_by_their_mistakes():
    labels = [f"label {i}" for i in range(100)]
    counts = np.eye(100, dtype=int) * 3
    counts[4, 7], counts[9, 2] = 2, 5
    per_class = {label: {"precision": 1, "recall": 1, "f1": 1, "rows": 3} for label in labels}
    after = {"labels": labels, "confusion": counts.tolist(), "per_class": per_class, "rows": 307}
    after |= {"accuracy": 0.9, "macro_f1": 0.9, "macro_precision": 0.9, "macro_recall": 0.9}
    found = types.SimpleNamespace(kinds={"x": "classification"}, before={}, validation={"x": after}, unmeasured=())
    told = words_of(scores.cards(found))
    assert told.index("label 9 label 2 5") < told.index("label 4 label 7 2")
    after["confusion"] = (np.eye(100, dtype=int) * 3).tolist()
    assert "It made no mistakes" in scores.cards(found)


def test_the_forgetting_meter_shows_the_untouched_first():
    task = {"metric": "f1", "before": 0.8, "after": 0.6, "trained": False}
    tasks = {"a": {**task, "trained": True}, "<b>": {**task, "metric": "spearman", "after": 0.9}}
    found = Progress(forgetting={"tasks": tasks, "cosine": 0.91})
    told = words_of(html := scores.forgetting(found))
    assert told.index("&lt;b&gt; Spearman") < told.index("a entity F1, trained in this run")
    assert "80.0 % 60.0 % ▼ -20.0" in told and "0.800 0.900 ▲ +0.100" in told
    assert "left:60.0%;width:20.0%" in html and "their mean cosine to what they were is 0.910" in told
    nothing = Progress(forgetting={"tasks": {}, "cosine": 1.0})
    assert "no tasks that the bundled sentences have labels for" in scores.forgetting(nothing)
    assert "exactly those of before" in scores.forgetting(nothing)
    assert scores.forgetting(Progress(forgetting={})) == ""


# --- before and after ---


def made(
    texts, tasks_before, tasks_after, answers_before, answers_after, taught=(), moved=0.0
) -> before_after.Comparison:
    """A comparison of made-up answers, {task: one per text}."""
    rng = np.random.default_rng(0)
    old = rng.normal(size=(len(texts), 8))
    new = old + moved * rng.normal(size=old.shape)
    sides = []
    for vectors, answers in ((old, answers_before), (new, answers_after)):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [{task: values[i] for task, values in answers.items()} for i in range(len(texts))]
        sides.append([Analysis(t, v, r, 5, False) for t, v, r in zip(texts, unit, rows, strict=True)])
    models = (
        types.SimpleNamespace(analyze=lambda _, side=side: side, tasks={spec.name: spec for spec in specs})
        for side, specs in zip(sides, (tasks_before, tasks_after), strict=True)
    )
    return before_after.compare(*models, texts, taught)


def classes(label, share=0.7):
    return Classes(
        label, {"good": share if label == "good" else 1 - share, "bad": share if label == "bad" else 1 - share}
    )


MOOD = TaskSpec("mood", "classification", ("good", "bad"))
NAMES = TaskSpec("names", "tagging", ("PER",))
STARS = TaskSpec("stars", "regression", low=1, high=5)


def test_what_did_not_move_stays_exactly_where_it_was():
    texts = ["one", "two", "three", "four"]
    found = made(texts, [MOOD], [MOOD], *[{"mood": [classes("good")] * 4}] * 2)
    np.testing.assert_allclose(*found.points, atol=1e-5)
    html = before_after.page(found)
    assert "The maps are the same" in html and 'class="moved"' not in html


def test_what_moved_has_a_line_from_where_it_was():
    texts = ["one", "two", "three", "four"]
    found = made(texts, [MOOD], [MOOD], *[{"mood": [classes("good")] * 4}] * 2, moved=0.8)
    html = before_after.page(found)
    assert "(a joint PCA)" in html and html.count('class="moved"') >= 2 and html.count('class="was"') == 4
    least = int(found.cosine.argmin())
    assert f"{found.cosine.mean():.3f}. Sentence {least + 1} moved most ({found.cosine.min():.3f})." in html


def test_maps_of_embeddings_of_different_sizes_are_turned_towards_each_other():
    texts = ["one", "two", "three", "four"]
    angles = np.array([0.1, 1.0, 2.5, 4.0])
    small = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    large = np.concatenate([np.stack([np.cos(-angles + 1), np.sin(-angles + 1)], axis=1), np.zeros((4, 2))], axis=1)
    models = (
        types.SimpleNamespace(analyze=lambda _, v=v: [Analysis("x", row, {}, 1, False) for row in v], tasks={})
        for v in (small, large)
    )
    found = before_after.compare(*models, texts, ())
    # The second is the first, mirrored and turned: laid upon each other they are the same.
    np.testing.assert_allclose(*found.points, atol=1e-5)
    assert found.cosine is None and "the right map was turned" in before_after.page(found)


def test_changed_answers_are_marked_and_counted():
    before, after = [classes("good"), classes("bad")], [classes("bad"), classes("bad", 0.9)]
    html = before_after.page(made([NASTY, "two"], [MOOD], [MOOD], {"mood": before}, {"mood": after}, taught=["mood"]))
    assert words.changed(1, 2) in html and html.count("ba-row changed") == 1
    assert NASTY not in html and "good (70.0 %)" in words_of(html)
    assert '<details class="fold" open><summary dir="auto"><b>mood</b>' in html


def test_names_gained_and_lost_are_told_from_those_kept():
    ada, acme, oslo = (
        Entity(0, 3, "PER", "Ada", 1.0),
        Entity(10, 14, "PER", "Acme", 1.0),
        Entity(18, 22, "PER", "Oslo", 1.0),
    )
    texts = ["Ada knows Acme of Oslo.", "Nothing here.", "Ada."]
    before, after = [(ada, acme), (), (ada,)], [(ada, oslo), (), (ada,)]
    html = before_after.page(made(texts, [NAMES], [NAMES], {"names": before}, {"names": after}))
    assert "1 gained, 1 lost" in html and "1 sentence without names" in html
    assert html.count('class="kept"') == 4 and html.count('class="lost"') == 1 and html.count('class="gained"') == 1
    assert "PER · lost" in html and "PER · new" in html
    nobody = {"names": [()] * 3}
    assert "No names were found" in before_after.page(made(texts, [NAMES], [NAMES], nobody, nobody, taught=["names"]))


def test_a_new_head_has_nothing_before_and_one_that_is_gone_says_so():
    texts = ["one", "two"]
    ada = (Entity(0, 3, "PER", "one", 1.0),)
    answers = {"mood": [classes("good")] * 2, "stars": [2.0, 4.5], "names": [ada, ()]}
    html = before_after.page(made(texts, [], [MOOD, STARS, NAMES], {}, answers, taught=["mood", "stars", "names"]))
    assert words_of(html).count(words.NEW_HEAD) == 3 and 'class="gained"' not in html
    assert 'aria-label="stars 4.50"' in html and "left:87.5%" in html
    gone = before_after.page(made(texts, [MOOD, STARS, NAMES], [], answers, {}))
    assert gone.count("is not in the new model") == 3 and 'class="lost"' not in gone


def test_a_name_that_now_stands_for_another_kind_is_a_new_head():
    number = TaskSpec("mood", "regression")
    html = before_after.page(
        made(["one", "two"], [MOOD], [number], {"mood": [classes("bad")] * 2}, {"mood": [0.5, -0.5]})
    )
    assert words.NEW_HEAD in html and 'aria-label="mood +0.50"' in html and "mood, before" in html


def test_numbers_say_how_much_they_changed():
    html = before_after.page(
        made(["one", "two"], [STARS], [STARS], {"stars": [2.0, 4.0]}, {"stars": [3.0, 4.02]}, taught=["stars"])
    )
    assert "0.51 of change on average" in html and html.count("ba-row changed") == 1


def test_heads_that_the_run_neither_trained_nor_changed_are_only_named():
    texts, tasks = ["one", "two"], [MOOD, STARS, TaskSpec("other", "classification", ("good", "bad"))]
    same = {"mood": [classes("good")] * 2, "stars": [2.0, 4.0], "other": [classes("bad")] * 2}
    found = made(texts, tasks, tasks, same, {**same, "stars": [2.0, 1.0]}, taught=["mood"])
    told = words_of(html := before_after.page(found))
    assert "Neither trained nor changed on these sentences: other." in told and "other, before" not in told
    assert told.index("mood " + words.ALL_SAME) < told.index("stars 1.50 of change") and html.count(" open>") == 1
    assert "said before says now" in told and "mood, before" in told


def test_sentences_unlike_what_the_model_knows_are_named():
    same = {"mood": [classes("good")] * 3}
    found = made(["one", "two", "three"], [MOOD], [MOOD], same, same, taught=["mood"])
    strange = [replace(a, familiarity=f) for a, f in zip(found.after, (0.1, 0.9, 0.2), strict=True)]
    assert "do not trust its answers: sentences 1, 3." in before_after.page(replace(found, after=strange))
    assert "do not trust" not in before_after.page(found)


def test_one_sentence_has_no_map_and_it_says_so():
    html = before_after.page(made(["alone"], [MOOD], [MOOD], *[{"mood": [classes("good")]}] * 2))
    assert "One sentence has no place" in html and 'class="ba-map"' not in html and "alone" in html


# --- the step ---


def test_a_finished_run_shows_all_and_compares_the_sentences_of_the_box(session, visit):
    model = session.models.get(None)
    visit.work = Work(model, model.analyze(SENTENCES.split("\n")))
    shown = result.show(session, visit)
    view = result.compare_own(session, visit)
    figures = shown.summary + shown.scores
    assert all(said in figures for said in ("run 1 · ", "Scores on the rows held out", "What it forgot"))
    assert result.model_in_use(session, visit)[1].visible and shown.save.visible and shown.comparing["visible"]
    assert (shown.box, shown.view, shown.revision) == (SENTENCES, "", 1) and "<b>bold" not in view
    told = words_of(view)
    for head in ("sentiment", "intensity", "entities", "team"):
        assert head in told
    assert told.index("sentiment another") < told.index("intensity")  # what was taught comes first


@pytest.mark.parametrize(
    ("owner", "run", "said"),
    [
        ("", None, words.NOT_YET),
        (OWNER, None, words.NOT_YET),
        ("1" * 32, "20260101-000000-000000-aaaaaa", words.NOT_YET),
        (OWNER, "../elsewhere", words.NOT_YET),
    ],
)
def test_without_a_run_of_ones_own_there_is_nothing_to_show(session, owner, run, said):
    visit = session.registry.visit("you")
    visit.owner, visit.train.run = owner, run
    shown = result.show(session, visit)
    _, use, _ = result.model_in_use(session, visit)
    assert said in shown.summary and not (use.visible or shown.save.visible or shown.comparing["visible"])
    assert (shown.view, shown.box, shown.revision) == ("", UNCHANGED, UNCHANGED) and visit.train.sentences == ()
    with pytest.raises(UserError):
        result.use_run(session, visit)
    with pytest.raises(UserError):
        result.pack(session, visit, None)
    assert said in result.compare_lines(session, visit, "A text.")


def test_a_run_that_waits_failed_or_never_began_says_which(session, visit, tmp_path):
    table = tmp_path / "data.csv"
    table.write_text("text,mood\na,good\nb,bad\n")
    run = session.runs.start(OWNER, table)
    visit.train.run = run.id
    try:
        assert words.STILL_GOING in result.show(session, visit).summary
        session.runs.stop(run.id, OWNER)
        assert words.NO_MODEL in result.show(session, visit).summary
        folders.write_event(run.folder, {"event": "error", "message": "It broke.", "hint": ""})
        assert words.NOT_FINISHED in result.show(session, visit).summary
    finally:
        session.runs.clean_up(max_age=-1, keep=["20260101-000000-000000-aaaaaa"])


def test_sentences_follow_the_box_but_not_every_analysis_of_the_same(session, visit):
    model = session.models.get(None)
    assert result.follow_the_box(session, visit) == result.Compared()
    visit.work = Work(model, model.analyze(["A new one.", "Another."]))
    shown = result.follow_the_box(session, visit)
    assert shown.box == "A new one.\nAnother." and "Another." in shown.view
    assert result.follow_the_box(session, visit) == result.Compared()


def test_what_cannot_be_compared_is_said(session, visit, monkeypatch):
    assert words.COMPARE_EMPTY in result.compare_lines(session, visit, " \n\u200b")
    many = "\n".join(f"sentence {i}" for i in range(60))
    html = result.compare_lines(session, visit, many)
    assert "The first 40 of 60 sentences are compared." in html and "sentence 39" in html and "sentence 40" not in html
    get = session.models.get
    monkeypatch.setattr(session.models, "get", lambda name: get(name if "aaaaaa" in str(name) else "no/such/model"))
    assert "cannot be loaded, so there is nothing to compare with" in result.compare_lines(session, visit, "A text.")


def test_a_run_can_be_used_and_the_default_again(session, visit, finished):
    other = session.registry.visit("someone else")
    line, use, back = result.model_in_use(session, visit)
    assert (line, use.interactive, back.visible) == ("", True, False)
    assert result.use_run(session, visit) == 1
    assert visit.train.model == finished / "checkpoint" and other.train.model is None
    line, use, back = result.model_in_use(session, visit)
    assert "Sentiment and Entities: run 1." in line and (use.interactive, back.visible) == (
        False,
        True,
    )
    assert session.registry.in_use() == {finished.name}


def test_the_models_zip_can_be_taken_away_and_brought_back(session, visit, finished, tmp_path):
    path = result.pack(session, visit, tmp_path)
    assert path.name == "run-1.zip"
    with zipfile.ZipFile(path) as packed:
        assert "run-1/config.json" in packed.namelist()
    (tmp_path / "my (best) model!.zip").write_bytes(path.read_bytes())
    upload = result.take_zip(session, visit, str(tmp_path / "my (best) model!.zip"))
    assert (upload.file, upload.model) == (None, 1) and "team" in upload.status and "my (best) model" in upload.status
    assert (tmp_path / "my (best) model!.zip").exists()  # who uploads the same is given the same file
    model, own = session.models.get(visit.train.model), session.models.get(finished / "checkpoint")
    assert model.analyze(["fine"])[0].team == own.analyze(["fine"])[0].team
    assert OWNER not in str(visit.train.model)
    assert "Entities: my (best) model." in result.model_in_use(session, visit)[0]


def test_a_bad_zip_changes_nothing(session, visit, tmp_path):
    before = sorted((session.runs.root / "brought").glob("*/*"))
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04" + bytes(99))
    upload = result.take_zip(session, visit, str(tmp_path / "bad.zip"))
    assert upload.file is None and "cut short" in upload.status and 'class="status bad"' in upload.status
    assert upload.model is UNCHANGED and visit.train.model is None
    assert sorted((session.runs.root / "brought").glob("*/*")) == before


def test_a_sound_zip_whose_weights_do_not_fit_is_not_kept(session, visit, finished, tmp_path):
    broken = tmp_path / "checkpoint"
    base = session.models.get(None)
    model = checkpoint.derive(base, ModelConfig(tasks=TASKS))
    replace_parameter(model, model.head_path("intensity") + "network.1.bias", torch.zeros(7))
    checkpoint.save(model, broken)
    from mtl import archive

    archive.write(broken, tmp_path / "odd.zip")
    before = sorted((session.runs.root / "brought").glob("*/*"))
    told = result.take_zip(session, visit, str(tmp_path / "odd.zip")).status
    assert "has the shape (7,)" in told and str(tmp_path) not in told and visit.train.model is None
    assert sorted((session.runs.root / "brought").glob("*/*")) == before


def test_what_was_brought_is_tidied_unless_it_is_in_use(session, visit, tmp_path):
    source = result.pack(session, visit, tmp_path).read_bytes()

    def upload(name):
        (tmp_path / "a.zip").write_bytes(source)
        return checkpoint_upload.unpack(session, visit, tmp_path / "a.zip").parent

    kept = upload("first")
    visit.train.model = kept / "a"
    others = [upload("other") for _ in range(7)]
    assert kept.exists() and others[-1].exists() and not others[0].exists()
    assert len(list(kept.parent.iterdir())) <= 6
