"""`python -m tests.bench [--only NAME] [--write]`: measure, print the table, exit with 1 when a target is missed."""

import argparse
import sys
from collections.abc import Callable
from statistics import median

from tests.bench import measure, memory, peers, startup, table, texts
from tests.bench.table import Row, seconds

# The slow peer reads one text in eight, with the same mix of lengths, and its time is multiplied.
STEP = 8


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed beside that of peers.")
    parser.add_argument("--write", action="store_true", help="put the table into README.md as well")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds, after one to warm up (default 5)")
    parser.add_argument("--only", action="append", choices=BENCHES, metavar="NAME", help=f"only {', '.join(BENCHES)}")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.write and options.only:
        parser.error("--write puts down the whole table: leave --only out")

    rows, notes = {}, {}
    for name, (what, bench) in BENCHES.items():
        if name in (options.only or BENCHES.keys() - NAMED_ONLY):
            say(what)
            rows[name], notes[name] = bench(options.rounds)
    text = _report(rows, notes, options.rounds)
    print(text)
    if options.write:
        table.write(text)
    return int(not all(row.passed for part in rows.values() for row in part))


def _report(rows: dict[str, list[Row]], notes: dict[str, str], rounds: int) -> str:
    """The table, in the order in which a reader asks, and what has to be known about it."""
    import torch

    from mtl.model import quickest_dtype

    order = [name for name in ORDER if name in rows]
    told = [
        f"Each time is the median of {rounds} rounds in which the contenders take turns, after one round to warm up; "
        "each ratio is the median of the rounds' own ratios.",
        *(notes[name] for name in order if notes[name]),
    ]
    where = table.machine(str(quickest_dtype()).removeprefix("torch."), torch.get_num_threads())
    markdown = table.markdown([row for name in order for row in rows[name]])
    return "\n".join(["", markdown, *told, "", f"Measured on {where}"])


def model_rows(rounds: int) -> tuple[list[Row], str]:
    import mtl
    from mtl.encoder import backbone

    model = mtl.load()
    folder = backbone.find(None).folder
    sentences = texts.mixed()
    few = texts.every(sentences, STEP)
    three, reference = peers.three_models(folder), peers.sentence_transformers(folder)
    times = measure.side_by_side(
        {
            "all": lambda: model.analyze(sentences),
            "embeddings": lambda: model.encode(sentences),
            "reference": lambda: reference(sentences),
            "three": lambda: three(few),
        },
        rounds,
    )
    times["three"] = [t * len(sentences) / len(few) for t in times["three"]]
    middle = {name: seconds(median(values)) for name, values in times.items()}

    what = f"embedding + {' + '.join(model.tasks)}, {len(sentences)} texts"
    against_three = measure.ratio(times["three"], times["all"])
    against_reference = measure.ratio(times["reference"], times["all"])
    heads = measure.ratio(times["all"], times["embeddings"])
    rows = [
        Row(
            what,
            "three models, one sentence at a time ¹",
            middle["all"],
            middle["three"],
            f"{against_three:.0f}x faster",
            "at least 120x",
            against_three >= 120,
        ),
        Row(
            what,
            "sentence-transformers, embeddings only ²",
            middle["all"],
            middle["reference"],
            f"{against_reference:.2f}x faster",
            "at least 2.5x",
            against_reference >= 2.5,
        ),
        Row(
            what,
            "the same model, embeddings only",
            middle["all"],
            middle["embeddings"],
            f"{heads:.2f}x the time",
            "at most 1.15x",
            heads <= 1.15,
        ),
    ]
    lengths = [len(sentence.split()) for sentence in sentences]
    note = (
        f"Texts of {min(lengths)} to {max(lengths)} words, {sum(lengths) / len(lengths):.0f} on average.\n"
        "¹ DistilBERT encoder, DistilBERT classifier and BERT-large tagger in float32 through transformers, "
        "each tokenising for itself; random weights of those shapes. "
        f"Measured on {len(few)} of the {len(sentences)} texts with the same mix of lengths, and scaled.\n"
        "² The same encoder from the same files, float32, batches of 32."
    )
    return rows, note


def exported_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import exported

    return exported.rows(rounds)


def page_rows(rounds: int) -> tuple[list[Row], str]:
    times = measure.side_by_side({"page": startup.first_answer, "imports": startup.bare_imports}, rounds)
    start = measure.ratio(times["page"], times["imports"])
    page = startup.first_map()
    return [
        Row(
            "first answer of `python app.py`",
            "`import gradio, torch, transformers` in a fresh process",
            seconds(median(times["page"])),
            seconds(median(times["imports"])),
            f"{start:.2f}x the time",
            "at most 1.6x",
            start <= 1.6,
        ),
        Row(
            "first map, once UMAP is warm",
            "",
            seconds(page["map"]),
            "",
            seconds(page["map"]),
            "under 1 s",
            page["map"] < 1,
        ),
        Row(
            "first analysis after the page answers, the model's loading included",
            "UMAP warm after the page answers",
            seconds(page["answer"]),
            seconds(page["warm"]),
            "waited for UMAP" if page["waited"] else "did not wait for UMAP",
            "does not wait",
            not page["waited"],
        ),
    ], ""


def start_rows(rounds: int) -> tuple[list[Row], str]:
    ways = {
        "`import mtl` in a fresh process": lambda: startup.in_fresh_process("import mtl"),
        "`mtl --help`": startup.help_of_the_command,
    }
    middles = {what: median(times) for what, times in measure.side_by_side(ways, rounds).items()}
    return [
        Row(what, "", seconds(time), "", seconds(time), "at most 0.3 s", time <= 0.3) for what, time in middles.items()
    ], ""


def training_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import training

    return training.against_trainer(rounds)


def cache_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import training

    return training.with_and_without_cache(rounds)


def run_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import runs

    return runs.first_step(rounds)


def memory_rows(_: int) -> tuple[list[Row], str]:
    return memory.many_models()


def own_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import own

    return own.gains(rounds)


def review_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import reviews

    return reviews.rows(rounds)


def classroom_rows(_: int) -> tuple[list[Row], str]:
    from tests.bench import classroom

    return classroom.rows()


def line_rows(_: int) -> tuple[list[Row], str]:
    from tests.bench import line

    return line.rows()


def alive_rows(rounds: int) -> tuple[list[Row], str]:
    from tests.bench import alive

    return alive.rows(rounds)


# In the order in which they are carried out: those that time fresh processes come first, while this one is small.
BENCHES: dict[str, tuple[str, Callable[[int], tuple[list[Row], str]]]] = {
    "start": ("How soon a command starts (fresh processes)", start_rows),
    "page": ("How soon the page is there (fresh processes)", page_rows),
    "runs": ("How soon a run is under way", run_rows),
    "memory": ("What many models cost", memory_rows),
    "classroom": ("How a class of learners is served (some minutes)", classroom_rows),
    "line": ("How long a class waits in the line, before and now (up to half an hour)", line_rows),
    "alive": ("How soon the page answers what is typed", alive_rows),
    "reading": ("How fast texts are read", model_rows),
    "onnx": ("How fast exported graphs answer", exported_rows),
    "training": ("How fast it trains", training_rows),
    "cache": ("What the cache of frozen layers gains", cache_rows),
    "own": ("What our own modules gain", own_rows),
    "reviews": ("What rates by depth gain (some minutes)", review_rows),
}
# Run only when named: they need data that does not come with the project, or its history.
NAMED_ONLY = {"reviews", "line"}
# In the order in which a reader asks.
ORDER = ("reading", "onnx", "start", "page", "alive", "training", "cache")
ORDER += ("runs", "memory", "classroom", "line", "own", "reviews")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
