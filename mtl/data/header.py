"""The names of columns: whether a first line holds them, and what they say about the cells."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mtl.data.rows import Findings
from mtl.text.tags import is_tag
from mtl.text.values import LONGEST_NAME, cut, is_blank, parse_number, visible


def _words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# Names that a column of texts often has; a name that has one of TEXT_PARTS among its words may be one, too.
TEXT_NAMES = frozenset(
    _words(
        "text sentence review content tweet texts sentences reviews tweets full_text comment comments message "
        "messages body post document utterance question headline description title"
    )
)
TEXT_PARTS = frozenset(_words("text sentence review content tweet comment message"))
# Names of two texts that belong together, as do names that differ in a number or letter at the end alone.
_PAIRS = frozenset(
    tuple(pair.split("+"))
    for pair in _words("premise+hypothesis query+passage query+document anchor+positive claim+evidence text+text_pair")
)
# Of three texts that belong together: the first, one that means the same, and one that does not.
_TRIPLETS = tuple(
    frozenset(_words(names))
    for names in (
        "anchor query question premise sent0 sentence1 text",
        "positive pos sent1 entailment sentence2 positive_passage",
        "negative neg hard_neg hard_negative contradiction sentence3 negative_passage",
    )
)
LABEL_NAMES = frozenset(
    _words(
        "label labels sentiment sentiments stars star rating ratings class category topic target emotion "
        "intent polarity score intensity entities entity ner tag tags annotation annotations"
    )
)
# Parts of names for how alike two texts are, and for what one is to the other.
_LIKENESS_PARTS = frozenset(_words("score scores similarity sim similar relatedness cosine likeness"))
_CLASS_PARTS = frozenset(
    _words(
        "label labels class gold is duplicate duplicates paraphrase entailment relation judgment judgement quality "
        "target answer category type"
    )
)
_JUDGMENTS = frozenset(_words("judgment judgement"))
WORD_NAMES = frozenset(_words("word words token tokens form"))
_USELESS_NAMES = frozenset(
    _words(
        "# id ids idx index uid uuid guid no row line split fold date time datetime timestamp created url "
        "link href user username userid author email annotator annotation_id lead_time"
    )
)
_USELESS_PARTS = frozenset(_words("id ids idx uuid url date timestamp username"))
# What the names of columns end in that are about where a text comes from, or how far it spread.
_CIRCUMSTANCES = frozenset(
    _words(
        "timezone zone tz location city country region locale source device browser platform client ip count counts "
        "likes retweets shares views votes upvotes downvotes followers following friends replies favorites clicks"
    )
)

_NUMBER = re.compile("[12]")
# As Qualtrics writes below the names and the questions.
_IMPORT = re.compile(r'\s*\{"?ImportId\b', re.IGNORECASE)
# As SurveyMonkey writes below the questions.
_RESPONSE = "Open-Ended Response"
# Of fewer rows, no row is like no other.
_SURVEY = 6
_ID_PARTS = frozenset(_words("id ids idx uid uuid guid key"))

_SAMPLE = 2000
# How many characters of a cell are examined, since a cell may hold megabytes.
_LOOKED_AT = 10_000


def plain_name(name: str) -> str:
    """A column's name without stray spaces and characters that cannot be seen. A very long one is cut."""
    return " ".join(visible(name[:_LOOKED_AT]).split())


def name_parts(name: str) -> list[str]:
    """The lower-case words of a name: `review_text`, `reviewText` and `Review Text` are review and text."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|#", name)]


def promises_labels(name: str) -> bool:
    """Whether the name is typical of a column of labels."""
    return not LABEL_NAMES.isdisjoint(name_parts(name))


def is_useless(name: str) -> bool:
    """Whether the name is missing or typical of row numbers, dates, addresses and the like."""
    if promises_labels(name):  # as label_id does
        return False
    if name.lower() in _USELESS_NAMES or is_unnamed(name):
        return True
    return not _USELESS_PARTS.isdisjoint(name_parts(name)[-1:])


def tells_circumstances(name: str) -> bool:
    """Whether the name is typical of a column about where a text comes from or how far it spread."""
    return not promises_labels(name) and not _CIRCUMSTANCES.isdisjoint(name_parts(name)[-1:])


def are_a_pair(first: str, second: str) -> bool:
    """Whether the names are those of two texts that belong together, such as sentence1 and sentence2."""
    first, second = first.lower(), second.lower()
    if (first, second) in _PAIRS or (second, first) in _PAIRS:
        return True
    if first != second and _NUMBER.sub("", first) == _NUMBER.sub("", second) and _NUMBER.search(first):
        return True
    stems = [re.fullmatch(r"(..+?)[ _-]?(?:[abxy]|one|two|left|right)", name) for name in (first, second)]
    return first != second and all(stems) and stems[0][1] == stems[1][1]


def are_a_triplet(first: str, second: str, third: str) -> bool:
    """Whether the names are those of an anchor, a text that belongs to it, and one that does not."""
    return all(name.lower() in names for name, names in zip((first, second, third), _TRIPLETS, strict=True))


def promises_likeness(name: str) -> bool:
    """Whether the name is typical of a score of how alike two texts are."""
    return not _LIKENESS_PARTS.isdisjoint(name_parts(name))


def promises_class(name: str) -> bool:
    """Whether the name is typical of what one text is to another."""
    return not _CLASS_PARTS.isdisjoint(name_parts(name))


def rank_among_labels(name: str) -> int:
    """How clearly a name is that of what is known of two texts: 2 for what was settled on by several annotators (gold
    labels), 1 for other names of labels, 0 for names of anything, and for those of one annotator (label1)."""
    parts = name_parts(name)
    if "gold" in parts:
        return 2
    promises = promises_labels(name) or promises_likeness(name) or not _JUDGMENTS.isdisjoint(parts)
    return int(promises and not name[-1:].isdigit())


def names_rows(name: str) -> bool:
    """Whether the name is typical of a column that tells the rows apart."""
    return not _ID_PARTS.isdisjoint(name_parts(name)[-1:])


def is_unnamed(name: str) -> bool:
    """Whether the name is a placeholder that `distinct_names` or pandas made up."""
    return re.fullmatch(r"unnamed:? \d+", name.lower()) is not None


def looks_like_header(cells: Sequence[str]) -> bool:
    """Whether the cells are certainly names: at least one is a usual name, and none is long or a number."""
    names = [plain_name(cell) for cell in cells]
    if any(len(name) > 60 or parse_number(name) is not None for name in names):
        return False
    return any(_is_known(name) for name in names)


@dataclass(frozen=True)
class Header:
    """Whether the first row names the columns, and whether its cells leave no doubt of that."""

    is_there: bool
    sure: bool = True


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Whether the first of these rows, none of them empty, names the columns rather than being data."""
    first = [cell.strip() for cell in rows[0]]
    # A header may come again, as where files were joined.
    rest = [row for row in rows[1 : _SAMPLE + 1] if len(row) == len(first) and row != rows[0]]
    # In a list of sentences, losing the first one is worse than reading a name as a sentence.
    if len(first) == 1 or not rest:
        return Header(looks_like_header(first))
    votes = [_vote(cell, [row[i].strip() for row in rest]) for i, cell in enumerate(first)]
    return Header(sum(votes) >= 0, sure=not min(votes) < 0 < max(votes))


def headers_below(rows: Sequence[Sequence[str]]) -> int:
    """How many of the rows below the first are headers, too: the questions of a survey, or the objects by which its
    program imports the columns."""
    imports = next((i for i, row in enumerate(rows[:3]) if _is_import(row) or _RESPONSE in row), 0)
    return imports or int(len(rows) > _SURVEY and _asks(rows[1], rows[2 : _SAMPLE + 2]))


def _is_import(row: Sequence[str]) -> bool:
    return bool(row) and all(_IMPORT.match(cell) for cell in row if cell.strip()) and any(cell.strip() for cell in row)


def _asks(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row is about columns: no cell is like those below it, and two are unlike them or questions."""
    columns = [[other[i].strip() for other in below if len(other) == len(row)] for i in range(len(row))]
    unlike = 0
    for cell, others in zip(map(str.strip, row), columns, strict=True):
        filled = Counter(other for other in others if not is_blank(other))
        if is_blank(cell) or not filled:
            continue
        numbers = sum(count for other, count in filled.items() if parse_number(other) is not None)
        are_numbers = numbers > 0.9 * filled.total()
        if cell in filled or (are_numbers and parse_number(cell) is not None):
            return False
        is_question = cell.endswith("?") and sum(other.endswith("?") for other in filled) < 0.1 * len(filled)
        # Labels that repeat are shorter than what is asked.
        repeat = len(filled) <= filled.total() // 2 and len(cell.split()) > max(len(other.split()) for other in filled)
        unlike += (are_numbers or repeat) + is_question
    return unlike > 1


def _vote(cell: str, below: Sequence[str]) -> int:
    """What one cell of the first row says: above 0 it is a name, below 0 it is data like the cells below it."""
    if parse_number(cell) is not None or is_tag(cell):
        return -2
    filled = [other for other in below if other]
    if _is_known(plain_name(cell)) and cell not in filled:
        return 2
    if not cell or not filled:
        return 0
    if sum(parse_number(other) is not None for other in filled) > 0.9 * len(filled):
        return 1
    if cell in filled and len(set(filled)) <= max(2, len(filled) // 2):
        return -2
    if sum(map(_word_count, filled)) < 4 * len(filled):
        return 0
    # Survey programs use questions as names.
    asks = cell.endswith(("?", ":")) and 2 * sum(other.endswith(cell[-1]) for other in filled) < len(filled)
    return -1 if _word_count(cell) >= 4 and not asks else 1


def distinct_names(cells: Sequence[str], line: int, findings: Findings) -> list[str]:
    """The names in a header, made distinct, without stray spaces; a blank one is called "unnamed" and its position."""
    names: dict[str, None] = {}
    # The numbers not yet tried for each name, as thousands of columns may have the same one.
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))
    for i, cell in enumerate(cells):
        name = plain_name(cell) or f"unnamed {i + 1}"
        if len(name) > LONGEST_NAME:
            name = cut(name, LONGEST_NAME)
            findings.add("name-long", line, name, limit=LONGEST_NAME)
        if name in names:
            new = unused_name(name, names, numbers[name])
            findings.add("same-name", line, name, new=new)
            name = new
        names[name] = None
    return list(names)


def unused_name(name: str, names: Collection[str], numbers: Iterator[int] | None = None) -> str:
    """The name, or if it is taken the name with the first of `numbers` (default: from 2) that makes it new."""
    if name not in names:
        return name
    candidates = (f"{name} ({number})" for number in numbers or itertools.count(2))
    return next(new for new in candidates if new not in names)


def _is_known(name: str) -> bool:
    if any(name.lower() in names for names in (TEXT_NAMES, LABEL_NAMES, WORD_NAMES)):
        return True
    # Names such as comment_text, but not two words, which may be a short sentence.
    return " " not in name and not TEXT_PARTS.isdisjoint(parts := name_parts(name)) and len(parts) > 1


def _word_count(cell: str) -> int:
    return len(cell[:_LOOKED_AT].split())
