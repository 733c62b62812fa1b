"""The card of the model in use, in the page: a dialog that a click on the model's name opens.

What it says is made by `mtl.training.card` from the model's config and records, never from the README of a checkpoint,
which may be a stranger's.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl.ui import names, templates
from mtl.ui.page import Session, html, in_plain_words
from mtl.ui.widgets import markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from mtl.training.limits import Limits
    from mtl.ui.models import SharedModel
    from mtl.ui.visitors import Visit

# So many models' limits are kept.
_MOST = 100
# Long sections for those who want to know more, which begin folded.
FOLDED = ("How it was made", "Unfamiliar texts")
MEASURING = "Asking the model about the sentences of its card …"


class Measured:
    """The limits of each model, measured once however often its card is opened. Thread safe."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Limits | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, model: SharedModel) -> Limits | None:
        from mtl.training import limits

        with self._lock:  # while one measures, others wait for it
            if model.identity not in self._found:
                self._found[model.identity] = limits.measure(model)
                if len(self._found) > _MOST:
                    self._found.popitem(last=False)
            return self._found[model.identity]


def build(session: Session) -> None:
    answer = session.function("card", partial(answer_or_problem, session, Measured()))
    frame = templates.render("card_frame.html", busy=markup.status(MEASURING, kind="busy"))
    html(frame, elem_id="card-place", js_on_load="mtl.card(element, server)", server_functions=[answer])


def answer_or_problem(session: Session, measured: Measured, visitor: str | None, given: Any) -> bytes:
    """{"html": the card of the visitor's model, or why there is none} as JSON."""
    try:
        shown = page(session, measured, session.registry.visit(visitor))
    except Exception as problem:
        shown = markup.status(in_plain_words(problem), kind="bad")
    return json.dumps({"html": shown}, ensure_ascii=False).encode()


def page(session: Session, measured: Measured, visit: Visit) -> Markup:
    """The card of the model that a visitor uses. Raises `UserError` where there is none."""
    from mtl.training import card

    path = visit.train.model
    model = session.models.get(path)
    name = names.own_name(session.engine.name) if path is None else names.name_of_model(session.runs, visit.owner, path)
    limits = measured.of(session.models.shared(path, visit.name))
    return of_markdown(card.of(path or session.engine.name, model, limits, name))


# --- from Markdown to the page ---


def of_markdown(text: str) -> Markup:
    """The Markdown of a card as HTML: its title, and a part to unfold for each section. Sentences, which stand in
    italics, become buttons that put those of their line into the box."""
    parser = _parser()
    tokens = parser.parse(text)
    starts = [i for i, token in enumerate(tokens) if token.type == "heading_open" and token.tag in ("h1", "h2")]
    parts = [(_plain(tokens[start + 1]), tokens[start + 3 : end]) for start, end in pairwise([*starts, len(tokens)])]
    drawn = [(title, Markup(parser.renderer.render(_dressed(each), parser.options, {}))) for title, each in parts]
    return templates.render("card.html", title=drawn[0][0], intro=drawn[0][1], sections=drawn[1:], folded=FOLDED)


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # not before somebody looks: the page starts without it

    # No markup but that of the template: whatever gets through its escaping is no picture and no HTML. Of links, which
    # lead to files beside the card, the words alone are shown.
    forbidden = ["image", "autolink", "reference", "html_inline", "html_block"]
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(forbidden)


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _dressed(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens of a section with the page's classes, tables in boxes that scroll, and sentences as buttons."""
    from markdown_it.token import Token

    row: list[Token] = []
    dressed = []
    for token in tokens:
        if token.tag == "h3":
            token.tag = "h4"
        elif token.type == "table_open":
            token.attrSet("class", "sheet")
            box = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "table"}
            dressed.append(Token("box_open", "div", 1, attrs=box, block=True))
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "tr_open":
            row = []
        elif token.type == "inline":
            token.children = [child for child in token.children or () if not child.type.startswith("link_")]
            row.append(token)
        elif token.type == "tr_close":
            _press(row)
        dressed.append(token)
        if token.type == "table_close":
            dressed.append(Token("box_close", "div", -1, block=True))
    return dressed


def _press(cells: Iterable[Token]) -> None:
    """Make buttons of the sentences of a table's row."""
    sentences = [_plain(cell) for cell in cells if any(child.type == "em_open" for child in cell.children or ())]
    for cell in cells:
        for child in cell.children or ():
            if child.type == "em_open":
                child.attrs |= {"type": "button", "class": "link", "data-lines": "\n".join(sentences)}
            if child.type in ("em_open", "em_close"):
                child.tag = "button"
