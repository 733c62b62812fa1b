"""A run is a folder: `config.json`, `events.jsonl` and, when it ends, `checkpoint/`. Start one here, stop it here."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from mtl import checkpoint
from mtl.config import TrainConfig, UserError
from mtl.training import card
from mtl.training.jobs import Job, prepare
from mtl.training.loop import Event, fit


def run(
    job: Job, folder: str | os.PathLike, stop: Callable[[], bool] = lambda: False, half: bool = False
) -> Iterator[Event]:
    """Carry out a job in `folder`, yielding each event as it is written to `events.jsonl`.

    It stops after the current step when `stop()` says so or `request_stop(folder)` was called, and keeps a usable
    checkpoint then as well. `half` stores the checkpoint in float16. A `UserError` is written as an event and raised.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stop_file = folder / _STOP
    stop_file.unlink(missing_ok=True)
    settings = {
        "start_from": job.start_from or checkpoint.DEFAULT,
        "model": job.model.to_json(),
        "train": job.config.to_json(),
        "data": job.dataset.fingerprint,
    }
    _write_json(folder / "config.json", settings)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as log:

        def record(event: Event) -> Event:
            log.write(json.dumps(event, ensure_ascii=False) + "\n")
            log.flush()
            return event

        try:
            base = checkpoint.load(job.start_from, dtype="float32")
            model = checkpoint.derive(base, job.model)
            scores: Event = {}
            for event in fit(model, job.dataset, job.config, lambda: stop() or stop_file.exists()):
                if event["event"] == "start":
                    event = {"event": "start", "run": folder.name, "config": settings, **event}
                if event["event"] == "epoch":
                    scores = event
                if event["event"] == "end":
                    _save(model, folder / "checkpoint", settings, scores, event, half)
                    event = {**event, "checkpoint": "checkpoint", "best": scores.get("epoch")}
                yield record(event)
        except UserError as error:
            record({"event": "error", "message": str(error), "hint": ""})
            raise


_STOP = "stop"


def request_stop(folder: str | os.PathLike) -> None:
    """Ask the run in `folder` to end after its current step."""
    (Path(folder) / _STOP).touch()


def events(folder: str | os.PathLike) -> list[Event]:
    """The events of a run so far. A line that is still being written is left for the next call."""
    result = []
    with contextlib.suppress(FileNotFoundError), (Path(folder) / "events.jsonl").open(encoding="utf-8") as log:
        for line in log:
            if line.endswith("\n"):
                result.append(json.loads(line))
    return result


def train(
    data: str | os.PathLike,
    out: str | os.PathLike,
    config: TrainConfig | None = None,
    start_from: str | None = None,
    data_dir: str | os.PathLike | None = None,
):
    """Train on a table or a recipe, into the run folder `out`, and return the trained model (see `prepare`, `run`)."""
    for _ in run(prepare(data, config, start_from, data_dir), out):
        pass
    return checkpoint.load(Path(out) / "checkpoint")


def _save(model, folder: Path, settings: dict, scores: Event, end: Event, half: bool) -> None:
    checkpoint.save(model, folder, torch.float16 if half else None)
    record = {
        **settings,
        "status": end["status"],
        "seconds": end["seconds"],
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "metrics": scores.get("validation", {}),
        "moved": scores.get("moved", {}),
    }
    _write_json(folder / "train.json", record)
    (folder / "README.md").write_text(card.text(model, record), encoding="utf-8")


def _write_json(path: Path, data: dict) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
