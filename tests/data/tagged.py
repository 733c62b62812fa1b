"""Four sentences with their entities, for files and cells that hold them word by word."""

from __future__ import annotations

import csv
import gzip
import io

from mtl.data.table import read_table

SENTENCES = [
    "Nora/B-PER Quill/I-PER joined/O Bluefin/B-ORG Ltd/I-ORG in/O Dunport/B-LOC ./O",
    "Helio/B-ORG Bank/I-ORG opened/O a/O shop/O in/O Port/B-LOC Vesk/I-LOC ./O",
    "In/O Kilder/B-LOC ,/O Omar/B-PER Reed/I-PER met/O the/O board/O of/O Oakmoor/B-ORG ./O",
    "The/O train/O was/O late/O again/O ./O",
]
WORDS = [[tuple(word.rsplit("/", 1)) for word in sentence.split()] for sentence in SENTENCES]
TEXTS = [" ".join(word for word, _ in words) for words in WORDS]
ENTITIES = [
    [("Nora Quill", "PER"), ("Bluefin Ltd", "ORG"), ("Dunport", "LOC")],
    [("Helio Bank", "ORG"), ("Port Vesk", "LOC")],
    [("Kilder", "LOC"), ("Omar Reed", "PER"), ("Oakmoor", "ORG")],
    [],
]
IDS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def read(tmp_path, text, name="data.txt", encoding="utf-8", **options):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode(encoding)) if name.endswith(".gz") else text.encode(encoding))
    return read_table(path, **options)


def spans(row, task="entities"):
    return [(row.text[s.start : s.end], s.label) for s in row.labels[task]]


def csv_of(*rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()
