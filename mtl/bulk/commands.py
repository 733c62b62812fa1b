"""The commands `predict` and `embed` where OUT is a folder: their options, and what they print."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

from mtl import rays, terminal
from mtl.config import UserError, listed
from mtl.data.files import MAX_BYTES, too_big
from mtl.data.options import from_options
from mtl.text.values import plural

# The options that only a folder of parts has, and what they are where they are not given.
_OF_PARTS = {"id": None, "part_rows": None, "ray": False}
PART_ROWS = 4096


def add_options(sub: argparse.ArgumentParser) -> None:
    group = sub.add_argument_group("where OUT is a folder: for any number of rows, resumed by the same command")
    text = "keep this column and the answers alone (default: where each row comes from, and what the file has)"
    group.add_argument("--id", metavar="COLUMN", help=text)
    text = f"rows in each file of OUT: what is held in memory, and done anew after a crash (default {PART_ROWS:,})"
    group.add_argument("--part-rows", type=int, metavar="N", help=text)
    text = "spread the work over the cluster that `ray start` made; needs the extra ray"
    group.add_argument("--ray", action="store_true", help=text)


def is_in_parts(data: Path, out: Path, options: argparse.Namespace, endings: tuple[str, ...]) -> bool:
    """Whether OUT is a folder of parts, and not a file. Raises `UserError` where that does not go with the rest."""
    if out.is_dir() or not out.suffix:
        return True
    if data.is_dir() and out.suffix in endings:
        raise UserError(f"{data} is a folder, so OUT must be one too: {out.with_suffix('')}")
    for name, nothing in _OF_PARTS.items():
        if getattr(options, name) != nothing:
            raise UserError(f"--{name.replace('_', '-')} is for a folder as OUT, such as {out.with_suffix('')}.")
    if data.is_file() and data.stat().st_size > MAX_BYTES:
        raise UserError(f"{too_big(data.name, MAX_BYTES).partition(', the')[0]}: name a folder as OUT.")
    return False


def predict(options: argparse.Namespace, tasks: list[str] | None) -> None:
    import mtl
    from mtl.bulk.answering import Request
    from mtl.predictions import cautions

    if tasks == []:
        raise UserError("--tasks names no head, so that there is nothing to answer.")
    model = mtl.load(options.model)
    _carry_out(options, model, Request(tasks=None if tasks is None else tuple(tasks)))
    for caution in cautions(model.tasks, tasks):
        terminal.warn(caution)


def embed(options: argparse.Namespace) -> None:
    import mtl
    from mtl.bulk.answering import Request

    _carry_out(options, mtl.load(options.model), Request(True, pooling=options.pooling, raw=options.raw))


def _carry_out(options: argparse.Namespace, model: Any, request: Any) -> None:
    import dataclasses

    from mtl.bulk import files, work
    from mtl.bulk.answering import Answering
    from mtl.bulk.parts import Parts
    from mtl.checkpoint import DEFAULT, fingerprint
    from mtl.training.processes import Processes

    if Processes().count > 1:
        raise UserError("Several processes write one file: name one as OUT, or share the work by --ray.")
    found = files.find(Path(options.data))
    header, texts = _texts(options, found)
    texts = texts[:1] if request.embeddings else texts[:2]
    request = dataclasses.replace(request, pairs=len(texts) > 1)
    per_part = PART_ROWS if options.part_rows is None else options.part_rows
    if per_part < 1:
        raise UserError(f"--part-rows must be at least 1; it is {per_part}.")
    rows = work.Rows(texts, per_part, options.id or "", not request.embeddings, header)
    answering = Answering(model, request)
    parts = Parts(Path(options.out), found)
    if found.others:
        names = listed(map(found.name, found.others), most=3)
        terminal.warn(f"left out, as they cannot be read in parts: {names}.")
    lock = parts.claim()
    try:
        made_from = {
            "command": "embed" if request.embeddings else "predict",
            "model": fingerprint(options.model),
            "texts": [*texts],
            "id": rows.id,
            "columns": answering.schema.names,
            "pooling": request.pooling,
            "raw": request.raw,
            "header": header,
            "part_rows": per_part,
        }
        parts.check(made_from, {"model_name": options.model or DEFAULT})
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            answer = work.here(answering)
            if options.ray:
                from mtl.bulk.cluster import Cluster

                answer = Cluster(stack.enter_context(rays.connected()), options.model, request).answer
            progress = stack.enter_context(terminal.rows(made_from["command"], files.row_count(found.files)))
            done = work.carry_out(parts, rows, answer, progress)
        _say(done, time.monotonic() - began, options.out)
    finally:
        lock.release()


def _texts(options: argparse.Namespace, found: Any) -> tuple[bool, tuple[str, ...]]:
    """Whether a CSV's first line names its columns, and which of them are texts; said where that was guessed."""
    from mtl.bulk import files

    reading = from_options(options)
    header = reading.pop("header", True)
    if others := [name for name in reading if name not in ("text", "text_b")]:
        flag = {"roles": "role", "mapping": "label"}.get(others[0], others[0])
        raise UserError(f"--{flag} is for a table that is read whole; with a folder as OUT, --text and --text-b count.")
    table = next(filter(None, (files.sample(file, header, **reading) for file in found.files)), None)
    if table is None:
        raise UserError(f"There is no row in {options.data}.")
    names = tuple(table.text_columns)
    if not names:
        said = " ".join(f"{finding.problem} {finding.hint}" for finding in table.errors[:1])
        raise UserError(f"{options.data} has no text to answer for. {said}".strip())
    if "text" not in reading:
        terminal.warn(f"the texts are those in {listed(names[:2])}; --text names another column.")
    return header, names


def _say(done: Any, seconds: float, out: str) -> None:
    if not done.parts:
        terminal.say(f"{'All' if done.before else 'No rows:'} {plural(done.before, 'part')} were there before: {out}")
        return
    rate = done.rows / seconds
    said = [f"{plural(done.rows, 'row')} in {plural(done.parts, 'part')}, {rate:,.0f} rows a second"]
    if done.without_text:
        said.append(f"{done.without_text:,} of them without a text, and so without an answer")
    if done.before:
        said.append(f"{plural(done.before, 'part')} more {'was' if done.before == 1 else 'were'} there before")
    terminal.say(f"{'; '.join(said)}: {out}")
