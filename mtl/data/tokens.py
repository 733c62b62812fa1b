"""Tables of words: CoNLL text and its kin, and tables with one word per row.

Which column holds the words and which the tags is decided by their values; names only break ties.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtl.data.columns import Role
from mtl.data.grid import Grid
from mtl.data.header import TEXT_NAMES, WORD_NAMES, distinct_names, looks_like_header, promises_labels
from mtl.data.options import in_a_shell
from mtl.data.questions import ask_for_names
from mtl.data.rows import Findings, Question
from mtl.kinds.tagging import Tagging
from mtl.text.literals import are_lists
from mtl.text.spans import (
    Span,
    entity_starts,
    tags_to_spans,
    words_to_text,
)
from mtl.text.tags import TagForm, are_chunks, has_entities, named_form, tag_form
from mtl.text.values import shown

# So many rows or lines are looked at to tell what a table holds.
SAMPLE = 2000
_MANY_WORDS = 300
# In characters; a word with its tags is shorter.
_LONGEST_LINE = 10_000
_SENTENCE_NAME = re.compile(r"(sent|doc|seq)[a-z]*([ _]?(#|id|no|number|idx|index))?|#|id")
_DOCUMENT = "-DOCSTART-"
# In the last column of HIPE's files.
_SENTENCE_ENDS = "EndOfSentence"
# More different numbers than that are no entity tags.
_MOST_TAGS = 200
# Of columns whose number of different values is that near to the highest, the name says which holds the words.
_NEARLY = 0.8

# The words of a sentence: (word, tag, line number) each.
Sentence = list[tuple[str, str, int]]
# The names of a column's integer tags, by column.
TagNames = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class WordColumns:
    """The columns of a table of words. `tag` is None when none holds tags that can be read; `form`: how they are
    written.

    A sentence begins where the column `sentence` has a new value, where the numbers of `index` begin anew, and after a
    blank line if `apart`. `names` are those of integer tags, `unnamed` the columns of integer tags that lack names,
    with the first words and their tags, and `others` further columns of entities, such as those nested in the first.
    """

    word: int
    tag: int | None
    form: TagForm = TagForm()
    sentence: int | None = None
    index: int | None = None
    apart: bool = True
    names: Sequence[str] = ()
    unnamed: tuple[tuple[int, Sequence[tuple[str, str]]], ...] = ()
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class WordTable:
    """A file with one word per line, as sentences."""

    names: list[str]
    places: WordColumns
    sentences: Iterator[Sentence]


# Which column is which -----------------------------------------------------------------------------


def find_word_columns(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    chosen: Iterable[str] = (),
    tag_names: TagNames | None = None,
    named: bool = True,
) -> WordColumns | None:
    """The columns of a table with one word per row, from its first rows (a blank line is an empty one); None for other
    tables.

    `chosen`: columns that a person called entities. `named` is False when the names are made up.
    """
    width = len(names)
    filled = [i for i, row in enumerate(rows) if any(row)]
    whole = [i for i in filled if len(rows[i]) == width]
    full = [rows[i] for i in whole]
    if len(full) < 2:
        return None
    apart = filled[-1] - filled[0] >= len(filled)
    columns = [[row[i].strip(" ") for row in full] for i in range(width)]
    tag_names = {names.index(name): given for name, given in (tag_names or {}).items() if name in names}
    counts = [Counter(column) for column in columns]
    forms = {i: form for i, values in enumerate(counts) if (form := tag_form(values)) is not None}
    words = [i for i, values in enumerate(counts) if i not in tag_names and _holds_words(values)]
    word = _word_column([name if named else "" for name in names], counts, words, forms)
    if word is None:
        return None
    is_certain = named and names[word].lower() in WORD_NAMES
    numbers = [i for i, values in enumerate(counts) if i != word and i not in forms and _are_whole(values)]
    unnamed = [i for i in numbers if i not in tag_names and _are_tag_numbers(counts[i])]
    first = {place for place, (i, before) in enumerate(zip(whole, [-2, *whole], strict=False)) if i > before + 1}
    counting = [i for i in numbers if i not in tag_names and i not in unnamed]
    index = next((i for i in counting if _begins_anew(columns[i], first)), None)
    free = [i for i in range(width) if i not in (word, index, *forms, *tag_names, *unnamed)]
    sentence = _sentence_column(names if named else [""] * width, columns, free, apart)
    divided = apart or sentence is not None or index is not None

    levels = [i for i in forms if i != word and i not in tag_names]
    entities = [i for i in levels if has_entities(forms[i], counts[i])]
    chunks = [i for i in entities if are_chunks(forms[i], counts[i])]
    # Tags with names that a person gave, then those with prefixes, then those without; phrases where nothing else is.
    ranked = sorted(set(entities) - {*chunks}, key=lambda i: (forms[i].style == "none", i)) or chunks or levels
    ranked = [i for i in levels if names[i] in chosen] or [*tag_names, *ranked]
    if not ranked:
        # Numbers and words alone are little evidence.
        if named:
            unnamed = [i for i in unnamed if divided and is_certain and promises_labels(names[i])]
        is_parsed = apart and index is not None and not any(" " in cell for column in columns for cell in column)
        if not (unnamed and (named or apart)) and (named or not is_parsed):
            return None
        tagged = tuple((i, [(row[word], row[i]) for row in full]) for i in unnamed)
        return WordColumns(word, None, TagForm(), sentence, index, sentence is None, (), tagged)
    tag = ranked[0]
    form = named_form(tag_names[tag]) if tag in tag_names else forms[tag]
    is_weak = tag in tag_names or form.style == "none" or tag not in entities
    if is_weak and any(_is_prose(counts[i]) for i in range(width) if i != sentence):
        return None
    # A table with a text column holds whole texts, even if all of them are single words.
    may_be_texts = is_weak or (named and not {name.lower() for name in names}.isdisjoint(TEXT_NAMES))
    if may_be_texts and not (divided or is_certain):
        return None
    others = tuple(i for i in ranked[1:] if i in entities)
    return WordColumns(word, tag, form, sentence, index, sentence is None, tag_names.get(tag, ()), (), others)


def _word_column(
    names: Sequence[str], counts: Sequence[Collection[str]], words: Sequence[int], forms: Mapping[int, TagForm]
) -> int | None:
    """Of columns of single `words`, the one with the most different values; of several near that, the one named so."""
    without_prefix = [i for i in words if i in forms and forms[i].style == "none"]
    words = [i for i in words if i not in forms] or without_prefix
    # Names of words, such as t12, are as varied as words, but always have a number.
    words = [i for i in words if not _are_numbered(counts[i])] or words
    most = max((len(counts[i]) for i in words), default=0)
    near = [i for i in words if len(counts[i]) >= _NEARLY * most and names[i].lower() in WORD_NAMES]
    return max(near or words, key=lambda i: len(counts[i]), default=None)


def _holds_words(values: Counter[str]) -> bool:
    """Whether most cells hold a single word, most of them no numbers and no lists of words without spaces."""
    filled = sum(count for value, count in values.items() if value)
    single = sum(count for value, count in values.items() if value and " " not in value)
    if 2 * filled <= values.total() or single < 0.95 * filled:
        return False
    return not _are_whole(values) and not are_lists(values)


def _are_numbered(values: Collection[str]) -> bool:
    """Whether most of the different values have a digit."""
    return 2 * sum(any(map(str.isdigit, value[:_LONGEST_LINE])) for value in values) > len(values)


def _is_prose(values: Counter[str]) -> bool:
    return 2 * sum(count for value, count in values.items() if value.count(" ") >= 3) > values.total()


def _are_whole(values: Iterable[str]) -> bool:
    """Whether nearly all values are whole numbers; ranges such as 1-2 count words that are written together."""
    values = [value for value in values if value]
    return sum(value.isascii() and value.isdigit() for value in values) > 0.8 * len(values)


def _are_tag_numbers(values: Counter[str]) -> bool:
    """Whether whole numbers may be tags: 0, which is O, is the commonest by far."""
    return 2 <= len(values) <= _MOST_TAGS and values["0"] > 0.3 * values.total() and max(values, key=values.get) == "0"


def _begins_anew(cells: Sequence[str], first: Collection[int] = ()) -> bool:
    """Whether numbers grow from word to word (positions of words, or of characters) and begin anew now and then.

    `first`: the places where sentences are known to begin."""
    numbers = [int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 10 else None for cell in cells]
    pairs = [pair for pair in enumerate(zip(numbers, numbers[1:], strict=False), start=1) if None not in pair[1]]
    if len(pairs) < 0.6 * len(numbers):
        return False
    fallen = [(place, after) for place, (before, after) in pairs if after <= before]
    if len(first) > 1:
        return sum(place not in first for place, _ in fallen) <= 0.02 * len(pairs)
    same = sum(before == after for _, (before, after) in pairs)
    return 0 < len(fallen) <= 0.7 * len(pairs) and same <= 0.1 * len(pairs) and max(after for _, after in fallen) <= 1


def _sentence_column(
    names: Sequence[str], columns: Sequence[Sequence[str]], free: Sequence[int], apart: bool
) -> int | None:
    """The column that names or numbers the sentences: on their first row alone, or on all of theirs.

    Blank lines make such a column needless, so that only a name makes one certain there.
    """
    runs: dict[int, int] = {}
    for i in free:
        cells = [cell for cell in columns[i] if cell]
        starts = [cell for before, cell in zip(["", *cells], cells, strict=False) if cell != before]
        named = _SENTENCE_NAME.fullmatch(names[i].lower()) is not None
        # A column with a new value in every row numbers the words, not the sentences.
        if len(starts) < 0.9 * len(columns[i]) and len(starts) > 1 and (named or (not apart and _are_ids(starts))):
            runs[i] = len(starts)
    return max(runs, key=runs.get) if runs else None


def _are_ids(starts: Sequence[str]) -> bool:
    """Whether the values that begin runs are distinct with a number in each, or numbers that grow and begin anew."""
    if not _are_numbered(set(starts)):
        return False
    return len(set(starts)) == len(starts) or _begins_anew(starts)


# One word per line ---------------------------------------------------------------------------------


def read_lines(
    lines: Sequence[str], findings: Findings, chosen: Iterable[str] = (), tag_names: TagNames | None = None
) -> WordTable | None:
    """The sentences of CoNLL and its kin: fields of any number and order between tabs or spaces; None for other text.

    Blank lines and comments end a sentence, as does -DOCSTART-.
    """
    sample = [_fields(line) for line in lines[:SAMPLE]]
    features = _features(sample)
    sample = [_with_features(fields, features) for fields in sample]
    filled = [fields for fields in sample if fields]
    widths = Counter(len(fields) for fields in filled if not fields[0].startswith("#"))
    width = max(widths, key=widths.get, default=0)
    if width < 2 or widths[width] < 0.95 * (widths.total() - 1) or _is_header_of_a_table(filled[0]):
        return None
    first = next(number for number, fields in enumerate(sample) if len(fields) == width and fields[0][:1] != "#")
    # Comments apart, as some have as many fields as a word.
    body = [fields for fields in sample[first + 1 :] if not fields or fields[0][:1] != "#"]
    names = [f"column {i + 1}" for i in range(width)]
    places = find_word_columns(names, body, chosen, tag_names, named=False)
    has_header = places is not None and _is_header(sample[first], places)
    if has_header:
        names = distinct_names(sample[first], first + 1, findings)
        places = find_word_columns(names, body, chosen, tag_names)
    else:
        places = find_word_columns(names, [sample[first], *body], chosen, tag_names, named=False)
    if places is None:
        return None
    if has_header:
        findings.add("word-header", first + 1)
    else:
        names[places.word] = "text"
        if places.tag is not None and names[places.tag] not in {*chosen, *(tag_names or ())}:
            names[places.tag] = "entities"

    def rows() -> Iterator[list[str]]:
        for number, line in enumerate(lines):
            fields = _with_features(_fields(line), features)
            is_skipped = (number == first and has_header) or (fields and _is_comment(fields, width, places))
            yield [] if is_skipped else fields

    return WordTable(names, places, read_word_rows(rows(), range(1, len(lines) + 1), places, findings))


def read_grid(
    grid: Grid,
    names: Sequence[str],
    findings: Findings,
    chosen: Iterable[str] = (),
    tag_names: TagNames | None = None,
    named: bool = True,
) -> WordTable | None:
    """The sentences of a table with one word per row; None for other tables."""
    places = find_word_columns(names, grid.rows[:SAMPLE], chosen, tag_names, named)
    if places is None:
        return None
    return WordTable([*names], places, read_word_rows(grid.rows, grid.lines, places, findings))


def _fields(line: str) -> list[str]:
    """The fields of a line; none for a blank one. No-break spaces and the like are parts of words."""
    line = line.rstrip("\r\n")
    if not line.strip() or line.startswith(_DOCUMENT):
        return []
    if len(line) > _LONGEST_LINE:
        return [line]
    if "\t" in line:
        return [field.strip(" ") for field in line.rstrip("\t ").split("\t")]
    # A line that begins with a space lacks a word, as where the word is a space itself.
    return re.split(" ++", line.rstrip(" "))


def _features(rows: Iterable[Sequence[str]]) -> dict[int, str]:
    """The columns of features such as SpaceAfter=No|name=B-PER, as in CoNLL-U, and the name of that which is a tag."""
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for fields in rows:
        for i, field in enumerate(fields):
            if "=" in field:
                pairs = (feature.partition("=") for feature in field.split("|"))
                for name, _, value in pairs:
                    counts[i, name][value] += 1
    forms = {key: tag_form(values) for key, values in counts.items()}
    return {i: name for (i, name), form in forms.items() if form and has_entities(form, counts[i, name])}


def _with_features(fields: list[str], features: Mapping[int, str]) -> list[str]:
    """The fields with a tag in place of the features that it is one of."""
    for i, name in features.items():
        if i < len(fields):
            pairs = (feature.partition("=") for feature in fields[i].split("|"))
            fields[i] = next((value for key, _, value in pairs if key == name), "_")
    return fields


def _is_comment(fields: Sequence[str], width: int, places: WordColumns) -> bool:
    if not fields[0].startswith("#"):
        return False
    return len(fields) != width or places.tag is None or not _has_tag(fields, places)


def _is_header(fields: Sequence[str], places: WordColumns) -> bool:
    """Whether the first line has a name where others have a tag or a number."""
    if fields[places.word].lower() in WORD_NAMES and any(map(promises_labels, fields)):
        return True
    if places.tag is None:
        numbers = (places.index, *(i for i, _ in places.unnamed))
        return any(not fields[i][:1].isdigit() for i in numbers if i is not None)
    return bool(fields[places.tag]) and not _has_tag(fields, places)


def _has_tag(fields: Sequence[str], places: WordColumns) -> bool:
    return places.form.canonical(named_tag(fields[places.tag], places.names)) is not None


def _is_header_of_a_table(fields: Sequence[str]) -> bool:
    """Whether a first line is like `text,entities`, as of a table with a text and its tags in each row."""
    (first, *others) = fields
    return not others and any(mark in first and looks_like_header(first.split(mark)) for mark in ",;|")


def read_word_rows(
    rows: Iterable[Sequence[str]], lines: Iterable[int], columns: WordColumns, findings: Findings
) -> Iterator[Sentence]:
    """The sentences of a table with one word per row; see `WordColumns` for where they begin."""
    sentence: Sentence = []
    current: str | None = None
    before = -1
    for row, line in zip(rows, lines, strict=True):
        cells = [cell.strip(" ") for cell in row] if any(row) else []
        word, tag, name, number = (
            cells[i] if i is not None and i < len(cells) else ""
            for i in (columns.word, columns.tag, columns.sentence, columns.index)
        )
        if "-" in number or "." in number:
            continue  # 1-2 and 8.1 of CoNLL-U: the words follow one by one, or there are none
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else before
        starts = (name and name != current) or (place < before) or (not cells and columns.apart)
        if (starts or word == _DOCUMENT) and sentence:
            yield sentence
            sentence = []
        current, before = name or current, place
        if not word or word == _DOCUMENT:
            if cells and not word:
                findings.add("word-blank", line)
        else:
            sentence.append((word, named_tag(tag, columns.names) if columns.tag is not None else "O", line))
            if _SENTENCE_ENDS in cells[-1]:
                yield sentence
                sentence = []
    if sentence:
        yield sentence


def named_tag(tag: str, names: Sequence[str]) -> str:
    """The name of an integer tag; other tags are names already."""
    return (
        names[int(tag)]
        if names and tag.isascii() and tag.isdigit() and len(tag) < 10 and int(tag) < len(names)
        else tag
    )


def to_spans(
    sentences: Iterable[Sentence], form: TagForm, column: str, findings: Findings
) -> Iterator[tuple[str, list[Span], int]]:
    """(text, spans, first line) of each sentence, words joined by single spaces. Faulty ones are left out.

    Whether an I- without a B- before it is a fault is decided over all sentences: if most entities begin with I-, the
    file is IOB1, where that is correct.
    """
    loose_lines: list[int] = []
    strict_starts = 0
    done, offsets = 0, []
    for sentence in sentences:
        words, written, lines = ([token[i] for token in sentence] for i in range(3))
        tags = form.read(written)
        if None in tags:
            bad = tags.index(None)
            findings.add("bio-tag" if written[bad] else "bio-missing", lines[bad], column, cell=shown(written[bad]))
            continue
        loose, strict = entity_starts(tags)
        loose_lines += [lines[i] for i in loose]
        strict_starts += strict
        done += 1
        text, offsets = words_to_text(words)
        yield text, tags_to_spans(tags, offsets), lines[0]
    if done == 1 and len(offsets) > _MANY_WORDS:
        findings.add("no-sentences", count=len(offsets))
    if strict_starts >= len(loose_lines):
        for line in loose_lines:
            findings.add("bio-illegal", line, column)


def word_roles(
    names: Sequence[str], places: WordColumns, ignored: bool, findings: Findings, questions: list[Question]
) -> list[Role]:
    """What the columns of a table of words are used for; `ignored`: not its tags. What was not taken is said, and names
    that are missing are asked for."""
    roles = [Role("ignored", None, "it is about single words")] * len(names)
    roles[places.word] = Role("text", None, "its words, joined by single spaces")
    if places.sentence is not None:
        roles[places.sentence] = Role("ignored", None, "it tells where a sentence begins")
    for i, tagged in places.unnamed:
        questions.append(ask_for_names(names[i], tagged))
        roles[i] = Role("ignored", None, "the numbers of its tags need names")
        option = in_a_shell(names={names[i]: ["O", "B-PER", "I-PER", "..."]})
        findings.add("names-needed", None, names[i], name=names[i], option=option)
    if places.tag is None:
        return roles
    for i in places.others:
        roles[i] = Role("ignored", None, f"its entities are left out; those of {names[places.tag]} are read")
    if ignored:
        roles[places.tag] = Role("ignored", None, "as you said")
        return roles
    roles[places.tag] = Role("task", Tagging.name, "it has an entity tag for each word")
    if places.others:
        others = ", ".join(names[i] for i in places.others)
        option = in_a_shell(roles={names[places.others[0]]: Tagging.name})
        findings.add("entity-levels", None, names[places.tag], others=others, option=option)
    return roles
