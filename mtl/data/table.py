"""Read a table in any of many formats: its rows, what each column is, and what is wrong, with line numbers.

bytes -> text (files) -> what of it is the table (frame) -> cells (delimited, records, sheets) with names (structure,
header, families) or sentences (tokens) -> roles (columns, facts), what to ask (questions) -> rows, labels (kinds) ->
findings
"""

from __future__ import annotations

import functools
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtl.config import KINDS, UserError, listed
from mtl.data import findings as doctor
from mtl.data import frame, only_where, splits, token_lists, tokens
from mtl.data.columns import IGNORED, TEXT_B, Guess, Role, check_overrides, guess_roles
from mtl.data.delimited import DELIMITER_NAMES, read_grid
from mtl.data.families import Layout, find_families
from mtl.data.files import MAX_BYTES, PACKED_ENDINGS
from mtl.data.grid import Grid
from mtl.data.header import unused_name
from mtl.data.options import in_a_shell
from mtl.data.questions import ask_for_kind, ask_for_several, ask_for_split, ask_for_text
from mtl.data.records import read_records
from mtl.data.rows import NAMED_LINES, Cells, Column, Finding, Findings, Progress, Question, Row, Table, in_order
from mtl.data.structure import columns_of, read_cells, take_names
from mtl.kinds.contrastive import Contrastive
from mtl.kinds.tagging import Tagging
from mtl.text.spans import parse_markup
from mtl.text.values import is_blank, is_null, parse_number

__all__ = ["Column", "Finding", "Row", "Table", "read_table"]

# The kind of task of files with a word per line, and of marks in a text.
ENTITIES = Tagging.name
# The kind of task of texts that belong together, of which nothing else is known.
UNLABELLED = Contrastive.name
# The share of the work done when cells are split, roles guessed, rows read; progress is reported every so many cells.
_CUT, _GUESSED, _READ, _OFTEN = 0.3, 0.45, 0.7, 20_000
# A column that is not learned from is kept beside the rows if it has so few distinct values, none of them long; and so
# many columns at most.
_FEWEST_FACETS, _MOST_FACETS, _LONGEST_FACET, _MOST_FACET_COLUMNS = 2, 30, 100, 10
# The delimiter that goes with a file's extension.
_BY_EXTENSION = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def read_table(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    text_b: str | None = None,
    roles: Mapping[str, str] | None = None,
    header: bool | None = None,
    max_bytes: int = MAX_BYTES,
    token_counts: doctor.TokenCounts | None = None,
    max_tokens: int | None = None,
    progress: Progress = lambda share: None,
    names: tokens.TagNames | None = None,
    strict: bool = True,
) -> Table:
    """Read a table of texts and labels from a file: CSV, TSV, JSON, JSON Lines, Excel, OpenDocument, Parquet, CoNLL,
    one word per row, or one text per line.

    The roles of columns are guessed; `text` (the text column), `text_b` (that of a second text) and `roles` (column ->
    "ignored", "text_b", "negative", "split" or a kind of task, see `mtl.config.KINDS`) override the guess, and `header`
    whether the first row names the columns. `names` gives the names of integer tags, by column. Where a guess is a
    close call, it is among the `questions`. Unusable rows are left out and reported in `findings`, as is everything
    odd; with `token_counts` and `max_tokens` (see `findings.examine`) also texts that are too long for a model.

    `progress` is called with the share of the work that is done; an exception in it ends the reading.

    Raises UserError when nothing can be read (no such file, too big, damaged, an image or another format), and, if it
    is `strict`, when `text` or `roles` name a column that is not there.
    """
    path = Path(path)
    findings = Findings()
    roles = {**(roles or {}), **({text_b: TEXT_B} if text_b is not None else {})}
    grid, lines, encoding = read_cells(path, findings, max_bytes)
    questions: list[Question] = []
    id_column, own = None, Cells(())
    chosen = {name for name, kind in roles.items() if kind == ENTITIES}
    tag_names = names or {}
    overrides = {**dict.fromkeys(tag_names, ENTITIES), **roles}
    if (words := tokens.read_lines(lines, findings, chosen, tag_names)) is not None:
        form = "CoNLL, one word per line"
        check_overrides(words.names, text if strict else None, overrides, also=() if strict else [*overrides])
        rows, columns = _from_sentences(words, roles, findings, questions)
    else:
        extension = (path.with_suffix("") if path.suffix.lower() in PACKED_ENDINGS else path).suffix.lower()
        if grid is None:
            grid = read_records("".join(lines), findings) or read_grid(lines, prefer=_BY_EXTENSION.get(extension, ""))
        form = grid.form
        del lines
        if grid.names is None:
            frame.trim(grid, findings)
        progress(_CUT)
        titles, are_own = take_names(grid, header, findings, questions)
        if not strict and text not in titles:
            text = None
        marks, pairs = unused_name("entities", set(titles)), unused_name("pairs", set(titles))
        families = find_families(titles, columns_of(grid, len(titles)), text, overrides)
        check_overrides(titles, text, overrides, also=[marks, pairs, *families.names, *(() if strict else overrides)])
        delimiter = DELIMITER_NAMES.get(grid.dialect.delimiter)
        if words := tokens.read_grid(grid, titles, findings, chosen, tag_names, named=are_own):
            form = f"one word per row, {form or f'{delimiter} between cells'}"
            rows, columns = _from_sentences(words, roles, findings, questions)
        else:
            form = form or (f"table, {delimiter} between cells" if delimiter else "one text per line")
            of_lists = token_lists.join_lists(grid, titles, text, findings, questions, chosen, tag_names)
            cells = columns_of(grid, len(titles))
            families.report(cells, findings)
            own = Cells(titles)
            cells = families.columns(cells)
            titles = families.names
            guess = _guess(titles, cells, text, roles, of_lists | families.roles(), named=are_own)
            questions += ask_for_text(guess, titles, cells, findings)
            for title, role, column in zip(titles, guess.roles, cells, strict=True):
                questions += ask_for_several(title, role, column)
            questions += ask_for_split(guess, titles, cells, findings)
            progress(_GUESSED)
            if guess.pair:
                asked = [(title, role) for title, role in zip(titles, guess.roles, strict=True) if role.rivals]
                questions += [ask_for_kind(title, role, cells[titles.index(title)]) for title, role in asked]
            if roles.get(marks) == IGNORED or guess.pair:
                marks = None
            if not guess.unlabelled or roles.get(pairs) == IGNORED:
                pairs = None
            rows, columns = _from_grid(grid, families, cells, guess, marks, pairs, findings, progress, own)
            id_column = None if guess.id is None else titles[guess.id]
    progress(_READ)
    examined = doctor.examine(
        rows, columns, token_counts, max_tokens, lambda done: progress(_READ + (1 - _READ) * done)
    )
    found = in_order((*findings.grouped(), *examined))
    return Table(rows, tuple(columns), found, form, encoding, tuple(questions), id_column, own)


def _guess(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    text: str | None,
    roles: Mapping[str, str] | None,
    known: Mapping[str, Role],
    named: bool,
) -> Guess:
    """The role of each column; `known` are those of columns that held lists of words and tags."""
    text = next((name for name, role in known.items() if role.role == "text"), text)
    settled = {name: role.kind or role.role for name, role in known.items() if role.role != "text"}
    guess = guess_roles(names, cells, text, settled | {**(roles or {})}, named)
    settled_roles = [
        role if name in (roles or {}) else known.get(name, role) for name, role in zip(names, guess.roles, strict=True)
    ]
    return replace(guess, roles=settled_roles)


# One text per row ----------------------------------------------------------------------------------


def _from_grid(
    grid: Grid,
    families: Layout,
    cells: Sequence[Sequence[str]],
    guess: Guess,
    marks: str | None,
    pairs: str | None,
    findings: Findings,
    progress: Progress,
    own: Cells,
) -> tuple[list[Row], list[Column]]:
    """The rows and columns of a table; `marks` is the task for entities marked in its text, `pairs` that for texts that
    belong together, or None. What the file itself has in each row is added to `own`."""
    names, roles = families.names, guess.roles
    place = next((i for i, role in enumerate(roles) if role.role == "text"), None)
    if place is None:
        likely = guess.texts[0] if guess.texts else ""
        said = f"; the likeliest is {likely}" if likely else ""
        option = f", by {in_a_shell(text=likely)}" if likely else ""
        findings.add("no-text-column", names=", ".join(names) or "none", likely=said, option=option)
        return [], _described(names, roles, [])
    if not guess.pair:
        roles = [_without_second_text(name, role, findings) for name, role in zip(names, roles, strict=True)]
    others = guess.pair[1:]
    readers = {
        i: KINDS[role.kind].reader(cells[i], functools.partial(findings.add, column=names[i]))
        for i, role in enumerate(roles)
        if role.role == "task"
    }
    split = next((i for i, role in enumerate(roles) if role.role == splits.SPLIT), None)
    words: Counter[str] = Counter()
    facets = _facets(roles, cells)
    keep_null = {i for i in readers if KINDS[roles[i].kind].keeps_null(cells[i])}
    for name, role in zip(names, roles, strict=True):
        if role.rivals:
            option = in_a_shell(roles={name: role.rivals[0]})
            findings.add("close-call", None, name, kind=role.kind, other=role.rivals[0], option=option)
        if role.offered:
            option = in_a_shell(roles={name: role.offered})
            findings.add("set-aside", None, name, reason=role.reason, option=option)
    # Marks in the text count as entities unless there is a column of entities.
    marked = roles[place].marked and not any(role.kind == ENTITIES for role in roles)
    for line in grid.unclosed:
        findings.add("quote-open", line)
    for line in sorted(set(grid.mended) - set(grid.unclosed)):
        findings.add("quotes", line)
    rows: list[Row] = []
    # The number of rows by their number of cells. Missing labels are reported for the first of these and only counted
    # for the others, since a row of one cell may lack thousands.
    short: Counter[int] = Counter()
    often = max(1, _OFTEN // len(names))
    for number, (cells_of_row, line) in enumerate(_even_rows(grid, families, place, findings)):
        own.add(cells_of_row, line)
        row = families.row(cells_of_row)
        if number % often == 0:
            progress(_GUESSED + (_READ - _GUESSED) * number / len(grid.rows))
        text = row[place] if place < len(row) else ""
        labels: dict[str, Any] = {}
        if marked:
            text, spans = parse_markup(text)
            if marks:
                labels[marks] = tuple(spans)
        if not text.strip():
            findings.add("text-empty", line, names[place])
            continue
        texts = (text, *(row[i] if i < len(row) else "" for i in others))
        if (
            empty := next((i for i, other in zip(others, texts[1:], strict=True) if not other.strip()), None)
        ) is not None:
            findings.add("text-empty", line, names[empty])
            continue
        width = len(row)
        held_out = None
        if split is not None:
            word = row[split] if split < width else ""
            held_out = splits.read_split(word, line, names[split], findings)
            if held_out is None:
                continue
            words[word.strip()] += 1
        blank: list[int] = []
        for i, read in readers.items():
            if i >= width:
                break
            if is_blank(row[i]) and not (i in keep_null and is_null(row[i])):
                blank.append(i)
            elif (label := read(row[i], text, line)) is not None:
                labels[names[i]] = label
        if labels:  # of a row without any, it is said that it has none
            short[width] += width < len(names)
            if width < len(names) and short[width] <= NAMED_LINES:
                blank += [i for i in readers if i >= width]
            for i in blank:
                findings.add("label-blank", line, names[i], noun=KINDS[roles[i].kind].value_noun)
        row_id = row[guess.id].strip() if guess.id is not None and guess.id < width else ""
        if pairs:
            labels[pairs] = True
        beside = {names[i]: values[row[i]] for i, values in facets.items() if i < width and row[i] in values}
        own.used_as[-1] = len(rows)
        rows.append(Row(texts, labels, line, row_id, beside, held_out))
    for i in readers:
        missing = sum(max(0, count - NAMED_LINES) for width, count in short.items() if width <= i)
        findings.add_uncounted("label-blank", names[i], missing)
    if marked and marks:
        names = [*names, marks]
        roles = [*roles, Role("task", ENTITIES, f"its entities are marked in {names[place]}")]
    if pairs:
        belong = listed(names[i] for i in guess.pair[:2])
        names, roles = [*names, pairs], [*roles, Role("task", UNLABELLED, f"the texts in {belong} belong together")]
    if others:
        rows = _with_same_texts(rows, [names[i] for i in guess.pair], findings)
    for name, role in zip(names, roles, strict=True):
        if role.kind:
            KINDS[role.kind].settle(rows, name, findings)
    columns = _described(names, roles, rows)
    splits.report(rows, columns, words, findings)
    if not rows:
        findings.add("no-rows")
    elif all(column.role != "task" for column in columns):
        findings.add("no-task")
    return rows, columns


def _facets(roles: Sequence[Role], cells: Sequence[Sequence[str]]) -> dict[int, dict[str, str]]:
    """Columns that part the rows into a few groups, though nothing is learned from them: the name of each group by how
    a cell says it."""
    found = {}
    for i, role in enumerate(roles):
        if role.role not in (IGNORED, splits.SPLIT) or len(found) == _MOST_FACET_COLUMNS:
            continue
        values: dict[str, str] = {}
        for cell in cells[i]:
            if cell not in values and not is_blank(cell):
                values[cell] = cell.strip()
            if len(cell) > _LONGEST_FACET or len(values) > _MOST_FACETS:
                break
        else:
            if len(set(values.values())) >= _FEWEST_FACETS:
                found[i] = values
    return found


def _without_second_text(name: str, role: Role, findings: Findings) -> Role:
    """The role, unless it is for two texts, of which this table has one."""
    if role.kind is None or KINDS[role.kind].texts == 1:
        return role
    findings.add("one-text", None, name, kind=role.kind)
    return Role(IGNORED, None, "it is about two texts, and the rows have one")


def _with_same_texts(rows: list[Row], names: Sequence[str], findings: Findings) -> list[Row]:
    """The rows, with rows reported whose two texts are the same; without labels if all are."""
    same = [row for row in rows if row.texts[0].strip() == row.texts[1].strip()]
    if same and len(same) == len(rows):
        findings.add("same-columns", None, names[1], other=names[0])
        return [replace(row, labels={}) for row in rows]
    for row in same:
        findings.add("same-texts", row.line, names[1])
    return rows


def _even_rows(grid: Grid, families: Layout, place: int, findings: Findings) -> Iterator[tuple[list[str], int]]:
    """The rows, each with up to as many cells as there are columns, and their lines. `place` is the index of the text
    column."""
    places = list(families.sources.values())
    width, place = sum(map(len, places)), places[place][0]
    delimiter = grid.dialect.delimiter
    name = DELIMITER_NAMES.get(delimiter, delimiter)
    last = max((i for i, row in enumerate(grid.rows) if row), default=-1)
    for row, line in zip(grid.rows[: last + 1], grid.lines, strict=False):
        if not row:
            findings.add("blank-line", line)
            continue
        found = len(row)
        if found < width:
            findings.add("ragged-short", line, found=found, expected=width, delimiter=name)
        elif any(cell.strip() for cell in row[width:]):
            code = "ragged-cut" if delimiter == "\t" else "ragged-joined"
            findings.add(code, line, found=found, expected=width, delimiter=name)
        yield grid.even(row, width, place), line


# One word per row ------------------------------------------------------------------------------------


def _from_sentences(
    words: tokens.WordTable, overrides: Mapping[str, str] | None, findings: Findings, questions: list[Question]
) -> tuple[list[Row], list[Column]]:
    if splits.SPLIT in (overrides or {}).values():
        raise UserError("A column can say which rows train only where a row is a text, and here it is a word.")
    names, places = words.names, words.places
    task = None if places.tag is None else names[places.tag]
    used = task is not None and (overrides or {}).get(task) != "ignored"
    rows = [
        Row(text, {task: tuple(spans)} if used else {}, line)
        for text, spans, line in tokens.to_spans(words.sentences, places.form, task or "", findings)
    ]
    if used:
        KINDS[ENTITIES].settle(rows, task, findings)
    roles = tokens.word_roles(names, places, not used, findings, questions)
    if not rows:
        findings.add("no-rows")
    elif task is None:
        findings.add("no-task")
    return rows, _described(names, roles, rows)


def _described(names: Sequence[str], roles: Sequence[Role], rows: Sequence[Row]) -> list[Column]:
    """The columns with their labels, counted over the rows that were read."""
    values: dict[str, list] = defaultdict(list)
    for row in rows:
        for name, value in row.labels.items():
            values[name].append(value)
    of = dict(zip(names, roles, strict=True))
    splitting = [name for name, role in of.items() if role.role == splits.SPLIT]
    some = only_where.find(rows, [name for name, role in of.items() if role.kind], besides=splitting)
    return [
        replace(
            _column(name, role, KINDS[role.kind].counts(values[name]) if role.kind else {}),
            filled=len(values[name]),
            only_where=some.get(name, ""),
        )
        for name, role in of.items()
    ]


def _column(name: str, role: Role, counts: Mapping[str, int]) -> Column:
    numbers = {label: parse_number(label) for label in counts}
    by_number = all(number is not None for number in numbers.values())
    labels = tuple(sorted(counts, key=numbers.get if by_number else lambda label: (label.casefold(), label)))
    counted = {label: counts[label] for label in labels}
    return Column(name, role.role, role.kind, labels, counted, role.reason, role.confidence, role.offered)
