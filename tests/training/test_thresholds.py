"""Other thresholds than the fitted ones can be kept with the checkpoint of a run, and given up again."""

import json

import pytest

import mtl
from mtl import archive, checkpoint
from mtl.config import TaskSpec, TrainConfig, UserError
from mtl.kinds.multilabel import LabelSet, decide
from mtl.training import jobs, thresholds
from mtl.training.metrics import Outcome
from mtl.training.runs import worker

LABELS = ("fear", "joy")


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    """The folder of a run on several labels."""
    root = tmp_path_factory.mktemp("thresholds")
    rows = [
        f"This is sentence {i} of {'glad' if i % 2 else 'sad'} ones.,{json.dumps(list(LABELS[: i % 3]))!r}"
        for i in range(80)
    ]
    rows = [row.replace('"', '""').replace("'", '"') for row in rows]
    (root / "data.csv").write_text("\n".join(["text,moods", *rows]) + "\n")
    config = TrainConfig(epochs=1, freeze=-1, precision="float32", validation=0.4)
    for _ in worker.run(jobs.prepare(root / "data.csv", config, str(tiny)), root / "run"):
        pass
    return root / "run"


def values(run):
    return mtl.load(run / "checkpoint", dtype="float32").head("moods").thresholds.tolist()


def test_a_run_keeps_what_each_threshold_finds(run):
    known = thresholds.read(run / thresholds.NAME)["moods"]
    assert [each.fitted for each in known.values()] == pytest.approx(values(run), abs=1e-6)
    model = mtl.load(run / "checkpoint", dtype="float32")
    answers = [json.loads(line) for line in (run / "held_out.jsonl").read_text().splitlines()]
    for label in LABELS:
        have = [answer for answer in answers if label in answer["truth"]]
        assert len(known[label].have) == len(have)
        said = [model.analyze(answer["texts"])[0].moods.probabilities[label] for answer in have]
        assert sorted(known[label].have) == pytest.approx(sorted(said), abs=1e-3)
        assert len(known[label].have) + len(known[label].lack) <= len(answers)


def test_other_thresholds_count_wherever_the_checkpoint_goes_until_they_are_given_up(run, tmp_path):
    folder, fitted = run / "checkpoint", values(run)
    before = (folder / "weights.safetensors").read_bytes()
    checkpoint.set_fitted(folder, {"moods": {"thresholds": [0.25, 0.75]}})
    assert values(run) == [0.25, 0.75]
    checkpoint.set_fitted(folder, {"moods": {"thresholds": [0.5, 0.75]}})
    assert values(run) == [0.5, 0.75] and len([*folder.glob("weights-by-hand*")]) == 1
    archive.write(folder, tmp_path / "model.zip")
    origin = mtl.load(folder).origin
    unpacked = archive.read(
        tmp_path / "model.zip", tmp_path / "unpacked", [checkpoint.Base(origin.name, origin.sha256)]
    )
    assert mtl.load(unpacked, dtype="float32").head("moods").thresholds.tolist() == [0.5, 0.75]
    checkpoint.set_fitted(folder, {})
    assert values(run) == fitted and (folder / "weights.safetensors").read_bytes() == before
    assert not [*folder.glob("weights-by-hand*")]


def test_the_card_says_that_thresholds_were_chosen(run):
    card, known = run / "checkpoint" / "README.md", thresholds.read(run / thresholds.NAME)
    thresholds.keep(run, thresholds.chosen(known, "moods", {"joy": 0.25}))
    assert "Somebody has chosen others since for moods" in card.read_text(encoding="utf-8")
    assert values(run)[LABELS.index("joy")] == 0.25
    assert thresholds.read(run / thresholds.NAME)["moods"]["joy"].used == 0.25
    thresholds.keep(run, known)
    assert "Somebody has chosen" not in card.read_text(encoding="utf-8")


def test_a_label_that_is_unknown_of_a_row_does_not_count():
    spec = TaskSpec("moods", "multilabel", LABELS)
    answers = [decide(spec, (p, 0.005), (0.5, 0.5)) for p in (0.9, 0.4, 0.2)]
    outcome = Outcome(spec, [0, 1, 2], [LabelSet(("fear",)), LabelSet((), ("fear",)), LabelSet()], answers)
    fear, joy = thresholds.gather([outcome], {"moods": [0.3, 0.5]})["moods"].values()
    assert (fear.have, fear.lack, joy.have, joy.lack) == ((0.9,), (0.2,), (), ())


@pytest.mark.parametrize("said", [{"fear": 1.5}, {"fear": True}, {"fear": "0.5"}, {"hate": 0.5}, [0.5], None])
def test_what_is_no_threshold_is_refused(run, said):
    known = thresholds.read(run / thresholds.NAME)
    with pytest.raises(UserError, match="threshold"):
        thresholds.chosen(known, "moods", said)


def test_a_damaged_or_missing_file_has_none(tmp_path):
    (tmp_path / "thresholds.json").write_text('{"moods": {"joy": {"fitted": "x"}}}')
    assert thresholds.read(tmp_path / "thresholds.json") == thresholds.read(tmp_path / "none.json") == {}
