"""What Analyze, an upload and the endpoints for programs do: sentences in, an analysis for the session, and its status.

The handlers of the page are generators, so that they can say how far they are and can be stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import UserError
from mtl.sandbox import Progress, Stopped, watch
from mtl.text.values import plural
from mtl.ui.page import UNCHANGED, Session, in_plain_words
from mtl.ui.sentences import MAX_FILE_BYTES, Sentences, from_file, from_lines, from_list
from mtl.ui.visitors import Visit, Work
from mtl.ui.widgets import markup
from mtl.ui.words import LOADING, file_too_big

if TYPE_CHECKING:
    from mtl.model import Analysis
    from mtl.ui.models import SharedModel

# More sentences than this are analysed in parts, so that progress is shown and Stop can stop.
PART = 256
_STOP, _NO_STOP = gr.update(visible=True), gr.update(visible=False)
EMPTY = "There is nothing to analyze. Write at least one sentence, or pick an example."
STOPPED = "Stopped. The results shown are those of the analysis before."


@dataclass(frozen=True)
class Shown:
    """What changes beside the tabs: a value for each component, `box`, `file` and `narrow` where the event asks."""

    status: Any = UNCHANGED
    revision: Any = UNCHANGED
    stop: Any = UNCHANGED
    box: Any = UNCHANGED
    file: Any = UNCHANGED
    narrow: Any = UNCHANGED


def of_box(session: Session, visit: Visit, lines: str) -> Iterator[Shown]:
    """Analyse the lines of the box."""
    yield from run(session, visit, from_lines(lines))


def of_example(session: Session, lines: str, visit: Visit) -> Iterator[Shown]:
    """Fill the box with an example and analyse it."""
    yield Shown(box=lines)
    yield from of_box(session, visit, lines)


def of_opening(session: Session, visit: Visit, narrow: bool, lines: str) -> Iterator[Shown]:
    """The first analysis of a page. The views depend on its width, which only the browser knows."""
    yield Shown(narrow=narrow)
    yield from of_box(session, visit, lines)


def of_file(session: Session, visit: Visit, path: str) -> Iterator[Shown]:
    """Read an upload into the box and analyse it.

    A file that cannot be read leaves the box as it was. Gradio keeps what was uploaded by its content, shared by all
    who upload the same: it is not ours to delete.
    """
    upload = Path(path)
    visit.stopping = False
    try:
        for share, seconds in watch(_take(session, upload, visit), lambda: visit.stopping):
            yield Shown(status=markup.reading(upload.name, share, seconds), stop=_STOP)
    except Exception as problem:
        stopped = "Stopped. The sentences are those from before."
        yield Shown(status=_failed(problem, stopped), stop=_NO_STOP, file=None)
        return
    sentences = visit.upload
    read = f"{upload.name}: {plural(len(sentences.texts), 'sentence')}."
    for shown in run(session, visit, replace(sentences, notes=(read, *sentences.notes))):
        yield replace(shown, box="\n".join(sentences.texts), file=None)


def _take(session: Session, upload: Path, visit: Visit) -> Progress:
    visit.upload = yield from session.sandbox.run(from_file, upload, size=upload.stat().st_size)


def stop(visit: Visit) -> None:
    """Stop what the visitor waits for. Not Gradio's `cancels`: a click on Analyze while that winds up would end in a
    bare "Error"."""
    visit.stopping = True


def too_big(visit: Visit) -> str:
    return markup.status(file_too_big(MAX_FILE_BYTES), kind="bad")


def run(session: Session, visit: Visit, sentences: Sentences) -> Iterator[Shown]:
    """Analyse `sentences` and keep the result as the visitor's. Only then does the revision change."""
    visit.stopping = False
    total = len(sentences.texts)
    try:
        if not total:
            raise UserError(EMPTY)
        if not session.engine.ready:
            yield Shown(status=markup.status(LOADING, kind="busy"))
        model = session.models.shared(visit.train.model, visit.name)
        if total > PART:
            yield Shown(status=progress(0, total, 0.0), stop=_STOP)
        for analyses, seconds in in_parts(model, sentences.texts, lambda: visit.stopping):
            if len(analyses) < total:
                yield Shown(status=progress(len(analyses), total, seconds))
        labels = labels_for(sentences.texts, visit.upload)
        session.registry.set_work(visit, Work(model, analyses, model.config.pooling, labels))
    except Exception as problem:
        yield Shown(status=_failed(problem, STOPPED), stop=_NO_STOP)
        return
    took = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    done = f"{plural(total, 'sentence')} · one pass · {took}"
    status = markup.status(done, [*sentences.notes, *remarks(analyses, model.max_tokens)])
    yield Shown(status=status, revision=session.next_revision(), stop=_NO_STOP)


def remarks(analyses: Sequence[Analysis], max_tokens: int) -> Iterator[str]:
    """Which sentences the model has read in part only, or not at all."""
    if cut := [i for i, a in enumerate(analyses, 1) if a.truncated]:
        yield (
            f"{_numbered(cut, 'is', 'are')} longer than the model reads: only the first {max_tokens} tokens "
            f"(about {max_tokens * 3 // 4} words) counted."
        )
    if unread := [i for i, a in enumerate(analyses, 1) if a.unread]:
        yield f"{_numbered(unread, 'has', 'have')} no word that the model knows: what it answers there means nothing."


def _numbered(numbers: list[int], verb: str, verbs: str) -> str:
    if len(numbers) == 1:
        return f"Sentence {numbers[0]} {verb}"
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"Sentences {', '.join(map(str, numbers[:5]))}{more} {verbs}"


def _failed(problem: Exception, stopped: str) -> str:
    """Why there is no result, as a status: `stopped` where the visitor pressed Stop."""
    return (
        markup.status(stopped) if isinstance(problem, Stopped) else markup.status(in_plain_words(problem), kind="bad")
    )


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
    left = f" · about {max(seconds / finished * (total - finished), 0.1):.1f} s left" if finished else ""
    said = f"{finished:,} of {plural(total, 'sentence')}{left}"
    return markup.status(said, kind="busy", share=finished / total)


def labels_for(texts: tuple[str, ...], upload: Sentences | None) -> dict[str, tuple[str | float | None, ...]]:
    """The uploaded file's own columns for `texts`, matched by place and then by text, as the box may have been edited
    since. Empty where none of the texts came from the file."""
    if upload is None:
        return {}
    place = {t: i for i, t in reversed(list(enumerate(upload.texts)))}
    rows = [i if upload.texts[i : i + 1] == (t,) else place.get(t) for i, t in enumerate(texts)]
    if all(row is None for row in rows):
        return {}
    return {name: tuple(None if row is None else values[row] for row in rows) for name, values in upload.labels.items()}


# --- for programs: nothing is remembered ---


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


def compared(model: SharedModel, pairs: list[list[str]]) -> list[dict[str, Any]]:
    """One JSON object per pair of texts."""
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(pair, (list, tuple)) for pair in pairs):
        raise UserError("Give a list of pairs of texts.")
    if uneven := [number for number, pair in enumerate(pairs, 1) if len(pair) != 2]:
        raise UserError(f"Pair {uneven[0]} is not two texts.")
    texts = iter(from_list([text for pair in pairs for text in pair]).texts)
    return [pair.to_json() for pair in model.compare(list(zip(texts, texts, strict=True)))]


def for_program(answer: Callable[[], Any]) -> Any:
    """`answer()`; whatever goes wrong becomes an error that a client can read."""
    try:
        return answer()
    except Exception as problem:
        raise gr.Error(in_plain_words(problem), print_exception=False) from problem
