"""One rate for all layers against rates by depth on 1,000 product reviews, as a source notebook compares them.

The notebook reports 91.0 and 91.5 % on one split of 1,000 rows of UCI's reviews. Here are 1,000 sentences of customers'
reviews (Hu & Liu 2004), about such products as well, drawn anew for each seed; the other 2,775 are the test set.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from pathlib import Path
from statistics import mean, stdev

import torch

import mtl
from mtl import checkpoint
from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.data.dataset import Dataset, Part
from mtl.data.rows import Row as Text
from mtl.encoder.backbone import DEFAULT
from mtl.groups import Groups
from mtl.training.loop import fit
from mtl.training.metrics import evaluate
from mtl.training.presets import BY_NAME
from tests.bench.table import Row

# Where custrev.txt.gz is.
FOLDER = Path(os.environ.get("MTL_DATA_DIR", "data"))
TRAINED = 1000
TASK = TaskSpec("sentiment", "classification", ("negative", "positive"))
# As in the notebook, nothing but the labels is learned from, and the last epoch is the one that counts.
SETTINGS = TrainConfig(epochs=3, batch_size=32, anchor=0.0, validation=0.0, keep_best=False)
# Pairs of presets: one rate for all, and rates by depth; the second pair has the notebook's own rates.
PAIRS = (("uniform", "depth"), ("slow", "rising"))


def rows(seeds: int) -> tuple[list[Row], str]:
    texts = read(FOLDER / "custrev.txt.gz")
    found = {name: [] for pair in PAIRS for name in pair}
    for name, seed in ((name, seed) for pair in PAIRS for seed in range(seeds) for name in pair):
        found[name].append(accuracy(texts, name, seed))
        print(f"seed {seed}, {name}: {found[name][-1]:.2f} %", file=sys.stderr, flush=True)
    table = []
    for one, by_depth in PAIRS:
        gain = mean(found[by_depth]) - mean(found[one])
        title, against = f"accuracy, {BY_NAME[by_depth].title}", f"{BY_NAME[one].title} ⁴"
        here, there = with_spread(found[by_depth]), with_spread(found[one])
        worse = gain < -stdev(found[one]) if seeds > 1 else gain < 0
        table.append(Row(title, against, here, there, f"{gain:+.1f} points", "no worse, within the spread", not worse))
    note = (
        f"⁴ {TRAINED:,} sentences of customers' reviews, tested on the other {len(texts) - TRAINED:,}; a new head on "
        f"{DEFAULT}, {SETTINGS.epochs} epochs. Means over {seeds} seeds, each with other rows, and their standard "
        "deviation. One of the source notebooks reports 91.0 and 91.5 % on one split of 1,000 such rows."
    )
    return table, note


def read(path: Path) -> list[Text]:
    """Lines of 0 or 1, a space and a sentence."""
    if not path.is_file():
        raise SystemExit(f"There is no {path}: MTL_DATA_DIR names the folder that holds it.")
    with gzip.open(path, "rt", encoding="latin-1") as file:
        pairs = [line.rstrip("\n").split(" ", 1) for line in file]
    return [Text(text, {TASK.name: TASK.labels[int(label)]}, i) for i, (label, text) in enumerate(pairs, 1)]


def accuracy(texts: list[Text], preset: str, seed: int) -> float:
    """In per cent, on the rows that were not trained on."""
    shuffled = random.Random(seed).sample(texts, len(texts))
    torch.manual_seed(seed)
    model = checkpoint.derive(mtl.load(DEFAULT, dtype="float32"), ModelConfig((TASK,)))
    config = BY_NAME[preset].make(Groups.of(model.backbone, model.config), TrainConfig(**SETTINGS.to_json(), seed=seed))
    for _ in fit(model, Dataset((Part("reviews", shuffled[:TRAINED]),), {}), config):
        pass
    return 100 * evaluate(model.eval(), shuffled[TRAINED:], [TASK.name])[TASK.name]["accuracy"]


def with_spread(values: list[float]) -> str:
    """ "91.5 ± 0.3 %": the mean and the standard deviation."""
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f} %"
