"""A place in step 1 of the Train tab where people label texts themselves.

The browser (`assets/label.js`) shows at once what they do, keeps it, and tells it to the server by one function, which
learns from it and answers what it makes of the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from mtl.config import UserError
from mtl.data.labels import match_labels
from mtl.labelling import files, measuring
from mtl.labelling.measuring import Point
from mtl.labelling.offering import offer_answers
from mtl.labelling.project import Added, Project, change_scheme
from mtl.labelling.saved import from_json, to_json
from mtl.sandbox import Progress, watch
from mtl.ui.names import name_of_model, own_name
from mtl.ui.page import Session, html, in_plain_words, unfolding
from mtl.ui.sentences import MAX_FILE_BYTES
from mtl.ui.train.data.place import size_of
from mtl.ui.train.label import view, words
from mtl.ui.train.label.actions import carry_out, places_of
from mtl.ui.train.label.bringing import bring, brought_into
from mtl.ui.train.label.state import Asked, Labelling
from mtl.ui.train.label.view import Learned
from mtl.ui.visitors import Visit
from mtl.ui.widgets import markup
from mtl.ui.words import file_too_big

if TYPE_CHECKING:
    from mtl.ui.models import SharedModel

# So many texts are read for one answer, and for so many seconds a curve is measured: the next label comes in between.
PART, SECONDS = 128, 0.25
# Whose answers can be offered, besides the heads of the model in use.
_HEAD, _NAMES = "head", "names"
_OF_MODEL = "task "


def build(session: Session) -> gr.HTML:
    """The place, folded. Its `submit` event hands on what was labelled (see `handed_on`)."""
    with unfolding(words.TITLE, elem_id="label"):
        html(view.place(), js_on_load="mtl.label.show(element)", elem_id="label-place")
        html(markup.label(words.FILE))
        file = gr.File(label=words.FILE, show_label=False, height=84, elem_id="label-file")
        too_big = gr.Button(visible="hidden", elem_id="label-file-too-big")
    news = html(
        visible="hidden",
        elem_id="label-news",
        html_template="",
        js_on_load="mtl.label.connect(server, trigger, watch, props)",
        server_functions=[session.function("label", partial(answer_or_problem, session))],
    )
    session.wire([file.upload], partial(on_file, session), [file], [news, file], concurrency_limit=10)
    session.wire([too_big.click], partial(refuse, session), [], [news])
    session.wire([session.model.change], partial(on_model, session), [], [news])
    return news


# --- events ---


def on_file(session: Session, visit: Visit, path: str | None) -> Iterator[tuple[Any, Any]]:
    """Read an upload, and say how far that is; then the browser is told to ask for what is in it."""
    if path is None:
        return
    own, labelling = Path(path), visit.train.labelling

    def read() -> Progress:
        labelling.brought = yield from session.sandbox.run(bring, own, own.name, True, size=size_of(own))

    try:
        for share, _ in watch(read(), lambda: False):
            yield _news(session, reading=words.reading(own.name, share)), gr.skip()
    except UserError as problem:
        yield _news(session, problem=str(problem)), None
        return
    yield _news(session, bring="file"), None


def refuse(session: Session, visit: Visit) -> dict[str, Any]:
    return _news(session, problem=file_too_big(MAX_FILE_BYTES))


def on_model(session: Session, visit: Visit) -> dict[str, Any]:
    """Another model reads the texts in its own way."""
    return _news(session, ask=True)


def _news(session: Session, **told: Any) -> dict[str, Any]:
    return {**told, "number": session.next_revision()}


def _finished(steps: Progress) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def handed_on(visit: Visit, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The labelled texts as a file in `folder`, and how it is read (see `Source.reading`), with nothing to guess.

    Raises `UserError` where there are none."""
    labelling = visit.train.labelling
    with labelling.lock:
        file = files.write(_needed(labelling), ".jsonl", labelled_only=True)
    path = folder / file.name
    path.write_bytes(file.content)
    return path, {"text": files.TEXT, "roles": dict(file.roles)}


def _needed(labelling: Labelling) -> Project:
    if labelling.project is None:
        raise UserError(words.NOTHING)
    return labelling.project


# --- what the browser asks ---


def answer_or_problem(session: Session, visitor: str | None, given: Any) -> bytes:
    """The JSON of `answer`, or {"problem": why there is none}."""
    visit = session.registry.visit(visitor)
    try:
        found = answer(session, visit, Asked.checked(given))
    except Exception as problem:
        found = {"problem": in_plain_words(problem)}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def answer(session: Session, visit: Visit, asked: Asked) -> dict[str, Any]:
    """What becomes of the actions, and what the browser draws after them (see `view.project_json`); or {"lost": True},
    where it should say all of the project."""
    labelling = visit.train.labelling
    with labelling.lock:
        is_known = labelling.project is not None and labelling.draft == asked.draft
        if not is_known or labelling.taken < asked.at:
            if asked.base is None:
                return {"lost": True}
            labelling.begin(asked.draft, from_json(asked.base), asked.at)
            asked = replace(asked, whole=True)
        before = labelling.project
        found: dict[str, Any] = {"draft": asked.draft, "problems": [], "notes": [], "again": False}
        refused = _carry_out(labelling, asked, found)
        model, problem = None, ""
        try:
            model = session.models.shared(visit.train.model, visit.name)
        except UserError as gone:
            problem = str(gone)
        if asked.once and asked.once != labelling.once:
            found["again"] = _bring_and_offer(session, visit, model, asked, found)
        project = labelling.project
        unread = _read(labelling, model) if model else 0
        learned = Learned(why_not=problem)
        if model and not unread:
            with model.turn():
                learned = view.learn(project, labelling.vectors)
        if asked.whole or project is not before or unread or refused or not asked.curve:
            items = () if asked.whole else [None if p in refused else i for p, i in enumerate(before.items)]
            found |= view.project_json(project, items, learned, asked.order)
            found["offers"] = _offers(model, project, learned)
            found["reading"] = [len(project.items) - unread, len(project.items)] if unread else None
        if asked.curve and model and not unread:
            found["figure"] = _figure(labelling, model, learned)
        if asked.save or asked.whole or (asked.once and project is not before):
            found["saved"] = to_json(project)
        if asked.file:
            found["file"] = _file(project, asked.file)
        return {**found, "taken": labelling.taken}


def _carry_out(labelling: Labelling, asked: Asked, found: dict[str, Any]) -> set[int]:
    """Carry out the actions that have not been before. Returns the places of the texts of those that were refused."""
    refused = set()
    for action in asked.actions[labelling.taken - asked.at :]:
        try:
            added = carry_out(labelling.project, action)
            labelling.project = added.project
            found["notes"] += added.notes
        except UserError as problem:
            found["problems"].append(str(problem))
            refused |= {*places_of(action)}
        labelling.taken += 1
    return refused


def _read(labelling: Labelling, model: SharedModel) -> int:
    """Read some of what is not read yet; returns how many texts are left."""
    project = labelling.project
    texts = [*view.meanings(project.scheme), *(item.text for item in project.items)]
    return labelling.vectors.read(model, texts, PART)


def _bring_and_offer(
    session: Session, visit: Visit, model: SharedModel | None, asked: Asked, found: dict[str, Any]
) -> bool:
    """Bring what is asked for, and offer answers. Returns whether it has to be asked for again, as it takes longer."""
    labelling = visit.train.labelling
    try:
        added = None
        if asked.bring:
            added = _bring(session, visit, asked.bring)
        elif asked.offer and model:
            added = _offer(session, visit, model, asked.offer)
            if added is None:
                found["progress"] = words.ANSWERING
                return True
        if added:
            labelling.project = added.project
            found["notes"] += added.notes
    except UserError as problem:
        found["problems"].append(str(problem))
    labelling.once = asked.once
    return False


def _bring(session: Session, visit: Visit, which: str) -> Added:
    labelling = visit.train.labelling
    if which == "data":
        source = visit.train.source
        if source is None:
            raise UserError(words.NO_DATA)
        how = {name: value for name, value in source.reading.items() if name != "mapping"}
        steps = session.sandbox.run(bring, source.path, source.name, False, size=size_of(source.path), **how)
        return brought_into(labelling.project, _finished(steps))
    brought, labelling.brought = labelling.brought, None
    if brought is None:
        raise UserError(words.NO_FILE)
    return brought_into(labelling.project, brought)


# --- offers ---


def _offers(model: SharedModel | None, project: Project, learned: Learned) -> list[list[str]]:
    """Whose answers can be offered: what to ask for, and what it is called."""
    scheme = project.scheme
    heads = [spec for spec in (model.tasks if model else {}).values() if spec.kind == scheme.kind]
    found = [[_HEAD, words.BY_HEAD]] if learned.head else []
    found += [[_NAMES, words.BY_NAMES]] if learned.named else []
    known = [
        spec for spec in heads if not scheme.labels or any(match_labels(spec.labels, scheme.labels).mapping.values())
    ]
    return found + [[_OF_MODEL + spec.name, f"the model's head {spec.name}"] for spec in known]


def _offer(session: Session, visit: Visit, model: SharedModel, whose: str) -> Added | None:
    """The project with somebody's answers offered; None while a model has not answered all of its texts."""
    labelling = visit.train.labelling
    project = labelling.project
    if whose in (_HEAD, _NAMES):
        if _read(labelling, model):
            return None
        learned = view.learn(project, labelling.vectors)
        answers = learned.head if whose == _HEAD else learned.named
        if answers is None:
            raise UserError(words.NO_OFFER)
        by = words.BY_HEAD if whose == _HEAD else words.BY_NAMES
        return offer_answers(project, answers.answers, by, answers.certainty)
    spec = model.tasks.get(whose.removeprefix(_OF_MODEL))
    if spec is None or spec.kind != project.scheme.kind:
        raise UserError(words.NO_OFFER)
    texts = [item.text for item in project.items]
    answers = labelling.answered.setdefault(whose, {})
    unread = [text for text in dict.fromkeys(texts) if text not in answers]
    if part := unread[:PART]:
        answers |= {a.text: a.results[spec.name] for a in model.analyze(part, [spec.name])}
    if len(unread) > PART:
        return None
    del labelling.answered[whose]
    if not project.scheme.labels and not project.in_order:
        own = replace(project.scheme, labels=spec.labels, low=spec.low, high=spec.high)
        project = change_scheme(project, own)
    path = visit.train.model
    name = name_of_model(session.runs, visit.owner, path) if path else own_name(session.engine.name)
    meaning = match_labels(spec.labels, project.scheme.labels).mapping
    return offer_answers(project, [answers[text] for text in texts], f"{spec.name} of {name}"[:200], None, meaning)


# --- figures and files ---


def _figure(labelling: Labelling, model: SharedModel, learned: Learned) -> dict[str, Any]:
    """How good the head is after so many labels, the last point first, as far as there is time."""
    project, points, left, began = labelling.project, [], 0, time.monotonic()
    vectors = labelling.vectors.stacked([item.text for item in project.items]) if project.items else None
    for size in reversed(measuring.sizes(project)):
        key = (labelling.vectors.by, measuring.basis(project, size))
        if key not in labelling.figures:
            if time.monotonic() - began > SECONDS:
                left += 1
                continue
            with model.turn():
                labelling.keep(key, measuring.measure(project, vectors, size))
        points.append(labelling.figures[key])
    named = measuring.measure_others(project, learned.named.answers) if learned.named else None
    found: list[Point] = [point for point in reversed(points) if point]
    return view.figure_json(project.scheme, found, named, left)


def _file(project: Project, ending: str) -> dict[str, Any]:
    """A file to download, or why there is none."""
    try:
        file = files.write(project, ending)
    except UserError as problem:
        return {"problem": str(problem)}
    return {"name": file.name, "content": file.content.decode("utf-8"), "notes": file.notes}
