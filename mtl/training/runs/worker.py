"""Carrying out one run: in this process (`run`, `train`), or in one of its own (`Worker`, its end of the line `main`).

A run's process waits for its turn in one of two ways: `python -m mtl.training.runs.worker FOLDER` starts cold; with
`--wait` it is warm: it has imported and rehearsed everything before it is told the folder on standard input.
Heavy imports stay inside functions, so that the server can import this module, and so that a process is there at once.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.config import ROOT, TrainConfig, UserError
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs.errors import in_plain_words
from mtl.training.runs.folder import Event

if TYPE_CHECKING:
    from mtl.config import TaskSpec
    from mtl.model import MultiTaskModel
    from mtl.training.jobs import Job

# Room kept free on the disk, given back when it is full, so that the run can still say so.
_RESERVE = 65536
_ANEW = "What was kept of the interrupted run is damaged, or of other settings or data: training begins anew."
_NEVER_BEGAN = {"event": "end", "status": "stopped", "checkpoint": None, "seconds": 0.0, "steps": 0, "best": None}


# --- in this process ---


def run(
    job: Job,
    folder: str | os.PathLike,
    stop: Callable[[], bool] = lambda: False,
    half: bool = False,
    resume: bool = False,
) -> Iterator[Event]:
    """Carry out a job in `folder`, yielding each event when it has been written.

    It stops after the current step when `stop()` says so or `request_stop(folder)` was called, and keeps a usable
    checkpoint then as well. `half` stores the checkpoint in float16. With `resume` an interrupted run of the same
    settings and data goes on after its last whole epoch; otherwise what the folder holds of a former run is replaced.
    An exception is written as an `error` event, and raised. Raises `UserError` where another process uses the folder.
    """
    from mtl.training.processes import Processes

    folder, processes = Path(folder), Processes()
    if not processes.is_main:
        processes.from_main(None)  # the first process makes the folder ready
        yield from _carry_out(job, folder, stop, half, writes=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if (other := folders.held_by_another(folder)) is not None:
        raise UserError(f"Process {other} is training in {folder}. Choose another folder, or stop that run first.")
    (folder / "stop").unlink(missing_ok=True)
    if not resume:
        folders.forget_events(folder)
        _forget_state(folder)
    folders.write_process(folder, os.getpid())
    processes.from_main(None)
    with _reported(folder):
        yield from _carry_out(job, folder, stop, half)


def train(
    data: str | os.PathLike,
    out: str | os.PathLike,
    config: TrainConfig | None = None,
    start_from: str | None = None,
    data_dir: str | os.PathLike | None = None,
    resume: bool = False,
):
    """Train on a table or a recipe, into the run folder `out`, and return the trained model (see `prepare`, `run`)."""
    from mtl import checkpoint
    from mtl.training.jobs import prepare
    from mtl.training.processes import Processes

    processes = Processes()
    for _ in run(prepare(data, config, start_from, data_dir), out, resume=resume):
        pass
    processes.from_main(None)  # which has written it by now
    return checkpoint.load(Path(out) / "checkpoint")


def _carry_out(
    job: Job, folder: Path, stop: Callable[[], bool], half: bool = False, writes: bool = True
) -> Iterator[Event]:
    """The events of a run; of several processes that train together, one `writes` them and the checkpoint."""
    import torch

    from mtl import checkpoint
    from mtl.training import forgetting
    from mtl.training.loop import fit

    settings = {
        "start_from": job.start_from or checkpoint.DEFAULT,
        "model": job.model.to_json(defaults=True),
        "train": job.config.to_json(defaults=True),
        "data": job.dataset.fingerprint,
    }
    if writes:  # what a run in the line was told, which file and how to read it, stays there
        _mend_checkpoint(folder)
        told = folders.read_json(folder / "config.json") if (folder / "ticket.json").exists() else {}
        asked_for = {"model": job.model.to_json(), "train": told.get("train", job.config.to_json())}
        folders.write_json(folder / "config.json", {**told, **settings, **asked_for})
    # Before new heads draw their first weights: the same seed is the same run, in a warm process as well.
    torch.manual_seed(job.config.seed)
    before = checkpoint.load(job.start_from, dtype="float32")
    model = checkpoint.derive(before, job.model)
    trained: list[str] = []
    kind = job.config.precision
    interrupted = (folder / "state" / "state.safetensors").exists()

    def asked() -> bool:
        return stop() or folders.stop_requested(folder)

    partial: list[Event] = []
    for event in fit(model, job.dataset, job.config, asked, folder / "state"):
        if event["event"] == "start":
            event = {"event": "start", "run": folder.name, "config": settings, **event}
            if interrupted and not event["resumed_after_epoch"]:
                event["notes"] = [*event["notes"], _ANEW]
            trained, kind = event["tasks"], event["precision"]
        if event["event"] == "epoch" and not event["whole"]:
            partial = [event]  # told when the checkpoint holds it, because nothing else does
            continue
        if writes and interrupted and event["event"] == "epoch" and event in folders.events(folder):
            continue  # told before the interruption
        if event["event"] == "end":
            event = {**event, "checkpoint": "checkpoint"}
            if writes:
                event["before"] = _scores_before(before, job, trained, kind)
                event["forgetting"] = forgetting.measure(before, model.eval(), trained)
                _save(model, folder, {**settings, "precision": kind, "trained": trained}, partial, event, half)
            partial.append(event)
        for each in partial or [event]:
            if writes:
                folders.write_event(folder, each)
            yield each
    if writes and event["status"] == "done":
        _forget_state(folder)


def _scores_before(before: MultiTaskModel, job: Job, trained: Sequence[str], kind: str) -> dict[str, Any]:
    """What the model that the run began with scores on the validation rows, shaped as an epoch's `validation`.

    Without the tasks that it did not have, or had with other labels.
    """
    from mtl.training.loop import by_set, precision
    from mtl.training.metrics import evaluate

    def meaning(spec: TaskSpec | None) -> tuple | None:
        return spec and (spec.kind, spec.labels)

    now = {spec.name: spec for spec in job.model.tasks}
    known = [name for name in trained if meaning(before.tasks.get(name)) == meaning(now[name])]
    with precision(before.device, kind):  # as the scores after each epoch are measured
        return by_set({name: evaluate(before, rows, known) for name, rows in job.dataset.validation.items()})


def _save(model: MultiTaskModel, folder: Path, settings: dict, partial: list[Event], end: Event, half: bool) -> None:
    import torch

    from mtl import checkpoint
    from mtl.training import card

    new = folder / "checkpoint.new"
    shutil.rmtree(new, ignore_errors=True)
    checkpoint.save(model, new, torch.float16 if half else None)
    # From all events, as the epoch that is kept may lie before an interruption.
    progress = fold(Progress(), [*folders.events(folder), *partial, end])
    record = {
        **settings,
        "status": progress.status,
        "seconds": progress.seconds,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "epoch": progress.kept and progress.kept.number,
        "metrics": progress.validation,
        "moved": progress.moved,
    }
    folders.write_json(new / "train.json", record)
    (new / "README.md").write_text(card.text(model, record), encoding="utf-8")
    # Written whole before it takes the place of the one before, which a run that was resumed or repeated has.
    if (folder / "checkpoint").exists():
        (folder / "checkpoint").rename(folder / "checkpoint.old")
    new.rename(folder / "checkpoint")
    shutil.rmtree(folder / "checkpoint.old", ignore_errors=True)


def _mend_checkpoint(folder: Path) -> None:
    """Finish what a process that was killed while it put a new checkpoint in place has left undone."""
    if (folder / "checkpoint.old").exists() and not (folder / "checkpoint").exists():
        (folder / "checkpoint.old").rename(folder / "checkpoint")
    for rest in ("checkpoint.old", "checkpoint.new"):
        shutil.rmtree(folder / rest, ignore_errors=True)


def _forget_state(folder: Path) -> None:
    shutil.rmtree(folder / "state", ignore_errors=True)


# --- when something goes wrong ---


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """An exception becomes an `error` event with a plain sentence and traceback.txt, and goes on its way."""
    try:
        yield
    except Exception as error:
        for leftover in (folder / "reserve", *folder.rglob("*.part")):  # a full disk must not silence the message
            leftover.unlink(missing_ok=True)
        message, hint = in_plain_words(error)
        message = message.replace(f"{folder}{os.sep}", "").replace(f"{folder.parent}{os.sep}", "")  # no server's paths
        with contextlib.suppress(OSError):
            (folder / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        # Last: whoever reads it takes the run for over.
        with contextlib.suppress(OSError):
            folders.write_event(folder, {"event": "error", "message": message, "hint": hint})
        raise


# --- a process of its own: the end that trains ---


def main(arguments: Sequence[str]) -> int:
    """Carry out the run of a folder, or (`--wait`) of the folder that standard input names; 0 when it went well."""
    _lower_priority()
    gc.disable()  # nearly all that is made until the run begins is there to stay: looking for garbage takes a tenth
    if list(arguments) == ["--wait"]:
        return _wait()
    [folder] = arguments
    return _work(Path(folder))


def _wait() -> int:
    """Rehearse, then wait for the name of a folder. Who is told it before that rehearses no further."""
    lines: list[str] = []
    told = threading.Event()

    def listen() -> None:
        lines.append(sys.stdin.readline())
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    _rehearse(told.is_set)
    if not told.is_set():
        gc.collect()
        print("ready", flush=True)
    told.wait()
    if not lines[0]:  # the server has gone, or needs no more
        return 0
    return _work(Path(json.loads(lines[0])))


def _work(folder: Path) -> int:
    # On Windows a virtual environment's Python is the child of what was started.
    pids = {os.getpid(), os.getppid()} if os.name == "nt" else {os.getpid()}
    deadline = time.monotonic() + 30
    while folders.is_for(folder, pids) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    if not folders.is_for(folder, pids):
        return 3
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())  # the computer shuts down: end well
    _beat(folder)
    try:
        with _reported(folder):
            _redirect_output(folder)
            (folder / "reserve").write_bytes(bytes(_RESERVE))
            if folders.stop_requested(folder):
                folders.write_event(folder, _NEVER_BEGAN)
                return 0
            job = _job(folder)
            gc.freeze()
            gc.enable()
            for _ in _carry_out(job, folder, stopping.is_set):
                pass
    except Exception:
        traceback.print_exc()  # into output.txt
        return 1
    finally:
        (folder / "reserve").unlink(missing_ok=True)
    return 0


def _job(folder: Path) -> Job:
    from mtl.training.jobs import prepare

    told = folders.read_json(folder / "config.json")
    try:
        config = TrainConfig.from_json(told["train"]) if "train" in told else None
        given, reading = (folder / told["file"], config, told["start_from"]), dict(told["reading"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("The run's config.json is damaged. Start the run again.") from error
    return prepare(*given, **reading)


def _lower_priority() -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "nice"):
            os.nice(10)
            # Linux may share the processor among sessions first, and look at what is nice within one only then.
            with contextlib.suppress(OSError):
                Path("/proc/self/autogroup").write_text("10")
        else:
            import psutil

            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)


def _beat(folder: Path) -> None:
    """Touch the heartbeat now, and then every two seconds as long as this process lives."""

    def forever() -> None:
        while True:
            with contextlib.suppress(OSError):
                (folder / "heartbeat").touch()
            time.sleep(folders.HEARTBEAT_EVERY)

    with contextlib.suppress(OSError):
        (folder / "heartbeat").touch()
    threading.Thread(target=forever, daemon=True).start()


def _redirect_output(folder: Path) -> None:
    """What libraries print, and where a crash happened, goes to output.txt."""
    import faulthandler

    with (folder / "output.txt").open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    faulthandler.enable()


def _rehearse(enough: Callable[[], bool]) -> None:
    """Do all that a run does once, small, so that every import and every first call lies behind us."""
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(Exception):  # a cold start will tell what is wrong
        from mtl.training.forgetting import PROBE
        from mtl.training.jobs import prepare

        table = Path(name) / "rehearsal.csv"
        table.write_text("\n".join(PROBE.read_text(encoding="utf-8").splitlines()[:25]) + "\n", encoding="utf-8")
        for freeze in (-1, 0):
            for _ in run(prepare(table, TrainConfig(epochs=1, batch_size=8, freeze=freeze)), Path(name) / str(freeze)):
                if enough():
                    return


# --- a process of its own: the server's end ---


class Worker:
    """A process that carries out one run. With `folder` it starts on that; without one it gets warm and waits.

    It belongs to a session of its own, so that closing the server leaves it training; one that still waits ends when
    the server does, because its standard input closes. `alone` says that no other is likely to compute beside it.
    Raises `OSError` where no process can be started.
    """

    def __init__(self, threads: int, folder: Path | None = None, alone: bool = False) -> None:
        apart: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        # Threads that wait for one another spin for some microseconds: not at all, and training takes half as long
        # again; for long, as they would by themselves, and they hold the core that the page needs. Beside another
        # process that trains or gets warm they had better not spin: both would take three times the time.
        spins = "10000" if alone and threads > 1 else "0"
        limits = {"OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": spins, "RAYON_NUM_THREADS": str(threads)}
        waits = folder is None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtl.training.runs.worker", "--wait" if waits else str(folder)],
            cwd=ROOT,
            env={**quiet, **limits, **os.environ},
            stdin=subprocess.PIPE if waits else subprocess.DEVNULL,
            stdout=subprocess.PIPE if waits else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **apart,
        )
        self.ready = threading.Event()
        if waits:
            threading.Thread(target=self._listen, daemon=True).start()
            return
        try:
            folders.write_process(folder, self.pid)
        except OSError:
            self._process.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def give(self, folder: Path) -> None:
        """Let a waiting process carry out the run in `folder`. Raises `OSError` where it has ended meanwhile."""
        if not self.alive:
            raise BrokenPipeError("The waiting process has ended.")
        folders.write_process(folder, self.pid)
        self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
        self._process.stdin.close()

    def dismiss(self) -> None:
        """Let a waiting process end."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> int:
        """The exit status of the process when it has ended; negative: the signal that ended it."""
        return self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout:
            if line.strip() == b"ready":
                self.ready.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
