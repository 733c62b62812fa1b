"""Which text to label next: those that a head is least sure of, the surest to check them, or as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from mtl.labelling.measuring import ENOUGH, ONE_IN, is_set_aside
from mtl.labelling.project import Project

LEAST_SURE, SUREST, AS_GIVEN = "least sure", "surest", "as given"
ORDERS = (LEAST_SURE, SUREST, AS_GIVEN)
# How a text comes up that somebody chose from a list, in which they saw what a head answers.
BY_HAND = "by hand"
# With every other one of the first, there is a figure after some eight labels and a test after 40; what a head has
# learned by then from tickets.csv and workshop.csv is up to 8 points less than with one in five.
EARLY = 2


def picks(how: str, text: str) -> bool:
    """Whether a text that comes up in this order, by a head's certainty, or `BY_HAND`, is picked by it (see
    `Item.picked`)."""
    return how == BY_HAND or (how != AS_GIVEN and not is_set_aside(text))


def queue(project: Project, how: str, certainty: Sequence[float] | None = None) -> list[int]:
    """The places of the texts that nobody has labelled, the next one first. `certainty`: of a head's answer to each
    text; without it they are as they are.

    In the other orders, every `EARLY`th is the next of those that are set aside, as they are, until enough of these
    are labelled, and then one in five: what is measured on them holds for all texts, and not for those that a head
    found hard, or easy.
    """
    items, values = project.items, project.values
    free = [place for place, item in enumerate(items) if values[place] is None and not item.left_out]
    if certainty is None or how == AS_GIVEN:
        return free
    sign = -1 if how == SUREST else 1
    aside = [place for place in free if is_set_aside(items[place].text)]
    others = sorted({*free} - {*aside}, key=lambda place: (sign * certainty[place], place))
    labelled = project.in_order
    tested = sum(is_set_aside(items[place].text) for place in labelled)
    return list(_mixed(others, aside, len(labelled), tested))


def _mixed(others: Sequence[int], aside: Sequence[int], labelled: int, tested: int) -> Iterator[int]:
    """Those `aside` among the `others`, where so many are labelled already, and so many of them `tested`."""
    one, other = deque(aside), deque(others)
    while one and other:
        is_due = labelled % (EARLY if tested < ENOUGH else ONE_IN) == 0
        labelled, tested = labelled + 1, tested + is_due
        yield (one if is_due else other).popleft()
    yield from (*one, *other)
