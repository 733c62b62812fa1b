"""Makes the default model again from the published encoder, in the steps that `steps.toml` in its folder lists.

Every step is one command of this program and fills one folder. What is done already is not done again: a step is run
when its command, its recipe, its data or a step that it builds on is not as it was.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mtl import checkpoint
from mtl.config import UserError, listed
from mtl.data.dataset import Recipe
from mtl.files import json_or_nothing, read_json, write_json
from mtl.places import ASSETS, HOME
from mtl.tools import written

FOLDER = checkpoint.DEFAULT_FOLDER
STEPS = FOLDER / "steps.toml"
# Runs a command of this program and gives its exit status.
Run = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Step:
    """One command, `train` or `mix`, whose output is the folder `name`.

    `command` has recipes by their paths in the default model's folder, `{name}` for the model that an earlier step
    made, and `{backbone}` and `{teacher}` for the two encoders that all begins with. `why`: what it is there for;
    `minutes`: how long it took on one core, 0 where that was not written down.
    """

    name: str
    command: str
    why: str
    minutes: float = 0

    @property
    def trains(self) -> bool:
        return self.command.startswith("train ")

    @property
    def model(self) -> str:
        """Where its checkpoint is, from the folder of all steps."""
        return f"{self.name}/checkpoint" if self.trains else self.name

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Its recipes by their paths in the default model's folder."""
        return {word: Recipe.read(FOLDER / word) for word in self.command.split() if word.endswith(".json")}

    @property
    def files(self) -> set[str]:
        """The data files that its recipes read."""
        return {s.file for recipe in self.recipes.values() for s in (*recipe.train_on, *recipe.validate_on)}

    @property
    def builds_on(self) -> set[str]:
        """The names in its command, and the steps whose models are teachers in its recipes."""
        teachers = (s.teacher.split("/")[0] for recipe in self.recipes.values() for s in recipe.train_on)
        return {*re.findall(r"{([^{}]+)}", self.command), *filter(None, teachers)}


def steps() -> tuple[list[Step], dict[str, str]]:
    """The steps in their order, and what the two encoders are called."""
    data = tomllib.loads(STEPS.read_text(encoding="utf-8"))
    return [Step(**each) for each in data["steps"]], data["encoders"]


def rebuild(
    data: Path,
    work: Path,
    share: float = 1.0,
    encoders: Mapping[str, str] | None = None,
    run: Run | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """The folder of the model that the last step makes, in `work`, from the public data sets in the folder `data`.

    `share`: the part of the rows that each training step sees, to try whether all of it runs. `encoders` replaces the
    published ones by name. Raises `UserError` for files that are missing, before anything is run, and when a step
    fails.
    """
    todo, published = steps()
    encoders = {**published, **(encoders or {})}
    run = run or _run
    work.mkdir(parents=True, exist_ok=True)
    digests = _collect(data, work, todo)
    keys = {name: f"{name} {where}" for name, where in encoders.items()}
    models = dict(encoders)
    for number, step in enumerate(todo, 1):
        inputs = [step.command, str(share), *(keys[name] for name in sorted(step.builds_on))]
        inputs += [digests[file] for file in sorted(step.files)]
        inputs += [(FOLDER / recipe).read_text(encoding="utf-8") for recipe in step.recipes]
        keys[step.name] = hashlib.sha256("\0".join(inputs).encode()).hexdigest()
        title = f"Step {number} of {len(todo)}, {step.name}"
        if (seconds := _seconds(step, work, keys[step.name])) is not None:
            say(f"{title}: done before, in {seconds / 60:.0f} min.")
        else:
            say(f"{title}: {step.why}{f' {step.minutes:g} min on one core.' if step.minutes else ''}")
            _carry_out(step, work, keys[step.name], _arguments(step, work, share, models), run)
        models[step.name] = str(work / step.model)
    return work / todo[-1].model


def _run(arguments: Sequence[str]) -> int:
    """In a process of its own, so that Ctrl+C ends a training as it does elsewhere: with what it can go on from."""
    with subprocess.Popen([sys.executable, "-m", "mtl", *arguments], cwd=HOME) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def _collect(data: Path, work: Path, todo: Iterable[Step]) -> dict[str, str]:
    """Put all data files into the folder `work`; their digests by name."""
    written.write(work)
    own = {path.name: path for path in (*(FOLDER / "recipes").glob("*.csv"), *(ASSETS / "samples").glob("*.csv"))}
    needed = sorted({file for step in todo for file in step.files})
    made = {f"{table}.jsonl" for table in written.tables()}
    missing = [file for file in needed if file not in {*made, *own} and not (data / file).is_file()]
    if missing:
        problem = f"{data} has no {listed(missing)}." if data.is_dir() else f"There is no folder {data}."
        raise UserError(f"{problem} assets/models/default/README.md says what these files are.")
    digests = {}
    for file in needed:
        if file not in made:
            shutil.copyfile(own.get(file, data / file), work / file)
        digests[file] = hashlib.sha256((work / file).read_bytes()).hexdigest()
    return digests


def _arguments(step: Step, work: Path, share: float, models: Mapping[str, str]) -> list[str]:
    words = []
    for word in step.command.split():
        if word in step.recipes:
            word = str(FOLDER / word if share == 1 else _shrunk(word, work, share))
        words.append(re.sub(r"{([^{}]+)}", lambda match: models[match[1]], word))
    return [*words, "--data-dir", str(work), "--out", str(work / step.name)]


def _shrunk(recipe: str, work: Path, share: float) -> Path:
    """A copy of a recipe that sees a share of the rows."""
    data = read_json(FOLDER / recipe)
    for source in data["train_on"]:
        source["weight"] = source.get("weight", 1.0) * share
        if source.get("variations"):
            source["variations"] = max(1, round(source["variations"] * share))
    path = work / f"a-part-of-{Path(recipe).name}"
    write_json(path, data)
    return path


def _seconds(step: Step, work: Path, key: str) -> float | None:
    """How long it took to carry out a step just as it is now, None if that has not been done."""
    record = json_or_nothing(work / f"{step.name}.json")
    return record.get("seconds") if record.get("key") == key and (work / step.model).is_dir() else None


def _carry_out(step: Step, work: Path, key: str, arguments: list[str], run: Run) -> None:
    record, out = work / f"{step.name}.json", work / step.name
    if json_or_nothing(record).get("key") == key and (out / "state").is_dir():
        arguments = [*arguments, "--resume"]  # it was interrupted
    else:
        shutil.rmtree(out, ignore_errors=True)
    write_json(record, {"key": key})
    began = time.monotonic()
    if run(arguments):
        raise UserError(f"The step {step.name} failed. The same command goes on from there, once that is mended.")
    write_json(record, {"key": key, "seconds": round(time.monotonic() - began, 1)})
