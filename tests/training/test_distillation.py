"""A teacher's answers become targets, less and less as the labels are trusted more."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.data.dataset import Part, Recipe
from mtl.data.rows import Row
from mtl.training.distillation import Teachers, mixed
from mtl.training.runs.worker import train

MOOD, SIZE = TaskSpec("mood", "classification", ("good", "bad")), TaskSpec("size", "regression")


def make(tiny, *tasks):
    return checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks)).eval()


@pytest.fixture
def teacher(tiny, tmp_path):
    """A model with strong opinions, saved."""
    torch.manual_seed(3)
    model = make(tiny, MOOD, SIZE)
    with torch.no_grad():
        model.head("mood").network[-1].weight.mul_(20)
    checkpoint.save(model, tmp_path / "teacher")
    return model


@pytest.fixture
def part(tmp_path):
    rows = [Row(f"Text {i} of {'many' * (i % 5)}", {"mood": "good"} if i % 2 else {}, i) for i in range(40)]
    return Part("rows", rows, teacher=str(tmp_path / "teacher"))


def test_a_teacher_answers_each_row_once_as_it_would_otherwise(tiny, teacher, part, monkeypatch):
    teachers = Teachers(make(tiny, MOOD, SIZE), ["mood", "size"], [part])
    [model] = teachers._models.values()
    texts, tokenise = [], model.tokenise
    monkeypatch.setattr(model, "tokenise", lambda rows, words: (texts.extend(rows), tokenise(rows, words))[1])
    for indices in ([3, 1, 2], [2, 30, 1], list(range(40))):
        targets = teachers(part, indices)
        answers = teacher.analyze([part.rows[i].text for i in indices])
        # The teacher answers in the precision that is quickest here.
        assert np.allclose(targets["mood"][:, 0], [a.mood.probabilities["good"] for a in answers], atol=0.02)
        assert np.allclose(targets["size"].flatten().clamp(-1, 1), [a.size for a in answers], atol=0.02)
    assert sorted(texts) == sorted(row.texts for row in part.rows)


def test_a_part_without_a_teacher_has_no_answers(tiny, teacher, part):
    alone = Part("alone", part.rows)
    assert Teachers(make(tiny, MOOD), ["mood"], [part, alone])(alone, [0, 1]) == {}


@pytest.mark.parametrize("trust", [0.0, 0.25, 1.0])
def test_targets_go_from_the_teacher_to_the_label(tiny, trust):
    model = make(tiny, MOOD, SIZE)
    answers = torch.tensor([[0.3, 0.7], [0.9, 0.1], [0.2, 0.8]])
    wanted = mixed(model.head("mood"), ["good", None, "bad"], answers, trust)
    assert torch.allclose(wanted[0], trust * torch.tensor([1.0, 0.0]) + (1 - trust) * answers[0])
    assert torch.equal(wanted[1], answers[1])
    assert torch.allclose(wanted[2], trust * torch.tensor([0.0, 1.0]) + (1 - trust) * answers[2])
    numbers = mixed(model.head("size"), [0.5, None], torch.tensor([[-1.0], [0.25]]), trust)
    assert numbers.flatten().tolist() == pytest.approx([trust * 0.5 - (1 - trust), 0.25])


def test_a_teacher_of_other_labels_is_refused(tiny, teacher, part):
    other = TaskSpec("mood", "classification", ("good", "bad", "ugly"))
    with pytest.raises(UserError, match=r"rows: the teacher .* has no classification or multilabel or regression"):
        Teachers(make(tiny, other), ["mood"], [part])


def test_a_teacher_that_is_not_there_is_said_to_be_the_teacher(tiny, part):
    with pytest.raises(UserError, match=r"rows: its teacher could not be loaded\. .*beside the data"):
        Teachers(make(tiny, MOOD), ["mood"], [replace(part, teacher="./nobody")])


def test_a_teacher_alone_does_not_say_what_is_learnt(tiny, teacher, tmp_path):
    (tmp_path / "texts.csv").write_text("text\n" + "".join(f"words {i}\n" for i in range(20)))
    recipe = {
        "model": ModelConfig(tasks=(MOOD,)).to_json(),
        "train_on": [{"file": "texts.csv", "text": "text", "teacher": "teacher", "unlabelled_text": True}],
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(UserError, match="learnt from labels: name a file that has some, too"):
        train(tmp_path / "recipe.json", tmp_path / "run", start_from=str(tiny), data_dir=tmp_path)


def test_a_recipe_trains_a_student_that_answers_as_its_teacher_does(tiny, teacher, tmp_path):
    texts = [f"{word} {i}" for i in range(40) for word in ("red", "river", "seven", "table")]
    opinions = [a.mood.label for a in teacher.analyze(texts)]
    assert set(opinions) == {"good", "bad"}
    (tmp_path / "texts.csv").write_text("text,mood\n" + "".join(f"{t},\n" for t in texts) + "a,good\nb,bad\nc,good\n")
    source = {"file": "texts.csv", "text": "text", "teacher": "teacher"}
    recipe = {
        "model": ModelConfig(tasks=(MOOD,)).to_json(),
        "train_on": [{**source, "unlabelled_text": True}, {**source, "column": "mood", "tasks": {"mood": {}}}],
        "train": {"epochs": 12, "lr": 0.002, "head_lr": 0.02, "anchor": 0, "keep_best": False, "precision": "float32"},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    parts = Recipe.read(tmp_path / "recipe.json").dataset(tmp_path).parts
    assert {part.teacher for part in parts} == {str(tmp_path / "teacher")}
    torch.manual_seed(0)
    student = train(tmp_path / "recipe.json", tmp_path / "run", start_from=str(tiny), data_dir=tmp_path)
    agreed = np.mean([a.mood.label == b for a, b in zip(student.analyze(texts), opinions, strict=True)])
    often = max(opinions.count(label) for label in MOOD.labels) / len(opinions)
    assert agreed > max(0.9, often)


def test_labels_that_are_not_trusted_are_not_learnt(tiny, teacher, tmp_path):
    texts = [f"{word} {i}" for i in range(40) for word in ("red", "river", "seven", "table")]
    wrong = {"good": "bad", "bad": "good"}
    opinions = [a.mood.label for a in teacher.analyze(texts)]
    rows = "".join(f"{text},{wrong[opinion]}\n" for text, opinion in zip(texts, opinions, strict=True))
    (tmp_path / "texts.csv").write_text("text,mood\n" + rows)
    settings = {"epochs": 12, "lr": 0.002, "head_lr": 0.02, "anchor": 0, "keep_best": False, "precision": "float32"}
    agreed = {}
    for trust in (0.0, 1.0):
        recipe = {
            "model": ModelConfig(tasks=(MOOD,)).to_json(),
            "train_on": [{"file": "texts.csv", "tasks": {"mood": {}}, "teacher": "teacher"}],
            "train": {**settings, "label_trust": trust},
        }
        (tmp_path / "recipe.json").write_text(json.dumps(recipe))
        torch.manual_seed(0)
        run = train(tmp_path / "recipe.json", tmp_path / f"run {trust}", start_from=str(tiny), data_dir=tmp_path)
        agreed[trust] = np.mean([a.mood.label == b for a, b in zip(run.analyze(texts), opinions, strict=True)])
    assert agreed[0.0] > 0.9 and agreed[1.0] < 0.5
