"""The command line: `mtl COMMAND`, or `python -m mtl COMMAND`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl import __version__, terminal
from mtl.bulk import commands as bulk
from mtl.config import KINDS, POOLINGS, TrainConfig, UserError, listed, settings, settings_in
from mtl.data.columns import USES
from mtl.data.options import from_options
from mtl.files import read_json
from mtl.predictions import ENDINGS, cautions, predict, unanswered, write_columns
from mtl.stopping import Stop
from mtl.text.values import plural
from mtl.tools import commands as tools

if TYPE_CHECKING:
    from mtl.onnx import Comparison


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Its exit status: 0 when it has done its work, 1 if it cannot, which one line on standard error
    explains, 130 after Ctrl+C. Raises `SystemExit` with 2 if there is no such command or option."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # for terminals that lack a character
    # Read by these libraries when they are imported, which happens later, inside the commands.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    try:
        options = _parser().parse_args(arguments)
        return options.run(options) or 0
    except UserError as error:
        terminal.warn(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.warn("stopped.")
        return 130
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:
        from mtl.training.runs.errors import disk_is_full

        if disk_is_full(error):
            terminal.warn("the disk is full: free some space, then run the command again.")
        elif isinstance(error, OSError):
            terminal.warn(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}.")
        else:
            raise
        return 1


def _discard_output() -> None:
    """Print to nowhere from now on, as the reader (`| head`) has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_TASKS = "only these heads, with commas between"
_SHELLS = ("bash", "zsh", "fish")
# What arguments that are files or folders are called in the help.
_PATHS = {"DATA", "DIR", "DIR|ID", "FILE", "MODEL", "OUT", "TABLE", "TEXT"}
# Options of several commands.
_SHARED = {
    "--model": {
        "metavar": "DIR|ID",
        "help": "a checkpoint, a backbone's folder or a Hub id; default: the bundled model",
    },
    "--data-dir": {"metavar": "DIR", "help": "where a recipe's files are (default: beside the recipe)"},
    "--half": {"action": "store_true", "help": "store the weights in half precision"},
    "--pooling": {"help": f"how the embedding is pooled: {listed(POOLINGS, 'or')}"},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mtl", description="Multi-task sentence transformers.")
    parser.add_argument("--version", action="version", version=f"mtl {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable, text: str, *shared: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        for flag in shared:
            sub.add_argument(flag, **_SHARED[flag])
        return sub

    text = "Embedding, sentiment, intensity, topic and entities of sentences."
    sub = command("analyze", _analyze, text, "--model", "--pooling")
    sub.add_argument("texts", nargs="*", metavar="SENTENCE", help="sentences; none: one per line from standard input")
    sub.add_argument("--tasks", help=_TASKS)
    sub.add_argument("--json", action="store_true", help="a JSON list with one object per sentence")

    text = "How alike two texts are, and what the model's heads for two texts say of them."
    sub = command("compare", _compare, text, "--model", "--pooling")
    sub.add_argument("texts", nargs="+", metavar="TEXT", help="two texts, or a file with two texts in a row")
    sub.add_argument("--json", action="store_true", help="a JSON list with one object per pair")
    _add_reading_options(sub)

    text = "Train on a table, CoNLL file or recipe, into a run folder."
    sub = command("train", _train, text, "--model", "--data-dir", "--half")
    sub.add_argument("data", metavar="DATA", help="a table (CSV, JSON, Excel, CoNLL ...), or a recipe of several")
    sub.add_argument("--out", metavar="DIR", default="runs/latest", help="the run folder (default: runs/latest)")
    sub.add_argument("--config", metavar="FILE", help="settings as JSON; the options below override it")
    sub.add_argument("--resume", action="store_true", help="go on after the last whole epoch of the run in --out")
    sub.add_argument("--json", action="store_true", help="print each event as a line of JSON")
    _add_reading_options(sub)
    _add_train_options(sub)

    sub = command("evaluate", _evaluate, "Scores on labelled data.", "--model")
    sub.add_argument("data", metavar="DATA", nargs="?", help="a table")
    sub.add_argument("--default", action="store_true", help="the default model's own table of figures")
    text = (
        f"where --default finds the data sets of its figures on dev splits (default: {tools.DATA_DIR}, if it is there)"
    )
    sub.add_argument("--data-dir", metavar="DIR", help=text)
    sub.add_argument("--json", action="store_true", help="all scores as JSON")
    _add_reading_options(sub)

    text = "A model's card: what it answers, what it gets wrong, its data, its scores, how it was made."
    sub = command("card", _card, text)
    sub.add_argument(
        "model", metavar="MODEL", nargs="?", help="as --model of the other commands; default: the bundled one"
    )

    text = "What is in a table, and what is wrong with it, line by line."
    sub = command("doctor", _doctor, text, "--model")
    sub.add_argument("data", metavar="DATA")
    sub.add_argument("--json", action="store_true", help="columns, findings and the first rows as JSON")
    _add_reading_options(sub)

    in_parts = "for a folder as OUT also a folder of Parquet, CSV, TSV or JSON Lines"
    sub = command("embed", _embed, "Embeddings of every text of a file.", "--model", "--pooling")
    sub.add_argument("data", metavar="DATA", help=f"a table, or a file with one text per line; {in_parts}")
    sub.add_argument("out", metavar="OUT", help="a .parquet, .npy or .csv file; or a folder")
    sub.add_argument("--raw", action="store_true", help="vectors as they are, not of length 1")
    bulk.add_options(sub)
    _add_reading_options(sub)

    text = "Every head's answers to each row of a table, with their probabilities."
    sub = command("predict", _predict, text, "--model")
    sub.add_argument("data", metavar="DATA", help=f"a table, or a file with one text per line; {in_parts}")
    sub.add_argument("out", metavar="OUT", help=f"a file that ends in {listed(ENDINGS, 'or')}; or a folder")
    sub.add_argument("--tasks", help=_TASKS)
    bulk.add_options(sub)
    _add_reading_options(sub)

    text = "Write a whole model folder for sentence-transformers and transformers, or with --onnx for ONNX Runtime."
    sub = command("export", _export, text)
    sub.add_argument("model", metavar="DIR", help='a checkpoint, or "default"')
    sub.add_argument("out", metavar="OUT", help="a folder that is new or empty")
    text = "one graph with every head, and run.py, which answers by it without torch; needs the extra onnx"
    sub.add_argument("--onnx", action="store_true", help=text)
    text = (
        "a folder for any static host: a page that runs the model in the browser, without a server and offline; needs "
    )
    text += "the extra onnx, and npm or --packages"
    sub.add_argument("--web", action="store_true", help=text)
    text = "with --onnx or --web: weights in 8 bits, a third to a half of the size; says what that changes"
    sub.add_argument("--int8", action="store_true", help=text)
    text = "with --web: a folder node_modules that has what npm would fetch"
    sub.add_argument("--packages", metavar="DIR", help=text)

    text = "Upload a model to the Hugging Face Hub, for mtl.load and SentenceTransformer, with its card."
    sub = command("push", _push, text)
    sub.add_argument("model", metavar="DIR", help='a checkpoint, or "default"')
    text = "the owner and name of its repository, which is made if it is not there"
    sub.add_argument("repository", metavar="OWNER/NAME", help=text)
    sub.add_argument("--yes", action="store_true", help="do not ask before anything is made or uploaded")

    sub = command("serve", _serve, "Serve the page, until Ctrl+C.")
    sub.add_argument("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 for every network)")
    sub.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    sub.add_argument("--share", action="store_true", help="make a public link through Gradio's servers")
    text = "offer what it answers other programs as tools for assistants, by MCP; needs the extra mcp"
    sub.add_argument("--mcp", action="store_true", help=text)
    sub.add_argument("--ray", action="store_true", help="train on a Ray cluster's nodes; needs the extra ray")
    text = "a name by which browsers may ask for this page (*.example.org: all below it); may be given several times"
    sub.add_argument("--allow-host", metavar="NAME", dest="allow_hosts", action="append", default=[], help=text)

    tools.add(command)

    sub = command("completion", _completion, "Print what makes a shell complete commands, options and file names.")
    sub.add_argument("shell", metavar="SHELL", choices=_SHELLS, help=listed(_SHELLS, "or"))
    return parser


def _add_reading_options(sub: argparse.ArgumentParser) -> None:
    """How a table is read, for every command that reads one."""
    group = sub.add_argument_group("how a table is read (mtl doctor DATA shows the default)")
    group.add_argument("--text", metavar="COLUMN", help="the column that holds the texts")
    text = "the column that holds the second text, where a row has two"
    group.add_argument("--text-b", metavar="COLUMN", help=text)
    uses = listed((*USES, *KINDS), "or")
    text = f"what a column is used for: {uses}; may be given several times"
    group.add_argument("--role", dest="roles", action="append", metavar="COLUMN=KIND", help=text)
    text = (
        "read a label as one of the model's, as itself (a new label), or, with nothing after =, not at all; a colon, "
    )
    text += "equals sign, comma or \\ that is part of a name has a \\ before it, here and in --names"
    group.add_argument("--label", dest="mapping", action="append", metavar="COLUMN:LABEL=OTHER", help=text)
    text = "names for a column of entity tags that are numbers, from 0 on; may be given several times"
    group.add_argument("--names", action="append", metavar="COLUMN=O,B-PER,...", help=text)
    text = "whether the first line names the columns"
    group.add_argument("--header", action=argparse.BooleanOptionalAction, default=None, help=text)


def _add_train_options(sub: argparse.ArgumentParser) -> None:
    """One option per setting of TrainConfig."""
    group = sub.add_argument_group("training settings")
    for name, about in settings(TrainConfig).items():
        flag, text = about.flag(name), about.help.replace("%", "%%")
        if isinstance(about.default, bool):
            text += f" Default: {'yes' if about.default else 'no'}."
            group.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif name == "validation":
            text += f" Default: {about.default}; {about.allowed}. Or a file of rows to test on, read as DATA is."
            group.add_argument(flag, dest=name, type=_share_or_file, metavar="N|FILE", help=text)
        elif about.plain:
            text += f" Default: {about.default}; {about.allowed}."
            group.add_argument(
                flag, dest=name, type=type(about.default), metavar="|".join(about.choices) or "N", help=text
            )
        else:
            text += " May be given several times."
            group.add_argument(flag, dest=name, action="append", metavar=about.metavar, help=text)


def _train_config(options: argparse.Namespace) -> TrainConfig | None:
    """The settings from --config and the options, which override it; None if there are none."""
    overrides = {}
    for name, about in settings(TrainConfig).items():
        value = getattr(options, name)
        if value is not None and not isinstance(value, Path):
            overrides[name] = dict(map(_rate, value)) if isinstance(about.default, dict) else value
    if "unfreeze" in overrides:
        example = "an epoch, : and a number of groups, such as 3:5"
        overrides["unfreeze"] = [_pair(text, ":", int, int, example) for text in overrides["unfreeze"]]
    from mtl.data.dataset import Recipe

    path = Path(options.config or options.data)
    base = settings_in(read_json(path), str(path)) if options.config or Recipe.is_in(path) else {}
    return TrainConfig.from_json({**base, **overrides}) if options.config or base or overrides else None


def _share_or_file(text: str) -> float | Path:
    try:
        return float(text)
    except ValueError:
        return Path(text)


def _rate(text: str) -> tuple[str, float]:
    return _pair(text, "=", str, float, "a name, = and a number, such as 'layer 6=3e-5'")


def _pair(text: str, separator: str, first: Callable, second: Callable, example: str) -> tuple:
    left, _, right = text.rpartition(separator)
    try:
        return first(left), second(right)
    except ValueError:
        raise UserError(f"{text!r} should be {example}.") from None


# --- the commands ---


def _lines_of_standard_input() -> list[str]:
    try:
        sys.stdin.reconfigure(errors="strict")
        return [line.strip() for line in sys.stdin if line.strip()]
    except UnicodeDecodeError as error:
        raise UserError(f"Standard input is not in {error.encoding.upper()}: save it in that encoding.") from None


def _tasks(options: argparse.Namespace) -> list[str] | None:
    return [t.strip() for t in options.tasks.split(",") if t.strip()] if options.tasks is not None else None


def _checked_out(options: argparse.Namespace, endings: Sequence[str]) -> Path:
    """OUT, before anything is computed, which may take minutes."""
    out = Path(options.out)
    if out.suffix not in endings:
        raise UserError(
            f"OUT must end in {listed(endings, 'or')}, or be a folder without an ending; it is {out.name!r}."
        )
    if not out.absolute().parent.is_dir():
        raise UserError(f"There is no folder {out.parent}.")
    return out


def _analyze(options: argparse.Namespace) -> None:
    import mtl

    if file := next(filter(os.path.isfile, options.texts), None):
        raise UserError(
            f"{file} is a file, and analyze answers for sentences: for those of a text file, one per line, "
            f"mtl analyze < FILE. A table is read by doctor, train, evaluate and embed."
        )
    texts = options.texts or _lines_of_standard_input()
    if not texts:
        raise UserError('Give at least one sentence: mtl analyze "A sentence."')
    tasks = _tasks(options)
    if tasks == [] and not options.json:
        raise UserError("--tasks names no head, so that there is nothing to print. With --json you get the embedding.")
    model = mtl.load(options.model)
    with terminal.progress("analyze", len(texts)) as progress:
        answers = model.analyze(texts, tasks, options.pooling, progress)
    for number, answer in enumerate(answers, 1):
        if answer.truncated:
            terminal.warn(f"text {number} is longer than {model.max_tokens} tokens; its end was not read.")
        if answer.unread:
            terminal.warn(f"text {number} has no word that the model knows; its answers mean nothing.")
        elif answer.unfamiliar:
            terminal.warn(f"text {number} is unlike the sentences this model knows: do not trust these answers.")
    if options.json:
        print(json.dumps([answer.to_json() for answer in answers]))
        return
    for answer in answers:
        terminal.say(answer.text)
        for task, value in answer.results.items():
            terminal.say(f"  {task:<10} {KINDS[model.tasks[task].kind].answer_text(value)}")


def _compare(options: argparse.Namespace) -> None:
    import mtl
    from mtl.data.table import read_table

    reading = from_options(options)
    if len(options.texts) == 1:
        reading.pop("mapping", None)
        table = read_table(options.texts[0], **reading)
        terminal.warn_of(table)
        pairs = [row.texts[:2] for row in table.rows if len(row.texts) > 1]
        if not pairs:
            raise UserError(f"{options.texts[0]} has no two texts in a row. Say by --text and --text-b where they are.")
    elif len(options.texts) == 2 and not reading:
        pairs = [tuple(options.texts)]
    else:
        raise UserError('Give two texts, or one file: mtl compare "A sentence." "Another."')
    model = mtl.load(options.model)
    with terminal.progress("compare", len(pairs)) as progress:
        answers = model.compare(pairs, pooling=options.pooling, progress=progress)
    for number, answer in enumerate(answers, 1):
        if answer.truncated:
            terminal.warn(f"a text of pair {number} is longer than {model.max_tokens} tokens; its end was not read.")
        if answer.unread:
            terminal.warn(f"a text of pair {number} has no word that the model knows; its cosine means nothing.")
        elif answer.unfamiliar:
            terminal.warn(f"a text of pair {number} is unlike those that this model knows: do not trust its cosine.")
    if options.json:
        print(json.dumps([answer.to_json() for answer in answers]))
        return
    for answer in answers:
        said = [f"{task} {KINDS[model.tasks[task].kind].answer_text(value)}" for task, value in answer.results.items()]
        terminal.say(f"{answer.text} | {answer.text_b}")
        terminal.say("  " + "; ".join([f"cosine {answer.cosine:z.3f}", *said]))


def _train(options: argparse.Namespace) -> int:
    from mtl.training import jobs
    from mtl.training.processes import Processes
    from mtl.training.runs import folder as folders
    from mtl.training.runs import worker

    processes = Processes()
    state = folders.read(options.out).state
    if options.resume and state == "done":
        raise UserError(
            f"The run in {options.out} is finished, and its model is in {Path(options.out) / 'checkpoint'}. Leave "
            "--resume out to train again, or start from that model: --model, and another --out."
        )
    if options.resume and state == "queued" and processes.is_main:  # the state of a folder without a run
        terminal.warn(f"there is no run in {options.out} to resume: training starts over.")
    reading = from_options(options)
    if isinstance(options.validation, Path):
        reading["validation"] = options.validation
    job = jobs.prepare(options.data, _train_config(options), options.model, options.data_dir, **reading)
    stopping: list[float] = []

    def stop(number: int, _) -> None:
        # A launcher of several processes passes the signal on after they have received it themselves.
        if stopping and time.monotonic() - stopping[-1] < 1:
            return
        stopping.append(time.monotonic())
        if len(stopping) > 2:
            raise KeyboardInterrupt
        if processes.is_main:
            again = "press Ctrl+C again" if number == signal.SIGINT else "send the signal again"
            how = "within seconds" if len(stopping) == 1 else "at once, with the model of the last whole epoch"
            terminal.warn(f"stopping {how}; {again} to {'stop at once' if len(stopping) == 1 else 'give up'}.")

    show = terminal.print_json if options.json else terminal.RunPrinter()
    asked = Stop(lambda: bool(stopping), lambda: len(stopping) > 1)
    with _on_signals(stop):
        for event in worker.run(job, options.out, asked, options.half, options.resume):
            if processes.is_main:
                try:
                    show(event)
                    sys.stdout.flush()
                except BrokenPipeError:  # the run goes on without a reader
                    _discard_output()
    if processes.is_main and not options.json and event["checkpoint"]:
        terminal.say(f"Checkpoint: {Path(options.out) / 'checkpoint'}")
    return 0


@contextlib.contextmanager
def _on_signals(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Inside the block `handler` gets the signals that ask a program to end."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _evaluate(options: argparse.Namespace) -> None:
    import mtl
    from mtl.data.matching import match_tasks
    from mtl.data.splits import scorable
    from mtl.data.table import read_table
    from mtl.training.metrics import evaluate

    if options.default:
        tools.scorecard(options)
        return
    if not options.data:
        raise UserError("Name a file to score on, or use --default with --data-dir.")
    model = mtl.load(options.model)
    reading = from_options(options)
    mapping = reading.pop("mapping", None)
    read = read_table(options.data, **reading)
    matched = match_tasks(read, model.tasks, mapping, least=1)
    known = [name for name, spec in matched.specs.items() if model.tasks.get(name) == spec]
    for name in (name for name in matched.specs if name not in known):
        terminal.warn(f"the labels of {name!r} are not those of a head of this model; it is not scored.")
    rows = scorable(matched.rows)
    if trained := len(matched.rows) - len(rows):
        terminal.warn(f"{plural(trained, 'row')} not scored, as the table says that training has them.")
    scores = evaluate(model, rows, known)
    if not scores:
        raise UserError(f"{options.data} has no labels for the tasks of this model ({listed(model.tasks)}).")
    if options.json:
        print(json.dumps(scores, indent=2, ensure_ascii=False))
    else:
        terminal.show_scores(scores)


def _card(options: argparse.Namespace) -> None:
    import mtl
    from mtl.training import card, limits

    model = mtl.load(options.model, dtype="float32")  # for the same figures on every machine
    print(card.of(options.model, model, limits.measure(model)), end="")


def _doctor(options: argparse.Namespace) -> int:
    import mtl
    from mtl.data.matching import match_tasks
    from mtl.data.table import read_table

    model = mtl.load(options.model)
    reading = from_options(options)
    mapping = reading.pop("mapping", None)
    table = read_table(options.data, token_counts=model.token_counts, max_tokens=model.max_tokens, **reading)
    matches = match_tasks(table, model.tasks, mapping).columns
    if options.json:
        print(json.dumps(terminal.diagnosis(table, matches), indent=2, ensure_ascii=False))
    else:
        terminal.show_diagnosis(options.data, table, matches)
    return 1 if table.errors else 0


# The texts that a process embeds at a time; the result does not depend on the number of processes.
_PAGE = 2048


def _embed(options: argparse.Namespace) -> None:
    import numpy as np

    import mtl
    from mtl.training.processes import Processes

    endings = (*ENDINGS, ".npy")
    if bulk.is_in_parts(Path(options.data), Path(options.out), options, endings):
        return bulk.embed(options)
    out, processes = _checked_out(options, endings), Processes()
    from mtl.data.table import read_table

    reading = from_options(options)
    if reading.pop("mapping", None):
        raise UserError("--label is for training: an embedding needs no labels.")
    table = read_table(options.data, **reading)
    texts = [row.text for row in table.rows]
    if not texts:
        raise UserError(f"{options.data} has no text to embed. " + " ".join(f.problem for f in table.errors[:3]))
    if processes.is_main:
        terminal.warn_of(table, training=False)
        if len(table.text_columns) > 1:
            first = table.text_columns[0]
            terminal.warn(f"the rows have several texts; those in {first} are embedded. --text names another column.")
    model = mtl.load(options.model)
    total, pages = len(texts), []
    with terminal.progress("embed", total if processes.is_main else 0) as progress:
        for first in range(0, total, _PAGE * processes.count):
            mine = model.encode(
                texts[first + _PAGE * processes.rank :][:_PAGE],
                options.pooling,
                lambda done, _, first=first: progress(min(first + done * processes.count, total), total),
                normalize=not options.raw,
            )
            page = processes.gather(mine)
            if processes.is_main:
                pages += page
    if not processes.is_main:
        return
    vectors = np.concatenate(pages)
    if out.suffix == ".npy":
        np.save(out, vectors)
    else:
        ids = {table.id_column: [row.id for row in table.rows]} if table.id_column else {}
        columns = {**ids, "text": texts, **{f"d{i}": column for i, column in enumerate(vectors.T)}}
        terminal.warn_of_formulas(write_columns(columns, out))
    terminal.say(f"{total} embeddings of {vectors.shape[1]} numbers: {out}")


def _predict(options: argparse.Namespace) -> None:
    import mtl
    from mtl.data.table import read_table

    if bulk.is_in_parts(Path(options.data), Path(options.out), options, ENDINGS):
        return bulk.predict(options, _tasks(options))
    out, reading = _checked_out(options, ENDINGS), from_options(options)
    if reading.pop("mapping", None):
        raise UserError("--label is for training: answers are the model's own labels.")
    table = read_table(options.data, **reading)
    terminal.warn_of(table, training=False)
    model, tasks = mtl.load(options.model), _tasks(options)
    with terminal.progress("predict", len(table.rows)) as progress:
        columns = predict(model, table, tasks, progress)
    terminal.warn_of_formulas(write_columns(columns, out))
    for caution in cautions(model.tasks, tasks):
        terminal.warn(caution)
    answered = f"{plural(len(table.rows), 'row')} answered by {listed(tasks or model.tasks)}"
    terminal.say(f"{'; '.join(filter(None, [answered, unanswered(table.without_text)]))}: {out}")


def _export(options: argparse.Namespace) -> None:
    import mtl
    from mtl import export, onnx

    if options.int8 and not (options.onnx or options.web):
        raise UserError("--int8 is a way to store an ONNX graph: mtl export DIR OUT --onnx --int8.")
    if options.onnx and options.web:
        raise UserError("--onnx and --web write two different folders: give one of them.")
    if options.packages and not options.web:
        raise UserError("--packages is for a page without a server: mtl export DIR OUT --web --packages DIR.")
    model = mtl.load(options.model, dtype="float32", device="cpu")
    if options.web:
        from mtl.ui.web.export import export as export_page

        found = export_page(model, options.model, options.out, "int8" if options.int8 else "float16", options.packages)
        bits = 8 if options.int8 else 16
        terminal.say(
            f"A page without a server: {options.out} ({found.size / 1e6:.0f} MB, {found.graph / 1e6:.0f} of them the "
            f"model, whose weights have {bits} bits). Put it on any static host, or try it here: "
            f"python -m http.server --directory {shlex.quote(options.out)}"
        )
        _say_comparison(found.comparison)
        return
    if options.onnx:
        found = onnx.export(model, options.out, "int8" if options.int8 else "float32")
        size = (Path(options.out) / onnx.GRAPH).stat().st_size / 1e6
        terminal.say(f'Exported to {options.out} ({size:.0f} MB): python {Path(options.out) / "run.py"} "A sentence."')
        _say_comparison(found)
        return
    export.export(model, options.out)
    terminal.say(f"Exported to {options.out}: load it with SentenceTransformer({options.out!r}).")
    if heads := [name for name, spec in model.tasks.items() if KINDS[spec.kind].reads != "embedding"]:
        terminal.say(
            f"That has the embedding alone; mtl.load has the {plural(len(heads), 'head')} {listed(heads)} too."
        )


def _say_comparison(found: Comparison) -> None:
    terminal.say(f"Compared with the model itself on {found.texts} texts:")
    for line in found.said():
        terminal.say(f"  {line}")


def _push(options: argparse.Namespace) -> None:
    import mtl
    from mtl.export import export
    from mtl.tools import hub
    from mtl.training import card, limits

    hub.require_terminal(options.yes)
    model = mtl.load(options.model, dtype="float32", device="cpu")
    target = hub.find(options.repository, "model")
    if not options.yes:
        hub.ask(target.question)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        export(model, folder)
        page = card.for_hub(options.model, model, limits.measure(model), options.repository)
        (folder / "README.md").write_text(page, encoding="utf-8")
        address = hub.push(target, folder)
    terminal.say(f"Uploaded: {address}. mtl.load and SentenceTransformer take {options.repository!r}.")


def _serve(options: argparse.Namespace) -> None:
    from mtl.ui.app import build, serve

    serve(build(ray=options.ray), options.host, options.port, options.share, options.allow_hosts, options.mcp)


def _completion(options: argparse.Namespace) -> None:
    import shtab

    def complete_paths(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if action.metavar in _PATHS:
                action.complete = shtab.FILE
            if isinstance(action, argparse._SubParsersAction):
                for sub in action.choices.values():
                    complete_paths(sub)

    parser = _parser()
    complete_paths(parser)
    print(shtab.complete(parser, options.shell))


if __name__ == "__main__":
    sys.exit(main())
