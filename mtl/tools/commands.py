"""The commands of the tools: their options, and what they print. A tool is imported when its command runs."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mtl import terminal
from mtl.config import UserError
from mtl.files import write_json
from mtl.places import checkout

if TYPE_CHECKING:
    from mtl.tools.space import Kind

# Where `evaluate --default` looks for its data sets unless told otherwise.
DATA_DIR = "data"


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands. `command(name, run, help, *shared)` makes the parser of one, with some shared options."""
    text = "One checkpoint out of several of one kind: the mean of their weights."
    sub = command("mix", _mix, text, "--data-dir", "--half")
    sub.add_argument("models", nargs="+", metavar="DIR", help="checkpoints that grew out of the same model")
    text = "how much each counts, in the same order (default: the same); after the folders"
    sub.add_argument("--shares", nargs="+", type=float, metavar="S", help=text)
    sub.add_argument("--out", metavar="DIR", required=True, help="the folder of the new checkpoint")
    sub.add_argument("--calibrate", metavar="DATA", help="fit temperatures to the validation rows of a table or recipe")

    sub = command("scenarios", _scenarios, "Measure every preset on workshop.csv: the figures of the page's Learn tab.")
    sub.add_argument("--out", metavar="FILE", help="where to write them (default: assets/scenarios.json)")

    text = "Make the default model's statistics of its training texts, or measure them with --check."
    sub = command("familiarity", _familiarity, text, "--model")
    sub.add_argument("--data-dir", metavar="DIR", help="the folder of the data sets in the default model's README")
    text = "measure on a table with the columns group, familiar (yes or no) and text, and on the dev sets in --data-dir"
    sub.add_argument("--check", metavar="TABLE", help=text)
    sub.add_argument("--json", action="store_true", help="with --check: JSON, with the texts that came out wrong")

    text = "Write the rows that were written for training the default model, as tables in JSON Lines."
    sub = command("written", _written, text)
    sub.add_argument("out", metavar="OUT", help="a folder that is new or empty")

    text = "Make the default model again from the published encoder, step by step; what is done is not done again."
    sub = command("rebuild", _rebuild, text)
    sub.add_argument("data", metavar="DIR", help="the folder of the data sets in the default model's README")
    text = "the folder of the steps (default: runs/rebuild); the model is in that of the last one"
    sub.add_argument("--out", metavar="DIR", default="runs/rebuild", help=text)
    text = "how much of the rows each training step sees, to try whether all of it runs (default: 1)"
    sub.add_argument("--share", metavar="N", type=float, default=1.0, help=text)
    text = "the folder of the larger encoder that teaches (default: it is downloaded from the Hugging Face Hub)"
    sub.add_argument("--teacher", metavar="DIR", help=text)

    text = "Write a folder that Hugging Face Spaces takes as it is; without OUT, the settings on top of README.md."
    sub = command("space", _space, text)
    sub.add_argument("out", nargs="?", metavar="OUT", help="a folder that is new or empty")
    sub.add_argument("--zerogpu", action="store_true", help="for ZeroGPU (default: for processors)")
    text = "the folder that the Space's bucket is mounted at, where runs outlive a restart"
    sub.add_argument("--bucket", metavar="PATH", default="", help=text)
    text = "switch on signing in by Hugging Face, for members of this organisation alone"
    sub.add_argument("--org", metavar="ORG", default="", help=text)
    text = "upload it to this Space, after a question; made if it is not there"
    sub.add_argument("--push", metavar="OWNER/NAME", help=text)
    sub.add_argument("--yes", action="store_true", help="with --push: do not ask")


def _new_folder(name: str) -> Path:
    """The folder to write into, before anything is done. Raises `UserError` if it is there already."""
    out = Path(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already. Name a folder that is new or empty.")
    return out


def _mix(options: argparse.Namespace) -> None:
    import torch

    from mtl import checkpoint
    from mtl.tools.mixing import mix
    from mtl.training import jobs
    from mtl.training.calibration import calibrate

    out = _new_folder(options.out)
    model = mix([checkpoint.load(name, dtype="float32") for name in options.models], options.shares)
    if options.calibrate:
        job = jobs.prepare(options.calibrate, None, options.models[0], options.data_dir)
        rows = [row for held_out in job.dataset.validation.values() for row in held_out]
        temperatures = calibrate(model, rows, [*model.tasks])
        for task, value in temperatures.items():
            terminal.say(f"{task}: temperature {value:.3f}")
        if not temperatures:
            terminal.warn(f"{options.calibrate} has too few validation rows with labels to calibrate on.")
    checkpoint.save(model, out, torch.float16 if options.half else None)
    terminal.say(f"Checkpoint: {options.out}")


def scorecard(options: argparse.Namespace) -> None:
    """The command `evaluate --default`."""
    from mtl import checkpoint
    from mtl.tools.scorecard import WHERE, measure, table

    if options.data:
        raise UserError(f"--default has files of its own, in --data-dir. Leave {options.data} or --default out.")
    folder = options.data_dir or (DATA_DIR if Path(DATA_DIR).is_dir() else None)
    rows = measure(checkpoint.load(options.model), folder)
    print(json.dumps(rows, indent=2, ensure_ascii=False) if options.json else table(rows))
    if folder is None:
        terminal.warn(f"the figures on dev splits are left out: there is no folder {DATA_DIR}. {WHERE}")


def _scenarios(options: argparse.Namespace) -> None:
    out = Path(options.out) if options.out else checkout("mtl scenarios") / "assets" / "scenarios.json"
    if not out.parent.is_dir():  # before measuring, which takes minutes
        raise UserError(f"There is no folder {out.parent}.")
    from mtl.tools import scenarios

    figures = scenarios.measure(say=lambda line: terminal.warn(f"{line} ..."))
    write_json(out, figures)
    terminal.say(f"Figures of {len(figures['scenarios'])} presets: {out}")


def _familiarity(options: argparse.Namespace) -> None:
    from mtl import checkpoint, weights
    from mtl.tools import familiarity

    if options.check:
        rows = familiarity.measure(checkpoint.load(options.model), options.check, options.data_dir)
        print(json.dumps(rows, indent=2, ensure_ascii=False) if options.json else familiarity.table(rows))
        return
    if not options.data_dir or options.model:
        raise UserError("Only the default model's statistics are made here, from --data-dir; runs write their own.")
    checkout("mtl familiarity")
    familiarity.make(options.data_dir).write(checkpoint.DEFAULT_FOLDER)
    terminal.say(f"Statistics of the training texts: {checkpoint.DEFAULT_FOLDER / weights.FAMILIARITY}")


def _written(options: argparse.Namespace) -> None:
    from mtl.tools import written

    out = _new_folder(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for file, count in written.write(out).items():
        terminal.say(f"{out / file}: {count:,} rows")


def _rebuild(options: argparse.Namespace) -> None:
    from mtl.tools.rebuild import rebuild

    if not 0 < options.share <= 1:
        raise UserError(f"--share must be above 0 and at most 1; it is {options.share:g}.")
    encoders = {"teacher": str(Path(options.teacher).absolute())} if options.teacher else {}
    out = Path(options.out).absolute()
    model = rebuild(Path(options.data).absolute(), out, options.share, encoders, say=terminal.say)
    terminal.say(f"The model: {model}")


def _space(options: argparse.Namespace) -> None:
    from mtl.tools import space

    kind = space.Kind(options.zerogpu, options.bucket, options.org)
    if not options.out and not options.push:
        if kind != space.Kind():
            raise UserError("--zerogpu, --bucket and --org are of a Space's folder. Name it: mtl space OUT")
        done = "was rewritten from" if space.rewrite(checkout("mtl space")) else "already equals"
        terminal.say(f"README.md: the block on top {done} Spacefile.")
    elif not options.push:
        out = _new_folder(options.out)
        size = space.write(out, kind)
        terminal.say(f"{out}: a Space of {size / 1e6:.0f} MB. To upload it: mtl space --push OWNER/NAME, or hf upload")
    else:
        with tempfile.TemporaryDirectory() as name:
            _push(_new_folder(options.out or f"{name}/space"), kind, options.push, options.yes)


def _push(out: Path, kind: Kind, name: str, sure: bool) -> None:
    from mtl.tools import hub, space

    hub.require_terminal(sure)
    target = hub.find(name)
    space.write(out, kind)
    if not sure:
        hub.ask(target.question)
    terminal.say(f"Uploaded: {hub.push(target, out, kind.hardware)}")
