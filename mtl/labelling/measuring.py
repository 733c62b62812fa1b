"""How good a head is after so many labels, on texts that it has not learned from.

Texts that were labelled because a head was sure of them, or not, are learned from but never asked: with the topics of
the 48 surest texts of workshop.csv, all of these that could be left out and asked were right, and 27 % of the others.

Of the rest, each is answered by a head that learned from all but a tenth of the labels, with it in that tenth: few
labels are too dear to be asked alone. Once many texts were set aside, and enough others are labelled, those set aside
are the test, the same for every point: then a curve goes up or down by what was learned, not by which texts were asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.data.splits import plain, rank
from mtl.labelling.learning import fit, why_not
from mtl.labelling.project import Project
from mtl.labelling.scheme import Scheme
from mtl.training.significance import Mean, mean, share

# One text in so many is set aside, by chance; which ones is certain before anybody has seen them.
ONE_IN = 5
# So many texts set aside are a test: one more right or wrong is then five points at most.
ENOUGH = 20
# They are no more than the third part of the labels, as a head learns from the others alone.
_MOST = 3
# A tenth of the texts is answered at a time, or one by itself while there are fewer (Kohavi 1995).
_FOLDS = 10
# With fewer texts to ask, a figure says nothing.
_FEWEST = 4

SET_ASIDE, CROSS_VALIDATED, ALL_LABELLED = "on texts set aside", "cross-validated", "on labelled texts"


def is_set_aside(text: str) -> bool:
    """Whether a text, once labelled, is for measuring. The same text always is, or always is not, in any case and
    spacing."""
    return int.from_bytes(rank(plain(text))[:8]) % ONE_IN == 0


@dataclass(frozen=True)
class Point:
    """After so many `labels` to learn from: the share of texts that were answered right, or by how much numbers are
    off; the same for whoever always gives the `guess` that is best for these texts; and how that was measured.
    `unasked`: so many texts have a label that no other text has, of which nothing can be learned when they are asked.
    """

    labels: int
    figure: Mean
    guess: Mean
    how: str
    unasked: int = 0


def measure(project: Project, vectors: np.ndarray, first: int | None = None) -> Point | None:
    """How good the head is that learns from the `first` labels that were given, None for all of them; None while that
    cannot be said. `vectors`: (texts, dim), as for `learning.fit`."""
    scheme, values = project.scheme, project.values
    learned, aside = _parts(project)
    learned = learned if first is None else learned[:first]
    if not aside:
        return _cross_validated(project, vectors, learned)
    if why_not(scheme, [values[place] for place in learned]):
        return None
    answers = fit(scheme, vectors[learned], [values[place] for place in learned])(vectors[aside]).answers
    return _point(scheme, len(learned), [values[place] for place in aside], answers, SET_ASIDE)


def curve(project: Project, vectors: np.ndarray) -> list[Point]:
    """A point for every so many labels, in the order in which they were given; the last is for all of them."""
    found = (measure(project, vectors, first) for first in sizes(project))
    return [point for point in found if point]


def sizes(project: Project) -> list[int]:
    """After how many of a project's labels there is a point on its curve."""
    return steps(len(_parts(project)[0]))


def basis(project: Project, first: int) -> Hashable:
    """All that `measure` goes by, besides the vectors: it is the same again where this is."""
    learned, aside = _parts(project)
    items = project.items
    said = (tuple((items[p].text, items[p].value, items[p].picked) for p in part) for part in (learned[:first], aside))
    scheme = project.scheme
    return scheme.kind, scheme.labels, scheme.low, scheme.high, *said


def measure_others(project: Project, answers: Sequence[Any]) -> Point | None:
    """How good answers to each text are that were learned from none of the labels, on the texts that `measure` asks;
    None while these are too few."""
    _, aside = _parts(project)
    asked = aside or [place for place in project.in_order if not project.items[place].picked]
    if len(asked) < _FEWEST:
        return None
    truths = [project.values[place] for place in asked]
    how = SET_ASIDE if aside else ALL_LABELLED
    return _point(project.scheme, 0, truths, [answers[place] for place in asked], how)


def steps(labels: int) -> list[int]:
    """After how many labels there is a point on the curve: every one, then every other, then ever fewer."""
    sizes = [*range(_FEWEST, 8), *(start * 2**power for power in range(1, 10) for start in (4, 5, 6, 7))]
    return [*(size for size in sizes if size < labels), *([labels] if labels >= _FEWEST else [])]


def _parts(project: Project) -> tuple[list[int], list[int]]:
    """The places of the labelled texts that are learned from, in the order in which they were labelled, and of those
    that are the test; without any while all are learned from."""
    items, places = project.items, project.in_order
    aside = [place for place in places if not items[place].picked and is_set_aside(items[place].text)]
    texts = {plain(items[place].text) for place in aside}
    if len(texts) < ENOUGH or _MOST * len(aside) > len(places):
        return places, []
    return [place for place in places if plain(items[place].text) not in texts], aside


def _cross_validated(project: Project, vectors: np.ndarray, chosen: Sequence[int]) -> Point | None:
    values = project.values
    folds = _folds(project, chosen)
    texts: dict[Any, set[str]] = defaultdict(set)
    for place in chosen:
        if isinstance(values[place], str):
            texts[values[place]].add(plain(project.items[place].text))
    alone = {place for place in chosen if isinstance(values[place], str) and len(texts[values[place]]) < 2}
    asked: list[int] = []
    answers: list[Any] = []
    for fold in folds:
        ask = [place for place in fold if place not in alone and not project.items[place].picked]
        held_out = {*fold}
        rest = [place for place in chosen if place not in held_out]
        if ask and not why_not(project.scheme, [values[place] for place in rest]):
            asked += ask
            answers += fit(project.scheme, vectors[rest], [values[place] for place in rest])(vectors[ask]).answers
    if len(asked) < _FEWEST:
        return None
    truths = [values[place] for place in asked]
    unasked = sum(not project.items[place].picked for place in alone)
    return _point(project.scheme, len(chosen), truths, answers, CROSS_VALIDATED, unasked)


def _folds(project: Project, chosen: Sequence[int]) -> list[list[int]]:
    """The places in folds that share no text, with about as many of each label in each."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place in chosen:
        groups[plain(project.items[place].text)].append(place)
    value = {text: repr(project.items[places[0]].value) for text, places in groups.items()}
    dealt = sorted(groups, key=lambda text: (value[text], rank(text)))
    return [[place for text in dealt[i::_FOLDS] for place in groups[text]] for i in range(min(_FOLDS, len(dealt)))]


def _point(
    scheme: Scheme, labels: int, truths: Sequence[Any], answers: Sequence[Any], how: str, unasked: int = 0
) -> Point:
    kind = scheme.of
    errors = [kind.error(truth, kind.value_of(answer)) for truth, answer in zip(truths, answers, strict=True)]
    always = kind.guess(truths)
    return Point(
        labels, _figure(scheme, errors), _figure(scheme, [kind.error(t, always) for t in truths]), how, unasked
    )


def _figure(scheme: Scheme, errors: Sequence[float]) -> Mean:
    return share(errors.count(0), len(errors)) if scheme.of.right_or_wrong else mean(errors)
