"""The exports of annotation tools as plain records: a text, and a column for each thing that was annotated."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from mtl.data.rows import Findings

Record = dict[str, Any]

# The records that are examined to recognise a tool.
_SAMPLE = 20
# Prodigy's own bookkeeping, and what it shows beside a text.
_OF_PRODIGY = ("answer", "meta", "options", "path", "config", "view_id", "priority", "score", "active")
_ANSWERS = {"accept", "reject", "ignore"}


def from_export(
    records: Sequence[Record], lines: Sequence[int], findings: Findings
) -> tuple[Sequence[Record], Sequence[int]]:
    """The records as Label Studio, Prodigy and spaCy mean them, and the lines of those that are left."""
    sample = records[:_SAMPLE]
    if sample and all(isinstance(r.get("data"), dict) and _annotations(r) is not None for r in sample):
        return _from_label_studio(records, lines, findings), lines
    if sample and all("_task_hash" in r or (r.get("answer") in _ANSWERS and "text" in r) for r in sample):
        return _from_prodigy(records, lines, findings)
    if sample and all(any(_sentences(record)) for record in sample):
        return _from_spacy(records, lines)
    return records, lines


def _annotations(record: Record) -> list | None:
    value = record.get("annotations", record.get("completions"))
    return value if isinstance(value, list) else None


def _from_label_studio(records: Sequence[Record], lines: Sequence[int], findings: Findings) -> list[Record]:
    """The tasks' data, and of each the result of its first annotation, a column for each tag of the interface."""
    rows: list[Record] = []
    annotated: list[Record] = []
    of_spans: set[str] = set()
    for record, line in zip(records, lines, strict=True):
        data = record.get("data")
        rows.append(dict(data) if isinstance(data, dict) else {})
        given = [a for a in _annotations(record) or () if isinstance(a, dict) and not a.get("was_cancelled")]
        if len(given) > 1:
            findings.add("several-annotations", line, count=len(given))
        if given:
            annotated.append(rows[-1])
            of_spans |= _add_results(rows[-1], given[0].get("result"))
    for row in annotated:
        for name in of_spans:
            row.setdefault(name, [])
    return rows


def _add_results(row: Record, results: Any) -> set[str]:
    """Add what was annotated to a row; the names of the columns that hold spans."""
    spans: dict[str, list[Record]] = {}
    for item in results if isinstance(results, list) else ():
        kind, value = (item.get("type"), item.get("value")) if isinstance(item, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(value, dict) or kind not in value:
            continue  # a relation between spans, say
        name, answer = str(item.get("from_name", kind)), value[kind]
        # Of HTML, `start` is a path, and the offsets stand apart.
        offsets = value.get("globalOffsets", value)
        if isinstance(offsets, dict) and "start" in offsets and isinstance(answer, list):
            place = {"start": offsets["start"], "end": offsets.get("end")}
            spans.setdefault(name, []).extend({**place, "label": label, "text": value.get("text")} for label in answer)
        else:
            row[name] = answer
    row.update(spans)
    return set(spans)


def _from_prodigy(
    records: Sequence[Record], lines: Sequence[int], findings: Findings
) -> tuple[list[Record], list[int]]:
    """The accepted records, without the tool's own fields."""
    rows, places = [], []
    has_spans = any("spans" in record for record in records)
    for record, line in zip(records, lines, strict=True):
        if record.get("answer", "accept") != "accept":
            findings.add("not-accepted", line, answer=str(record["answer"]))
            continue
        row = {k: v for k, v in record.items() if not k.startswith("_") and k not in _OF_PRODIGY}
        if has_spans:
            row.pop("tokens", None)
            row.setdefault("spans", [])
        rows.append(row)
        places.append(line)
    return rows, places


def _from_spacy(records: Sequence[Record], lines: Sequence[int]) -> tuple[list[Record], list[int]]:
    """The sentences of documents as version 2 of spaCy nests them, as lists of words and of tags; whole paragraphs
    where categories were given to these, and their plain texts where no word has a tag."""
    paragraphs = [(p, line) for record, line in zip(records, lines, strict=True) for p in _items(record, "paragraphs")]
    has_categories = any(_items(paragraph, "cats") for paragraph, _ in paragraphs)
    rows, places = [], []
    for paragraph, line in paragraphs:
        sentences = list(_sentences(paragraph))
        for tokens in [list(itertools.chain(*sentences))] if has_categories else sentences:
            row: Record = {"tokens": [str(token["orth"]) for token in tokens]}
            if any("ner" in token for token in tokens):
                row["ner"] = [str(token.get("ner", "-")) for token in tokens]
            else:
                row["tokens"] = " ".join(row["tokens"])
            if has_categories:
                cats = [c for c in _items(paragraph, "cats") if isinstance(c.get("value"), (int, float))]
                row["label"] = [str(c.get("label")) for c in cats if c["value"] >= 0.5]
            rows.append(row)
            places.append(line)
    return rows, places


def _items(record: Record, key: str) -> list[Record]:
    """The objects in a list of a record; the record by itself, if it lacks the list in which spaCy has paragraphs."""
    if key == "paragraphs" and key not in record:
        return [record]
    value = record.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _sentences(record: Record) -> Iterator[list[Record]]:
    """The words of each sentence in a document of spaCy."""
    for paragraph in _items(record, "paragraphs"):
        for sentence in _items(paragraph, "sentences"):
            if tokens := [token for token in _items(sentence, "tokens") if "orth" in token]:
                yield tokens
