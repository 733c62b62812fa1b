"""Carry out runs: one in this process (`run`, `train`), or one after the other in a process of its own (`Worker`, which
runs `main`).

`python -m mtl.training.runs.worker` reads folders from standard input, and warms up while there is none. Heavy imports
stay inside functions, so that the server can import this module and a process starts at once.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from mtl.config import KINDS, TrainConfig, UserError
from mtl.encoder.states import sharing
from mtl.places import HOME
from mtl.stopping import Stop, Stopped, ask
from mtl.training import held_out, thresholds
from mtl.training.progress import Progress, fold
from mtl.training.runs import folder as folders
from mtl.training.runs.errors import in_plain_words
from mtl.training.runs.folder import Event

if TYPE_CHECKING:
    from mtl.config import TaskSpec
    from mtl.model import MultiTaskModel
    from mtl.training.jobs import Job
    from mtl.training.limits import Limits

# Bytes of disk space that are freed when the disk is full, so that the error can still be written.
_RESERVE = 65536
# A process that was started for a run is given it within this many seconds.
_GIVEN_AT_ONCE = 0.05
# The folder of what runs share, beside theirs.
_STATES = ".states"
# A process that holds more bytes after a run carries out no other: it may keep an encoder that nobody needs any more.
_MOST_MEMORY = 1.5e9
# What a process says: that it has warmed up, and that it is done with a run.
_READY, _DONE = "ready", "done"
_ANEW = "The state of the interrupted run is damaged, or from other settings or data: training starts over."


# --- in this process ---


def run(
    job: Job,
    folder: str | os.PathLike,
    stop: Stop | None = None,
    half: bool = False,
    resume: bool = False,
) -> Iterator[Event]:
    """Carry out a job in `folder`, yielding each event when it has been written.

    Ends within seconds when `stop` says so or `request_stop(folder)` was called, with a usable checkpoint unless it had
    learnt nothing yet. `half` stores the checkpoint in float16. With `resume` an interrupted run of the same settings
    and data goes on after its last whole epoch; otherwise an earlier run in the folder is replaced. An exception is
    written as an `error` event, and raised. Raises `UserError` if another process uses the folder.
    """
    from mtl.training.processes import Processes

    folder, processes = Path(folder), Processes()
    if processes.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        if (other := folders.held_by_another(folder)) is not None:
            raise UserError(f"Process {other} is training in {folder}. Choose another folder, or stop that run first.")
        (folder / "stop").unlink(missing_ok=True)
        if not resume:
            folders.delete_events(folder)
            _delete_state(folder)
            for name in (held_out.NAME, thresholds.NAME):
                (folder / name).unlink(missing_ok=True)
        folders.write_process(folder, os.getpid())
    processes.from_main(None)  # the others wait until the first process has prepared the folder
    with _reported(folder) if processes.is_main else contextlib.nullcontext():
        yield from _carry_out(job, folder, _either(stop or Stop(), folder), half, processes.is_main)


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
    processes.from_main(None)  # wait until the first process has written the checkpoint
    return checkpoint.load(Path(out) / "checkpoint")


def _either(stop: Stop, folder: Path) -> Stop:
    """Asked by `stop`, or by the files in `folder`."""
    return Stop(
        lambda: stop.asked() or folders.stop_requested(folder),
        lambda: stop.at_once() or folders.stop_at_once_requested(folder),
        stop.grace,
    )


def _carry_out(job: Job, folder: Path, stop: Stop, half: bool = False, writes: bool = True) -> Iterator[Event]:
    """Yield the events of a run. Of several processes that train together, one `writes` events and checkpoint."""
    try:
        yield from _train(job, folder, stop, half, writes)
    except Stopped:
        if writes:
            yield _end_without_model(folder)


def _end_without_model(folder: Path) -> Event:
    """Write that the run was stopped before it had learnt anything; one that was resumed has its model of before."""
    before = (folder / "checkpoint").is_dir() and (folder / "state").is_dir()
    event = {"event": "end", "status": "stopped", "seconds": 0.0, "steps": 0, "best": None}
    event["checkpoint"] = "checkpoint" if before else None
    folders.write_event(folder, event)
    return event


def _train(job: Job, folder: Path, stop: Stop, half: bool, writes: bool) -> Iterator[Event]:
    import torch

    from mtl import checkpoint
    from mtl.encoder import states
    from mtl.training import familiarity, forgetting, limits
    from mtl.training.loop import fit

    settings = {
        "start_from": job.start_from or checkpoint.DEFAULT,
        "model": job.model.to_json(defaults=True),
        "train": job.config.to_json(defaults=True),
        "data": job.dataset.fingerprint,
    }
    if writes:  # a queued run's config.json also says which file to read and how
        _repair_checkpoint(folder)
        request = folders.read_json(folder / "config.json") if (folder / "ticket.json").exists() else {}
        config = {"model": job.model.to_json(), "train": request.get("train", job.config.to_json())}
        folders.write_json(folder / "config.json", {**request, **settings, **config})
    # Before new heads are initialised, so that a warm process gives the same run for the same seed.
    torch.manual_seed(job.config.seed)
    before = checkpoint.load(job.start_from, dtype="float32")
    model = checkpoint.derive(before, job.model)
    interrupted = (folder / "state" / "state.safetensors").exists()

    events = fit(model, job.dataset, job.config, stop, folder / "state")
    if not writes:
        yield from events
        return
    partial: list[Event] = []
    for event in events:
        if event["event"] == "start":
            event = {"event": "start", "run": folder.name, "config": settings, **event}
            if interrupted and not event["resumed_after_epoch"]:
                event["notes"] = [*event["notes"], _ANEW]
            trained, kind = event["tasks"], event["precision"]
        elif event["event"] == "epoch" and not event["whole"]:
            partial = [event]  # written once the checkpoint is, since the state does not include it
            continue
        elif event["event"] == "epoch" and interrupted and event in folders.events(folder):
            continue  # written before the interruption
        elif event["event"] == "end":
            event["checkpoint"] = "checkpoint"
            for name in (held_out.NAME, thresholds.NAME):  # of the model of an earlier attempt
                (folder / name).unlink(missing_ok=True)
            with stop.measuring("comparison"):
                ask()
                event |= _judge(before, model.eval(), job, trained, kind, folder)
            with stop.measuring("forgetting"):
                ask()
                event["forgetting"] = forgetting.measure(before, model, trained)
            with stop.measuring("familiarity"):
                ask()
                model.familiarity = familiarity.gather(model, job.dataset)
            found = None
            with stop.measuring("limits"):
                ask()
                found = limits.measure(model)
            if shared := states.current():
                event |= {"encoding": round(shared.seconds, 3), "notes": [shared.problem] if shared.problem else []}
            event |= {"unmeasured": [*stop.unmeasured], "status": "stopped" if stop.unmeasured else event["status"]}
            files = {part.name: len(part.rows) for part in job.dataset.parts}
            tested = {name: len(rows) for name, rows in job.dataset.validation.items()}
            about = {**settings, "precision": kind, "trained": trained, "files": files, "tested_on": tested}
            _save(model, folder, about, partial, event, found, half)
        for each in (*partial, event):
            folders.write_event(folder, each)
            yield each
    if event["status"] == "done":
        _delete_state(folder)


def _judge(
    before: MultiTaskModel, after: MultiTaskModel, job: Job, trained: Sequence[str], kind: str, folder: Path
) -> dict[str, Any]:
    """Write what both models answer to the held-out rows; the scores of the model that the run began with, in the shape
    of an epoch's `validation`, and the verdicts.

    Tasks that it did not have, or had with other labels, are left out of its scores; but not those without a head of
    their own, as every model has embeddings.
    """
    from mtl import checkpoint
    from mtl.training.loop import precision
    from mtl.training.metrics import answered, scored
    from mtl.training.scores import by_set

    def meaning(spec: TaskSpec | None) -> tuple | None:
        return spec and (spec.kind, spec.labels)

    now = {spec.name: spec for spec in job.model.tasks}
    own = [name for name in trained if KINDS[now[name].kind].reads == "embedding"]
    if any(before.tasks.get(name) != now[name] for name in own):
        tasks = {**before.tasks, **{name: now[name] for name in own}}
        before = checkpoint.derive(before, replace(before.config, tasks=tuple(tasks.values()))).eval()
    known = [name for name in trained if meaning(before.tasks.get(name)) == meaning(now[name])]
    sets = job.dataset.validation
    with precision(before.device, kind):  # as the scores after each epoch are measured
        first = {name: answered(before, rows, known) for name, rows in sets.items()}
        last = {name: answered(after, rows, trained, learning=True) for name, rows in sets.items()}
    found = (answer for name, rows in sets.items() for answer in held_out.answers(name, rows, first[name], last[name]))
    held_out.write(folder / held_out.NAME, found)
    fitted = {name: after.head(name).thresholds.tolist() for name in trained if "thresholds" in after.head(name).fitted}
    if known := thresholds.gather(chain(*last.values()), fitted):
        thresholds.write(folder / thresholds.NAME, known)
    rows = [row for part in job.dataset.parts for row in part.rows]
    learned = {task: [row.labels[task] for row in rows if task in row.labels] for task in trained}
    verdicts = held_out.verdicts([*chain(*first.values())], [*chain(*last.values())], learned)
    return {
        "before": by_set({name: scored(outcomes) for name, outcomes in first.items()}),
        "verdicts": {task: asdict(verdict) for task, verdict in verdicts.items()},
    }


def _save(
    model: MultiTaskModel,
    folder: Path,
    settings: dict,
    partial: list[Event],
    end: Event,
    found: Limits | None,
    half: bool,
) -> None:
    import torch

    from mtl import checkpoint
    from mtl.training import card

    new = folder / "checkpoint.new"
    shutil.rmtree(new, ignore_errors=True)
    checkpoint.save(model, new, torch.float16 if half else None)
    # From all events, as the best epoch may be from before an interruption.
    progress = fold(Progress(), [*folders.events(folder), *partial, end])
    record = {
        **settings,
        "status": progress.status,
        "seconds": progress.seconds,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "epoch": progress.kept and progress.kept.number,
        "rows": progress.rows,
        "held_out": progress.held_out,
        "before": progress.before,
        "metrics": progress.validation,
        "forgetting": progress.forgetting,
        "moved": progress.moved,
        "unmeasured": progress.unmeasured,
    }
    folders.write_json(new / "train.json", record)
    (new / "README.md").write_text(card.text(model, record, found), encoding="utf-8")
    # Replaces the checkpoint of an earlier run or attempt only when it is complete.
    if (folder / "checkpoint").exists():
        (folder / "checkpoint").rename(folder / "checkpoint.old")
    new.rename(folder / "checkpoint")
    shutil.rmtree(folder / "checkpoint.old", ignore_errors=True)


def _repair_checkpoint(folder: Path) -> None:
    """Clean up after a process that was killed while it replaced the checkpoint."""
    if (folder / "checkpoint.old").exists() and not (folder / "checkpoint").exists():
        (folder / "checkpoint.old").rename(folder / "checkpoint")
    for rest in ("checkpoint.old", "checkpoint.new"):
        shutil.rmtree(folder / rest, ignore_errors=True)


def _delete_state(folder: Path) -> None:
    shutil.rmtree(folder / "state", ignore_errors=True)


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Write an exception as an `error` event and to traceback.txt, then raise it."""
    try:
        yield
    except Exception as error:
        for leftover in (folder / "reserve", *folder.rglob("*.part")):  # frees space for the message on a full disk
            leftover.unlink(missing_ok=True)
        message, hint = in_plain_words(error)
        message = message.replace(f"{folder}{os.sep}", "").replace(f"{folder.parent}{os.sep}", "")  # no server's paths
        with contextlib.suppress(OSError):
            (folder / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        # Last, as it marks the end of the run for its readers.
        with contextlib.suppress(OSError):
            folders.write_event(folder, {"event": "error", "message": message, "hint": hint})
        raise


# --- in the worker process ---


def main() -> int:
    """Carry out the runs in the folders that standard input names, one a line, until it ends; 0 if nothing failed.
    Until the first is named, warm up."""
    _lower_priority()
    gc.disable()  # almost nothing that is allocated before the run is garbage, and collecting it takes a tenth
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        while line := sys.stdin.readline():
            lines.put(line)
        lines.put("")  # the server has gone, or needs no more

    threading.Thread(target=listen, daemon=True).start()
    server = os.fdopen(os.dup(1), "w")  # what a run prints goes elsewhere
    try:
        line = lines.get(timeout=_GIVEN_AT_ONCE)
    except queue.Empty:
        _warm_up(lambda: not lines.empty())
        if lines.empty():
            gc.collect()
            print(_READY, file=server, flush=True)
        line = lines.get()
    while line:
        status = _work(Path(json.loads(line)))
        if status or not _recovered():
            return status
        with contextlib.suppress(OSError):  # it has gone
            print(_DONE, file=server, flush=True)
        line = lines.get()
    return 0


def _work(folder: Path) -> int:
    """Carry out a run, or its turn until it gives way; the exit status of the process if it shall end, else 0."""
    # On Windows a virtual environment's Python is a child of the process that was started.
    pids = {os.getpid(), os.getppid()} if os.name == "nt" else {os.getpid()}
    if folders.process_of(folder)["pid"] not in pids:
        return 3  # another server has chosen another process meanwhile
    stopping = threading.Event()
    with contextlib.ExitStack() as stack:
        # On shutdown, end with a checkpoint.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: stopping.set()))
        stack.enter_context(_beating(folder))
        try:
            with _reported(folder):
                stack.enter_context(_output_in(folder))
                stack.enter_context(sharing(folder.parent / _STATES))
            events = stack.enter_context(contextlib.closing(_given(folder, _either(Stop(stopping.is_set), folder))))
            for event in events:
                if event["event"] == "start":
                    epochs = event["config"]["train"]["epochs"]
                elif event["event"] == "epoch" and event["epoch"] < epochs and _gives_way(event, folder):
                    events.close()
                    folders.put_back(folder)
                    return 0
        except UserError:
            traceback.print_exc()  # into output.txt
        except Exception:
            traceback.print_exc()
            return 1
    folders.let_go(folder)
    return int(stopping.is_set())


def _gives_way(event: Event, folder: Path) -> bool:
    """Whether a run shall let another go first, now that this event of an epoch is written."""
    return event["whole"] and folders.asked_to_give_way(folder) and not folders.stop_requested(folder)


def _recovered() -> bool:
    """Free what a run has left behind; whether this process can carry out another as well as a new one."""
    gc.collect()  # of what came after the run's data was read: going through all imports would take a fifth of a run
    gc.disable()
    if (torch := sys.modules.get("torch")) and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return psutil.Process().memory_info().rss < _MOST_MEMORY


def turn(folder: Path, over: Callable[[float], bool]) -> bool:
    """Carry out the run that was put into `folder`, up to the end of an epoch; whether it is over.

    `over(seconds)`: whether there is no time for an epoch that takes so many, the longest so far. An exception ends the
    run, as its `error` event."""
    longest, began = 0.0, time.monotonic()
    try:
        with contextlib.closing(_given(folder, _either(Stop(), folder))) as events:
            for event in events:
                if event["event"] == "start":
                    began = time.monotonic()
                elif event["event"] == "epoch" and event["whole"]:
                    longest, began = max(longest, time.monotonic() - began), time.monotonic()
                    if over(longest):
                        return False
    except Exception:
        traceback.print_exc()
    return True


def _given(folder: Path, stop: Stop) -> Iterator[Event]:
    """Carry out the run that was put into `folder`, yielding its events (see `run`)."""
    try:
        with _reported(folder):
            (folder / "reserve").write_bytes(bytes(_RESERVE))
            # One that has come through an epoch before has a model to save, even if it shall end by now.
            begun = (folder / "state" / "state.safetensors").exists()
            try:
                with contextlib.nullcontext() if begun else stop.working():
                    ask()
                    job = _job(folder)
            except Stopped:
                yield _end_without_model(folder)
                return
            gc.freeze()
            gc.enable()
            yield from _carry_out(job, folder, stop)
    finally:
        (folder / "reserve").unlink(missing_ok=True)


def _job(folder: Path) -> Job:
    request = folders.read_json(folder / "config.json")
    try:
        config = TrainConfig.from_json(request["train"]) if "train" in request else None
        file, start_from, reading = folder / request["file"], request["start_from"], dict(request["reading"])
        if validation := request.get("validation"):
            reading["validation"] = folder / validation
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("The run's config.json is damaged. Start the run again.") from error
    from mtl.training.jobs import prepare

    return prepare(file, config, start_from, **reading)


def _lower_priority() -> None:
    process = psutil.Process()
    with contextlib.suppress(OSError, psutil.Error):
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else process.nice() + 10)
        # Linux may share the processor among sessions first, so that niceness counts only within one.
        Path("/proc/self/autogroup").write_text("10")


@contextlib.contextmanager
def _beating(folder: Path) -> Iterator[None]:
    """Touch the heartbeat every two seconds meanwhile."""
    over = threading.Event()

    def beat() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                (folder / "heartbeat").touch()
            over.wait(folders.HEARTBEAT_EVERY)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        over.set()


@contextlib.contextmanager
def _output_in(folder: Path) -> Iterator[None]:
    """Send what libraries print meanwhile, and the traceback of a crash, to output.txt."""
    import faulthandler

    faulthandler.enable()
    with (folder / "output.txt").open("ab") as output, open(os.devnull, "ab") as nowhere:
        _print_to(output)
        try:
            yield
        finally:
            _print_to(nowhere)


def _print_to(file) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for number in (1, 2):
        os.dup2(file.fileno(), number)


def _warm_up(enough: Callable[[], bool]) -> None:
    """Carry out two small runs, so that imports and lazy initialisation are paid before the real one."""
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(Exception):  # the real run will report the error
        from mtl.training.forgetting import PROBE
        from mtl.training.jobs import prepare

        table = Path(name) / "warm-up.csv"
        table.write_text("\n".join(PROBE.read_text(encoding="utf-8").splitlines()[:25]) + "\n", encoding="utf-8")
        for freeze in (-1, 0):
            for _ in run(prepare(table, TrainConfig(epochs=1, batch_size=8, freeze=freeze)), Path(name) / str(freeze)):
                if enough():
                    return


# --- in the server ---


class Worker:
    """A process that carries out the runs it is given, one at a time, and warms up until the first.

    It has a session of its own, so that it goes on training when the server closes; one without a run ends with the
    server, because its standard input closes. `alone`: no other process is likely to compute at the same time.
    Raises `OSError` if no process can be started.
    """

    def __init__(self, threads: int, alone: bool = False) -> None:
        detached: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        # Waiting threads spin for some microseconds: without spinning, training takes half as long again; by default
        # they spin so long that they occupy the core that the page needs. When two processes compute, spinning
        # would make both take three times as long.
        spins = "10000" if alone and threads > 1 else "0"
        limits = {"OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": spins, "RAYON_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtl.training.runs.worker"],
            cwd=HOME,
            env={**quiet, **limits, **os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **detached,
        )
        # Whether it waits for a run, and has warmed up.
        self.ready = threading.Event()
        self._given = self._done = False
        self._over = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def give(self, folder: Path) -> None:
        """Let it carry out the run in `folder`. Raises `OSError` if that cannot be written, or it has ended."""
        self._given, self._done = True, False
        self._over.clear()
        self.ready.clear()
        try:
            if not self.alive:
                raise BrokenPipeError("The waiting process has ended.")
            folders.write_process(folder, self._process.pid)
            self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
            self._process.stdin.flush()
        except BaseException:
            self.dismiss()
            raise

    def dismiss(self) -> None:
        """Let it end, after the run that it was given."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> int:
        """Wait until it is done with its run, 0, or has ended: its exit status, negative for a signal."""
        while not self._over.wait(1.0) and self.alive:
            pass
        return 0 if self._done else self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout:
            said = line.decode().strip()
            if said == _DONE:
                self._done = True
                self.ready.set()
                self._over.set()
            elif said == _READY and not self._given:
                self.ready.set()
        self._over.set()


if __name__ == "__main__":
    sys.exit(main())
