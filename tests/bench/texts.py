"""What is analysed: texts of mixed length, made from the project's own sample sentences."""

import csv
import random
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "assets" / "samples" / "workshop.csv"
SHORTEST, LONGEST = 3, 80  # words


def mixed(count: int = 512, seed: int = 0) -> list[str]:
    """`count` texts of 3 to 80 words in random order: sample sentences put together and cut to the length.

    Lengths are spread evenly on a logarithmic scale, as in real text: many short, few long, 23 words on
    average.
    """
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        sentences = [row["text"] for row in csv.DictReader(file)]
    chance = random.Random(seed)
    texts = []
    for i in range(count):
        length = round(SHORTEST * (LONGEST / SHORTEST) ** (i / (count - 1)))
        words: list[str] = []
        while len(words) < length:
            words += chance.choice(sentences).split()
        texts.append(" ".join(words[:length]))
    chance.shuffle(texts)
    return texts


def every(texts: list[str], step: int) -> list[str]:
    """Every `step`-th text by length, from the middle of each step: fewer texts, the same mix of lengths."""
    return sorted(texts, key=lambda text: len(text.split()))[step // 2 :: step]
