"""Spans written down as people do, so that reading them back can be compared with what was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from mtl.text.spans import Span


def is_legal_bio(tags: Sequence[str]) -> bool:
    """Whether every I-X follows a B-X or I-X, and nothing but O, B- and I- is used."""
    before = ""
    for tag in tags:
        prefix, _, label = tag.partition("-")
        if tag != "O" and (prefix not in ("B", "I") or not label):
            return False
        if prefix == "I" and before != label:
            return False
        before = label
    return True


def fit(spans: Sequence[Span], text: str) -> bool:
    """Whether the spans are in order, within the text and apart."""
    edges = [edge for span in spans for edge in (span.start, span.end)]
    return edges == sorted(edges) and all(0 <= s.start < s.end <= len(text) for s in spans)


def to_markup(text: str, spans: Iterable[Span]) -> str:
    """The text with its spans marked."""
    pieces, done = [], 0
    for span in spans:
        pieces.append(_escape(text[done : span.start]))
        pieces.append(f"[{_escape(text[span.start : span.end])}]({span.label})")
        done = span.end
    return "".join([*pieces, _escape(text[done:])])


def _escape(text: str) -> str:
    return re.sub(r"([\\\[\]])", r"\\\1", text)


def to_json_spans(spans: Iterable[Span]) -> str:
    """The spans as a JSON list of objects with `start`, `end` and `label`."""
    return json.dumps([{"start": s.start, "end": s.end, "label": s.label} for s in spans], ensure_ascii=False)
