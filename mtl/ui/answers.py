"""All answers to a visitor's sentences, as one JSON object that the views in the browser draw.

The browser (`assets/answers.js`) asks whenever something has changed. Each call reads at most `PART` sentences that the
model has not read yet, and the browser asks again for the rest, so that progress is seen and can be stopped. Answers
to sentences that stay are kept: a keystroke costs the model the changed line alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from mtl import maps
from mtl.text.values import plural
from mtl.ui.embeddings import view as plots
from mtl.ui.overview import view as overview
from mtl.ui.page import Session, in_plain_words
from mtl.ui.sentences import Sentences, from_lines
from mtl.ui.visitors import Asked, Reading, Visit, Work
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from mtl.model import Analysis

# More sentences than this are read in parts.
PART = 256
EMPTY = "There is nothing to analyze: the answers shown are those from before. Write a sentence, or pick an example."


def answer_or_problem(session: Session, visitor: str | None, given: Any) -> bytes:
    """The JSON of `answer`, or {"problem": why there is none, as HTML}."""
    visit = session.registry.visit(visitor)
    try:
        found = answer(session, visit, Asked.checked(given))
    except Exception as problem:
        found = {"problem": markup.status(in_plain_words(problem), kind="bad")}
    return json.dumps(found | {"visit": visit.number}, ensure_ascii=False, separators=(",", ":")).encode()


def answer(session: Session, visit: Visit, asked: Asked) -> dict[str, Any]:
    """What the browser draws; or {"progress"}, where it should ask again for more; or {"lines": True}, where the server
    knows no sentences of this visitor any more; or {"chosen": what is asked about some of the sentences}; or {"like":
    the sentences that are nearest to some words}."""
    with visit.lock:
        if asked.file:
            visit.sentences = visit.upload
        elif asked.lines is not None:
            visit.sentences = from_lines(asked.lines, asked.left_out)
        if visit.sentences is None:
            return {"lines": True}
        if asked.chosen:
            return {"chosen": plots.about(visit.work, asked.chosen) if visit.work else {}}
        if asked.like.strip():
            return {"like": plots.like(visit.work, asked.like) if visit.work else []}
        sentences = visit.sentences
        if not sentences.texts:
            return {"problem": markup.status(EMPTY, kind="bad")}
        reading = _reading(session, visit, asked)
        reading.begin(asked.again)
        if left := reading.read(sentences.texts, PART):
            total = len(sentences.texts)
            return {"progress": progress(total - left, total, reading.seconds)}
        work = _work(session, visit, reading, sentences, asked)
        found = _drawn(session, work, reading) | _told(session, work, reading, sentences)
        reading.settle(sentences.texts)
        return found


def _reading(session: Session, visit: Visit, asked: Asked) -> Reading:
    """What the model in use has read of this visitor's."""
    model = session.models.shared(visit.train.model, visit.name)
    if asked.anew or visit.reading is None or visit.reading.model.identity != model.identity:
        visit.reading, visit.work = Reading(model), None
    return visit.reading


def _work(session: Session, visit: Visit, reading: Reading, sentences: Sentences, asked: Asked) -> Work:
    """The analysis as a whole; the one before, with all its maps, where the sentences are the same."""
    if visit.work is None or visit.work.texts != list(sentences.texts):
        analyses = [reading.analyses[text] for text in sentences.texts]
        labels = labels_for(sentences.texts, visit.upload)
        work = Work(reading.model, analyses, labels, labels_in(visit.upload))
        if visit.work is not None:
            work.follow(visit.work)
        session.registry.set_work(visit, work)
    visit.work.asked = asked
    return visit.work


def _drawn(session: Session, work: Work, reading: Reading) -> dict[str, Any]:
    """The values and the HTML of every view that is in sight."""
    vectors = work.vectors(work.pooling)
    # UMAP of many takes seconds, and waits for others of its kind only.
    with work.model.turn() if len(vectors) <= maps.FEW else nullcontext():
        drawn_map, better = plots.map_of(work)
    found = {
        "model": work.model.identity,
        "texts": work.texts,
        "shown": min(len(work.texts), markup.MAX_ROWS),
        "rows": overview.rows(work, work.texts if work.asked.all_rows else reading.new),
        "head": overview.head(work),
        "colourings": plots.colourings(work),
        "poolings": list(work.model.poolings),
        "pooling": work.pooling,
        "pairs": plots.answers_to_pairs(work.model),
        "map": drawn_map,
        "better_in": better,
        "unlike": [number - 1 for number in sorted(work.unfamiliar)],
        "views": {name: session.views[name](work) for name in work.asked.views if name in session.views},
    }
    if len(vectors) > 1:
        others, cosines = plots.nearest(vectors)
        found |= {"grid": plots.grid(vectors), "nearest": [others.tolist(), cosines.tolist()]}
    return found


def _told(session: Session, work: Work, reading: Reading, sentences: Sentences) -> dict[str, Any]:
    """What is said about the answers: the line of the status with what was cut or cleaned, and what one pass saved."""
    total, new = plural(len(sentences.texts), "sentence"), len(reading.new)
    if not new:
        said = f"{total} · nothing new to read"
    else:
        some = "" if new == len(work.texts) else f"{new} new, "
        said = f"{total} · {some}one pass · {duration(reading.seconds)}"
    notes = [*sentences.notes, *remarks(work.analyses, work.model.max_tokens)]
    told = {"status": markup.status(said, notes), "read": new}
    alone = session.engine.alone * len(work.model.tasks)
    if new == len(set(work.texts)) and len(work.model.tasks) > 1 and alone:
        tasks = len(work.model.tasks)
        told["saved"] = (
            f"One pass of the shared model answered all {tasks} tasks for {plural(new, 'sentence')} in "
            f"{duration(reading.seconds)}. With one model per task: {tasks} passes, about "
            f"{duration(alone * reading.seconds)} ({alone:.1f} times as long, by a timing at the server's start)."
        )
    return told


def remarks(analyses: Sequence[Analysis], max_tokens: int) -> Iterator[str]:
    """Which sentences the model has read in part only, or not at all."""
    if cut := [i for i, a in enumerate(analyses, 1) if a.truncated]:
        yield (
            f"{_numbered(cut, 'is', 'are')} longer than the model reads: only the first {max_tokens} tokens "
            f"(about {max_tokens * 3 // 4} words) counted."
        )
    if unlike := [i for i, a in enumerate(analyses, 1) if a.unfamiliar and not a.unread]:
        who = _numbered(unlike, "is", "are")
        yield f"{who} unlike the texts that this model knows: do not trust the answers there."
    if unread := [i for i, a in enumerate(analyses, 1) if a.unread]:
        yield f"{_numbered(unread, 'has', 'have')} no word that the model knows: what it answers there means nothing."


def _numbered(numbers: list[int], verb: str, verbs: str) -> str:
    if len(numbers) == 1:
        return f"Sentence {numbers[0]} {verb}"
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"Sentences {', '.join(map(str, numbers[:5]))}{more} {verbs}"


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


def labels_in(upload: Sentences | None) -> dict[str, list[str]]:
    """The labels of each column of the uploaded file, whichever of its sentences are left."""
    columns = upload.labels.items() if upload else ()
    return {name: sorted({value for value in values if isinstance(value, str)}) for name, values in columns}


def duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
