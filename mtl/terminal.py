"""What the command line shows to people: progress, answers, scores, the events of a run, what the doctor found."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mtl.config import KINDS
from mtl.text.values import cut
from mtl.training.progress import Progress, fold

if TYPE_CHECKING:
    from mtl.data.labels import LabelMatch
    from mtl.data.matching import ColumnMatch
    from mtl.data.rows import Table


# A text that somebody else wrote may hold what a terminal obeys: colours, a new title, a cursor that goes back.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def _plain(text: str) -> str:
    return text.translate(_CONTROLS)


def say(line: str) -> None:
    """A line on standard output."""
    print(_plain(line))


def warn(line: str) -> None:
    """A line on standard error, which says who speaks."""
    print(_plain(f"mtl: {line}"), file=sys.stderr)


def progress(what: str, total: int) -> tuple[Callable[[int, int], None], Callable[[], None]]:
    """(progress function, close) of a bar on standard error; nothing is shown for short input or in a pipe."""
    from tqdm import tqdm

    bar = tqdm(total=total, desc=what, unit="text", disable=None if total > 200 else True, leave=False)
    return (lambda done, _: bar.update(done - bar.n)), bar.close


def print_json(event: dict) -> None:
    """A run's event as a line of JSON, at once."""
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
            learn, still = sum(event["trainable"].values()), sum(event["frozen"].values())
            say(f"{now.rows} rows, {now.steps} steps; {learn:,} weights learn, {still:,} are frozen.")
            self._bar = tqdm(total=now.steps, unit="step", disable=None, leave=False)
        elif event["event"] == "step":
            self._bar.update(now.step - self._bar.n)
            self._bar.set_postfix({name: f"{loss:.3f}" for name, loss in event["loss"].items()}, refresh=False)
        elif event["event"] == "epoch":
            scores = "; ".join(_score_parts(event["validation"])) or "no validation rows"
            tqdm.write(_plain(f"epoch {now.past[-1].number} ({now.seconds:.0f} s): {scores}"))
        elif event["event"] == "freeze":
            tqdm.write(
                f"epoch {event['epoch']}: the lowest {event['frozen_groups']} layer groups are frozen from here on"
            )
        elif event["event"] == "end":
            self._bar.close()
            say(f"{now.status} after {now.step} steps in {now.seconds:.1f} s")
            for task, epoch in now.better_elsewhere.items():
                say(
                    f"{task} scored higher after epoch {epoch.number} than after epoch {now.kept.number}, which is kept"
                )


def _score_parts(scores: dict, where: str = "") -> list[str]:
    parts = []
    for name, value in scores.items():
        if "rows" in value:
            main = dict.fromkeys(metric.name for kind in KINDS.values() for metric in kind.metrics[:2])
            shown = " ".join(f"{key} {value[key]:.3f}" for key in main if key in value)
            parts.append(f"{where}{name} {shown}")
        else:
            parts += _score_parts(value, f"{name} ")
    return parts


def show_scores(scores: dict) -> None:
    """The scores of tasks, as `mtl.training.metrics.evaluate` gives them."""
    for name, value in scores.items():
        say(f"{name} ({value['rows']} rows)")
        for key, score in value.items():
            if isinstance(score, float):
                say(f"  {key:<18} {score:.4f}")
        for label, parts in value.get("per_class", {}).items():
            say(f"  {label:<18} " + "  ".join(f"{k} {v:.3f}" if k != "rows" else f"{v} rows" for k, v in parts.items()))


def show_diagnosis(name: str, table: Table, teaches: Mapping[str, ColumnMatch]) -> None:
    """What the doctor says of a table: its columns, what each teaches, and the findings."""
    say(f"{name}: {len(table.rows)} rows ({table.format}, {table.encoding})")
    for column in table.columns:
        role = column.role if column.kind is None else f"{column.role}, {column.kind}"
        say(f"  {column.name}: {role}. {column.reason}")
        if column.name in teaches:
            for line in _lesson(column.name, teaches[column.name]):
                say(f"      {line}")
    for finding in table.findings:
        where = "".join(
            (f" line {finding.line}" if finding.line else "", f" [{finding.column}]" if finding.column else "")
        )
        say(f"{finding.level}{where}: {finding.problem} {finding.action} {finding.hint}".rstrip())
    if not table.findings:
        say("Nothing is wrong with it.")


def _lesson(column: str, taught: ColumnMatch) -> list[str]:
    """What a column teaches, and what its labels mean to the head."""
    if taught.spec is None:
        return [taught.note]
    name = repr(taught.spec.name)
    lines = [f"teaches the model's task {name}" if taught.reuses_head else f"gets a new head, {name}"]
    if taught.match:
        meaning = taught.match.meaning
        if same := [found for found, meant in meaning.items() if found == meant]:
            lines.append(f"with {cut(', '.join(same), 300)}")
        lines += [f"{found} -> {meaning[found] or 'left out'} ({why})" for found, why in _reasons(taught.match).items()]
        lines.append(f"to have a label read as another: --label '{column}:LABEL=OTHER'")
    return lines


def _reasons(match: LabelMatch) -> dict[str, str]:
    """Why a label is read as another one or left out, for those that are."""
    return {found: match.reasons[found] for found, meant in match.meaning.items() if found != meant}


def diagnosis(table: Table, teaches: Mapping[str, ColumnMatch]) -> dict[str, Any]:
    """The same as plain data."""
    columns, findings = ([dataclasses.asdict(x) for x in xs] for xs in (table.columns, table.findings))
    for column in columns:
        if taught := teaches.get(column["name"]):
            match = taught.match
            column["teaches"] = {
                "task": taught.spec and taught.spec.name,
                "new_head": bool(taught.spec) and not taught.reuses_head,
                "labels": match.meaning if match else {},
                "reasons": _reasons(match) if match else {},
            }
    about = {"rows": len(table.rows), "format": table.format, "encoding": table.encoding}
    return {**about, "columns": columns, "findings": findings}
