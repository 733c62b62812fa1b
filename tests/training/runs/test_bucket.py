"""What has ended is copied to a bucket as whole files, and is there again on an empty disk."""

import logging
import os
import shutil

import pytest

from mtl.config import TrainConfig
from mtl.training.runs import folder as folders
from mtl.training.runs.bucket import Bucket
from mtl.training.runs.service import Runs


@pytest.fixture
def place(tmp_path):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "runs").mkdir()
    return tmp_path


def ended(place, seed=0):
    """A run that is over, with a model."""
    (place / "data.csv").write_text("text,mood\nfine,good\nawful,bad\n")
    run = Runs(place / "runs").start("ada", place / "data.csv", TrainConfig(seed=seed))
    folders.write_process(run.folder, os.getpid())
    folders.write_event(run.folder, {"event": "end", "status": "done", "checkpoint": "checkpoint"})
    (run.folder / "checkpoint").mkdir()
    (run.folder / "checkpoint" / "weights").write_bytes(b"weights")
    (run.folder / "heartbeat").touch()
    return run


def follow(place, bucket=None):
    bucket = bucket or Bucket(place / "bucket", place / "runs")
    bucket.restore()
    bucket.follow(Runs(place / "runs").find())
    return bucket


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "heartbeat"}


def test_a_run_that_has_ended_is_there_again_on_an_empty_disk(place):
    run = ended(place)
    before = contents(run.folder)
    follow(place)
    assert contents(place / "bucket" / run.id) == before
    shutil.rmtree(place / "runs")
    (place / "runs").mkdir()
    follow(place)
    assert contents(run.folder) == before
    [again] = Runs(place / "runs").find("ada")
    assert (again.id, again.state) == (run.id, "done")
    if os.name == "posix":
        assert run.folder.stat().st_mode & 0o077 == 0, "others must not read a visitor's data"


def test_what_waits_or_trains_is_not_copied(place):
    (place / "data.csv").write_text("text,mood\nfine,good\nawful,bad\n")
    Runs(place / "runs").start("ada", place / "data.csv")
    follow(place)
    assert contents(place / "bucket") == {}


def test_a_change_after_the_end_is_copied_and_what_is_deleted_is_deleted_there(place):
    run, other = ended(place), ended(place, seed=1)
    bucket = follow(place)
    (run.folder / "thresholds.json").write_text("{}")
    (run.folder / "checkpoint" / "weights").unlink()
    shutil.rmtree(other.folder)
    bucket.follow(Runs(place / "runs").find())
    assert [path.name for path in (place / "bucket").iterdir()] == [run.id]
    assert contents(place / "bucket" / run.id) == contents(run.folder)


def test_a_disk_that_was_kept_is_what_counts(place):
    run = ended(place)
    follow(place)
    (run.folder / "thresholds.json").write_text("{}")  # while no server runs
    follow(place)
    assert contents(place / "bucket" / run.id) == contents(run.folder)


def test_half_a_copy_is_no_run_and_is_made_again(place, monkeypatch):
    run = ended(place)
    whole, copied = shutil.copyfile, []

    def breaks_off(file, copy):
        copied.append(file)
        if len(copied) == 3:
            raise OSError("the bucket does not answer")
        return whole(file, copy)

    monkeypatch.setattr(shutil, "copyfile", breaks_off)
    bucket = Bucket(place / "bucket", place / "runs")
    with pytest.raises(OSError, match="does not answer"):
        bucket.follow([run_now(place, run)])
    assert not (place / "bucket" / run.id / "ticket.json").exists()
    bucket.follow([run_now(place, run)])
    assert contents(place / "bucket" / run.id) == contents(run.folder)


def run_now(place, run):
    return Runs(place / "runs").get(run.id)


def test_the_key_of_the_browsers_memory_outlives_the_disk(place):
    with Runs(place / "runs", bucket=place / "bucket"):
        (place / "runs" / "browser.key").write_text("a secret")
    assert (place / "bucket" / "browser.key").read_text() == "a secret"
    shutil.rmtree(place / "runs")
    Runs(place / "runs", bucket=place / "bucket")
    assert (place / "runs" / "browser.key").read_text() == "a secret"


def test_runs_copy_by_themselves_at_the_latest_when_the_server_closes(place):
    with Runs(place / "runs", bucket=place / "bucket"):
        run = ended(place)
    assert contents(place / "bucket" / run.id) == contents(run.folder)


def test_a_bucket_that_is_not_mounted_is_said_and_nothing_else(place, caplog):
    with caplog.at_level(logging.WARNING), Runs(place / "runs", bucket=place / "nowhere") as runs:
        assert not runs.bucket.mounted
    assert "No bucket is mounted at" in caplog.text
    assert not (place / "nowhere").exists()
