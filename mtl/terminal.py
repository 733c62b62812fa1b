"""The output of the command line for people: progress bars, scores, the events of a run, the doctor's findings."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS, listed
from mtl.data.options import in_a_shell
from mtl.data.rows import Item, place
from mtl.sheets import apostrophes
from mtl.text.values import cut
from mtl.training.held_out import sentence
from mtl.training.progress import Progress, fold
from mtl.training.scores import FEW, each_task, row_count

if TYPE_CHECKING:
    from mtl.data.labels import LabelMatch
    from mtl.data.matching import ColumnMatch
    from mtl.data.rows import Finding, Table


# Texts from files may contain control sequences, which change a terminal's colours, title or cursor.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


# So many rows are shown as they were read, and so many findings where the doctor was not asked.
_SAMPLE, _WARNINGS = 3, 20


def _plain(text: str) -> str:
    return text.translate(_CONTROLS)


def say(line: str) -> None:
    """Print a line on standard output."""
    print(_plain(line))


def warn(line: str) -> None:
    """Print a line on standard error, prefixed by the program's name."""
    print(_plain(f"mtl: {line}"), file=sys.stderr)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, hidden for short input or in a pipe; its function takes (done, total)."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit="text", disable=None if total > 200 else True, leave=False) as bar:
        yield lambda done, _: bar.update(done - bar.n)


@contextmanager
def rows(what: str, total: int | None) -> Iterator[Callable[[int, bool], None]]:
    """A bar of rows with their rate on standard error, hidden in a pipe; its function takes so many more rows, and
    whether they count for the rate. `total`: of how many, if that is known."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit=" rows", unit_scale=True, disable=None, leave=False) as bar:

        def add(count: int, timed: bool) -> None:
            if not timed and not bar.disable:
                bar.initial += count
            bar.update(count)

        yield add


def print_json(event: dict) -> None:
    """Print a run's event as a line of JSON, unbuffered."""
    print(json.dumps(event, ensure_ascii=False), flush=True)


class RunPrinter:
    """Shows a run's events: a bar for steps, a line for each epoch."""

    def __init__(self) -> None:
        self._bar = None
        self._progress = Progress()

    def __call__(self, event: dict) -> None:
        from tqdm import tqdm

        now = self._progress = fold(self._progress, [event])
        if event["event"] == "start":
            for note in now.notes:
                say(note)
            learn, frozen = sum(event["trainable"].values()), sum(event["frozen"].values())
            say(f"{now.rows} rows, {now.steps} steps; {learn:,} weights learn, {frozen:,} are frozen.")
            self._bar = tqdm(total=now.steps, unit="step", disable=None, leave=False)
        elif event["event"] == "step":
            self._bar.update(now.step - self._bar.n)
            self._bar.set_postfix({name: f"{loss:.3f}" for name, loss in event["loss"].items()}, refresh=False)
        elif event["event"] == "epoch":
            scores = "; ".join(_main_scores(event["validation"])) or "no validation rows"
            tqdm.write(_plain(f"epoch {now.past[-1].number} ({now.seconds:.0f} s): {scores}"))
        elif event["event"] == "freeze":
            frozen = event["frozen_groups"]
            tqdm.write(f"epoch {event['epoch']}: the lowest {frozen} layer groups are frozen from here on")
        elif event["event"] == "end":
            if self._bar is not None:
                self._bar.close()
            say(f"{now.status} after {now.step} steps in {now.seconds:.1f} s")
            if not now.checkpoint:
                say("It had finished no epoch, so it leaves no model.")
            if now.unmeasured:
                say(f"Not measured, for lack of time: {listed(now.unmeasured)}.")
            for task, verdict in now.verdicts.items():
                say(sentence(task, now.kinds[task], verdict))
            for said in now.cautions.values():
                say(said)
            for task, epoch in now.better_elsewhere.items():
                say(f"{task} scored higher after epoch {epoch.number} than after the kept epoch {now.kept.number}")


def _main_scores(validation: dict) -> Iterator[str]:
    """The two main scores of each task."""
    main = dict.fromkeys(metric.name for kind in KINDS.values() for metric in kind.metrics[:2])
    for rows, task, scores in each_task(validation):
        shown = " ".join(f"{name} {scores[name]:.3f}" for name in main if name in scores)
        little = f" ({row_count(scores)})" if scores["rows"] < FEW else ""
        yield f"{rows} {task} {shown}{little}".lstrip()


def show_scores(scores: dict) -> None:
    """Print the scores of tasks, as `mtl.training.metrics.evaluate` gives them."""
    for name, value in scores.items():
        say(f"{name} ({row_count(value, which='')})")
        for key, score in value.items():
            if isinstance(score, float):
                say(f"  {key:<18} {score:.4f}")
        for label, parts in value.get("per_class", {}).items():
            say(f"  {label:<18} " + "  ".join(f"{k} {v:.3f}" if k != "rows" else f"{v} rows" for k, v in parts.items()))


def show_diagnosis(name: str, table: Table, matches: Mapping[str, ColumnMatch]) -> None:
    """Print the doctor's account of a table: its columns, the task that each is for, and the findings."""
    say(f"{name}: {len(table.rows)} rows ({table.format}, {table.encoding})")
    for column in table.columns:
        role = column.role if column.kind is None else f"{column.role}, {column.kind}"
        say(f"  {column.name}: {role}. {column.reason}")
        if column.name in matches:
            for line in _match_lines(column.name, matches[column.name]):
                say(f"      {line}")
    for finding in table.findings:
        say(f"{finding.level}{_where(finding)}: {finding.problem} {finding.action} {finding.hint}".rstrip())
    if not table.findings:
        say("Nothing is wrong with it.")


def warn_of(table: Table, training: bool = True) -> None:
    """Say on standard error what of a table was left out, or perhaps read otherwise than meant, and if it is for
    `training`, what makes that hard."""
    from mtl.data.findings import ABOUT_TRAINING

    found = [f for f in table.findings if f.level != "note" and (training or f.code not in ABOUT_TRAINING)]
    for finding in found[:_WARNINGS]:
        warn(f"{finding.level}{_where(finding)}: {finding.problem} {finding.action}")
    if len(found) > _WARNINGS:
        warn(f"{len(found) - _WARNINGS} more; mtl doctor lists all.")


def warn_of_formulas(texts: int) -> None:
    """Say that so many texts have an apostrophe before them in a CSV."""
    if said := apostrophes(texts):
        warn(f"{said} Parquet has every text as it was.")


def _where(finding: Finding) -> str:
    return (f" {place(finding.line)}" if finding.line else "") + f" [{finding.column}]" * bool(finding.column)


def _match_lines(name: str, column: ColumnMatch) -> list[str]:
    """The task that a column is for, and what its labels mean to the head."""
    if column.spec is None:
        return [column.note]
    task = repr(column.spec.name)
    new = f"gets a new head, {task}" if column.has_head else f"trains the embedding itself, as {task}"
    lines = [f"teaches the model's task {task}" if column.reuses_head else new]
    if column.match:
        meaning = column.match.meaning
        if same := [label for label, meant in meaning.items() if label == meant]:
            lines.append(f"with {cut(listed(same), 300)}")
        reasons = _reasons(column.match)
        lines += [f"{label} -> {meaning[label] or 'left out'} ({why})" for label, why in reasons.items()]
        lines.append(f"to have a label read as another: {in_a_shell(mapping={name: {'LABEL': 'OTHER'}})}")
    return lines


def _reasons(match: LabelMatch) -> dict[str, str]:
    """Label -> reason, for labels that are read as another one or left out."""
    return {label: match.reasons[label] for label, meant in match.meaning.items() if label != meant}


def _line(line: int | None) -> dict[str, int | None]:
    return {"line": line} | ({"item": line.item} if isinstance(line, Item) else {})


def diagnosis(table: Table, matches: Mapping[str, ColumnMatch]) -> dict[str, Any]:
    """The doctor's account as JSON data."""
    columns, findings = ([dataclasses.asdict(x) for x in xs] for xs in (table.columns, table.findings))
    for finding in findings:
        finding |= _line(finding["line"])
    for column in columns:
        if match := matches.get(column["name"]):
            labels = match.match
            column["teaches"] = {
                "task": match.spec and match.spec.name,
                "new_head": bool(match.spec) and not match.reuses_head,
                "labels": labels.meaning if labels else {},
                "reasons": _reasons(labels) if labels else {},
            }
    kinds = {name: KINDS[column.kind] for name, column in table.tasks().items()}
    sample = [
        {
            **_line(row.line),
            **dict(zip(("text", "text_b", "negative"), row.texts, strict=False)),
            "labels": {name: kinds[name].to_json(value) for name, value in row.labels.items()},
        }
        for row in table.rows[:_SAMPLE]
    ]
    about = {"rows": len(table.rows), "format": table.format, "encoding": table.encoding}
    return {**about, "columns": columns, "findings": findings, "sample": sample}
