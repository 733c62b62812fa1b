"""What Analyze, an upload and the endpoints for programs do: sentences in, an analysis kept for the session,
and words about it.

The handlers of the page are generators, so that they can tell how far they are and can be stopped. Each
yields values for (status, revision, stop button).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.sandbox import Progress, Stopped, watch
from mtl.ui import words as text
from mtl.ui.page import Session, in_plain_words
from mtl.ui.sentences import Sentences, from_file, from_lines, from_list
from mtl.ui.visitors import Visit, Work
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from mtl.model import Analysis
    from mtl.ui.models import SharedModel

# More sentences than this are analysed in parts, so that progress can be told and Stop can stop.
PART = 256


def of_box(session: Session, lines: str, visit: Visit) -> Iterator[tuple]:
    """Analyse what stands in the box."""
    yield from run(session, from_lines(lines), visit)


def of_file(session: Session, path: str, visit: Visit) -> Iterator[tuple]:
    """Read an upload into the box and analyse it. Two more values come first: for the box, and for the file's widget.

    A file that cannot be read leaves the box as it was. Gradio keeps what was uploaded by its content, shared by all
    who upload the same: it is not ours to delete.
    """
    upload = Path(path)
    visit.stopping = False
    keep, hidden = gr.skip(), gr.update(visible=False)
    try:
        for share, seconds in watch(_take(session, upload, visit), lambda: visit.stopping):
            yield keep, keep, markup.reading(upload.name, share, seconds), keep, gr.update(visible=True)
    except Stopped:
        yield keep, None, markup.status(text.READING_STOPPED), keep, hidden
        return
    except Exception as problem:
        yield keep, None, markup.status(in_plain_words(problem), kind="bad"), keep, hidden
        return
    sentences = visit.upload
    read = text.file_read(upload.name, len(sentences.texts))
    for results in run(session, replace(sentences, notes=(read, *sentences.notes)), visit):
        yield "\n".join(sentences.texts), None, *results


def _take(session: Session, upload: Path, visit: Visit) -> Progress:
    visit.upload = yield from session.sandbox.run(from_file, upload, size=upload.stat().st_size)


def run(session: Session, sentences: Sentences, visit: Visit) -> Iterator[tuple]:
    """Analyse `sentences` and keep the result as the visitor's. Only then does the revision change."""
    visit.stopping = False
    total = len(sentences.texts)
    hidden = gr.update(visible=False)
    if not total:
        yield markup.status(text.EMPTY, kind="bad"), gr.skip(), hidden
        return
    if not session.engine.ready:
        yield markup.status(text.LOADING, kind="busy"), gr.skip(), gr.skip()
    try:
        model = session.models.shared(visit.train.model, visit.name)
        if total > PART:
            yield progress(0, total, 0.0), gr.skip(), gr.update(visible=True)
        for analyses, seconds in in_parts(model, sentences.texts, lambda: visit.stopping):
            if len(analyses) < total:
                yield progress(len(analyses), total, seconds), gr.skip(), gr.skip()
        labels = labels_for(sentences.texts, visit.upload)
        session.registry.keep_work(visit, Work(model, analyses, model.config.pooling, labels))
    except Stopped:
        yield markup.status(text.STOPPED), gr.skip(), hidden
        return
    except Exception as problem:
        yield markup.status(in_plain_words(problem), kind="bad"), gr.skip(), hidden
        return
    cut = [i for i, a in enumerate(analyses, 1) if a.truncated]
    unread = [i for i, a in enumerate(analyses, 1) if a.unread]
    notes = [*sentences.notes, *([text.truncated(cut, model.max_tokens)] if cut else [])]
    notes += [text.unread(unread)] if unread else []
    yield markup.status(text.done(total, seconds), notes), session.next_revision(), hidden


def in_parts(
    model: SharedModel, texts: Sequence[str], stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[list[Analysis], float]]:
    """The analyses so far and the seconds that the model took for them, part by part. Each text is read once.

    Raises `Stopped` soon after `stopped()` says so.
    """
    analyses: list[Analysis] = []
    seconds = 0.0
    for start in range(0, len(texts), PART):
        began = time.perf_counter()
        analyses = analyses + model.analyze(texts[start : start + PART], stopped)
        seconds += time.perf_counter() - began
        yield analyses, seconds


def progress(finished: int, total: int, seconds: float) -> str:
    left = seconds / finished * (total - finished) if finished else None
    return markup.status(text.progress(finished, total, left), kind="busy", share=finished / total)


def labels_for(texts: tuple[str, ...], upload: Sentences | None) -> dict[str, tuple[str | float | None, ...]]:
    """The uploaded file's own columns for `texts`, matched by place and then by text, as the box may have
    been edited since. Empty where none of the texts came from the file."""
    if upload is None:
        return {}
    place = {t: i for i, t in reversed(list(enumerate(upload.texts)))}
    rows = [i if upload.texts[i : i + 1] == (t,) else place.get(t) for i, t in enumerate(texts)]
    if all(row is None for row in rows):
        return {}
    return {name: tuple(None if row is None else values[row] for row in rows) for name, values in upload.labels.items()}


# --- for programs, which are answered and then forgotten ---


def as_json(model: SharedModel, texts: list[str]) -> list[dict[str, Any]]:
    """One JSON object per text, the same as the command line prints."""
    # In parts, so that many long texts are not all in memory as tokens at the same time.
    *_, (analyses, _) = in_parts(model, from_list(texts).texts)
    return [a.to_json() for a in analyses]


def vectors(model: SharedModel, texts: list[str], pooling: str) -> list[list[float]]:
    """One vector per text; an empty `pooling` is the model's own."""
    texts = from_list(texts).texts
    parts = (texts[start : start + PART] for start in range(0, len(texts), PART))
    return [vector for part in parts for vector in model.encode(part, pooling or None).tolist()]


def for_program(answer: Callable[[], Any]) -> Any:
    """`answer()`; whatever goes wrong becomes an error that a client can read."""
    try:
        return answer()
    except Exception as problem:
        raise gr.Error(in_plain_words(problem), print_exception=False) from problem
