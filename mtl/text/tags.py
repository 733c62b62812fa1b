"""How the entity tags of words are written: BIO, IOBES, BILOU, BMES and their relatives, in any spelling.

`tag_form` decides it from all the values of a column. What follows works on canonical tags: O, or B-, I-, E- or S- and
the type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mtl.text.values import LONGEST_NAME

# The prefixes of all schemes, and what they are in IOBES. BILOU has L and U, BMES has M, BMEWO has W.
_PREFIXES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_LETTERS = "".join(_PREFIXES)
_STRICT = re.compile(rf"O|[{_LETTERS}]-\S{{1,{LONGEST_NAME}}}+")
_BEFORE = re.compile(rf"([{_LETTERS}{_LETTERS.lower()}])[-_:|](\S{{1,{LONGEST_NAME}}}+)")
_AFTER = re.compile(rf"(\S{{1,{LONGEST_NAME}}})[-_:|]([{_LETTERS}{_LETTERS.lower()}])")
_TYPE = re.compile(rf"[^\W\d_][\w./&+-]{{1,{LONGEST_NAME - 1}}}+")
# `(ORG*`, `*`, `*)` of CoNLL-2012; several may open or close at once.
_BRACKETS = re.compile(r"(?:\([^()*\s]++)*+\*?+\)*+")
_LONGEST_TAG = 2 * LONGEST_NAME

_O = frozenset(("O", "o"))
# Beside O, further marks of a word outside of all entities: where tags have prefixes, and where they have none.
_OUTSIDE = _O | {"0", "_", "-", "OUT", "out"}
_OTHER = frozenset(("0", "OTHER", "Other", "other", "NONE", "None", "none", "OUTSIDE", "outside"))
# The type of entities in columns of B, I and O alone.
_NO_TYPE = "entity"
_CHUNKS = frozenset(
    "NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NX QP WHNP WHPP WHADVP S TOP NC VC PC AC".casefold().split()
)
# The share of a column's values that has to fit its form.
_FIT = 0.95


@dataclass(frozen=True)
class TagForm:
    """How tags are written. `style` is where the prefix stands: "before" or "after" the type, "alone" (without a type),
    "brackets" (CoNLL-2012) or "none" (the type alone). `outside`: the tags of words outside of all entities."""

    style: str = "before"
    outside: frozenset[str] = _OUTSIDE

    def canonical(self, tag: str) -> str | None:
        """The tag as O, B-type, I-type, E-type or S-type; None if it is no tag of this form.

        Brackets have to be read together, by `read`."""
        if tag in self.outside:
            return "O"
        if not tag or len(tag) > _LONGEST_TAG:
            return None
        if self.style == "none":
            return None if " " in tag else f"I-{tag}"
        if self.style == "alone":
            return f"{_PREFIXES[tag.upper()]}-{_NO_TYPE}" if tag.upper() in _PREFIXES else None
        if self.style == "brackets":
            opened = _opened(tag)
            return None if not _BRACKETS.fullmatch(tag) else f"I-{opened[0]}" if opened else "O"
        match = (_BEFORE if self.style == "before" else _AFTER).fullmatch(tag)
        if match is None:
            return None
        prefix, label = match.groups() if self.style == "before" else match.groups()[::-1]
        return f"{_PREFIXES[prefix.upper()]}-{label}"

    def read(self, tags: Iterable[str]) -> list[str | None]:
        """The canonical tags of the words of a sentence; of nested brackets, the outermost."""
        if self.style != "brackets":
            return [self.canonical(tag) for tag in tags]
        result: list[str | None] = []
        depth, label = 0, ""
        for tag in tags:
            if not tag or not _BRACKETS.fullmatch(tag):
                result.append("O" if tag in self.outside else None)
                continue
            opened = _opened(tag)
            if depth or opened:
                label = label if depth else opened[0]
                result.append(f"{'I' if depth else 'B'}-{label}")
            else:
                result.append("O")
            depth = max(0, depth + len(opened) - tag.count(")"))
        return result


def is_tag(word: str) -> bool:
    """Whether a word by itself is certainly an entity tag: O, or a capital letter of some scheme, - and a type."""
    return _STRICT.fullmatch(word) is not None


def tag_form(values: Mapping[str, int], fit: float = _FIT) -> TagForm | None:
    """How tags are written, from the values of a column and their counts; None if they are not tags.

    Nearly all of the values have to fit, so that words such as "e-mail" and "I-95" are never taken for tags.
    """
    filled = {value.strip(" "): count for value, count in values.items() if value.strip(" ")}
    total = sum(filled.values())
    if not total:
        return None
    for form in _candidates(filled):
        fitting = outside = 0
        types: set[str] = set()
        for value, count in filled.items():
            tag = form.canonical(value)
            if tag is not None:
                fitting += count
                outside += count * (tag == "O")
                types.add(tag[2:])
        if fitting < fit * total or total - fitting > fitting - outside:
            continue
        types.discard("")
        if _is_plausible(form, filled, types, outside / total, fitting - outside):
            return form
    return TagForm() if filled.keys() <= _O else None


def named_form(names: Sequence[str]) -> TagForm:
    """How tags are written that a person has named. Without any prefix, the first is that of words in no entity."""
    counts = dict.fromkeys(names, 1)
    form = tag_form(counts, fit=1.0)
    return form or TagForm("none", _O | {names[0]})


def are_chunks(form: TagForm, values: Iterable[str]) -> bool:
    """Whether the types are those of phrases (NP, VP, ...), which are not entities."""
    types = {tag[2:].casefold() for value in values if (tag := form.canonical(value)) not in (None, "O")}
    return bool(types) and 2 * len(types & _CHUNKS) > len(types)


def has_entities(form: TagForm, values: Iterable[str]) -> bool:
    return any(form.canonical(value) not in (None, "O") for value in values)


def _candidates(values: Iterable[str]) -> list[TagForm]:
    forms = [TagForm("before"), TagForm("after"), TagForm("alone"), TagForm("brackets")]
    # A type may be called OTHER where O is used too.
    return [*forms, TagForm("none", _O if any(value in _O for value in values) else _OTHER)]


def _is_plausible(form: TagForm, values: Mapping[str, int], types: set[str], outside: float, inside: int) -> bool:
    """Whether values that are written like tags are tags, given the share of those outside and the number inside."""
    if not types:
        return False
    if form.style in ("before", "after"):
        # Without any O, as in the shortest of files, only the usual spelling is certain.
        return all(any(map(str.isalpha, label)) for label in types) and (outside > 0 or any(map(is_tag, values)))
    if form.style == "alone":
        return outside > 0 and any(value.upper() in ("B", "S", "U", "W") for value in values)
    if form.style == "brackets":
        return outside > 0 and any("*" in value for value in values)
    if any(value not in _O and is_tag(value) for value in values):
        return False
    # Words are far more varied than types, and few of them are written O, as in Portuguese.
    few = 3 + 0.7 * inside if outside >= 0.5 else max(3, 0.2 * inside)
    return outside >= 0.1 and len(types) <= few and all(_TYPE.fullmatch(label) for label in types)


def _opened(tag: str) -> list[str]:
    return re.findall(r"\(([^()*\s]++)", tag)
