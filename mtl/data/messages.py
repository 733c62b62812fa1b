"""The messages of all findings about a table: level, problem, what was done, how to fix it.

error: a row, label or column was left out or is useless; warning: it is used, but perhaps not as intended; note: good
to know. The braces are filled in when the finding is made.
"""

from __future__ import annotations

_ROW_UNUSED = "The row is not used for this task."
_ROW_OUT = "The row was left out."
_COUNTING = "Count characters from 0; the end is one past the last, so that text[start:end] is the entity."
_BIO = "Write O, or B- on the first word of an entity and I- on its others, with the type, as in B-PER."

# Code -> (level, problem, action, hint).
MESSAGES: dict[str, tuple[str, str, str, str]] = {
    # The file.
    "encoding-guessed": (
        "note",
        "The file is not in UTF-8.",
        "It was read as {encoding}.",
        "If accented letters look wrong, save the file as UTF-8 and read it again.",
    ),
    "bytes": (
        "error",
        "Some bytes here are no characters in {encoding}.",
        "Each was replaced by \ufffd.",
        "Save the file as UTF-8 from the program that it comes from.",
    ),
    "nul": (
        "warning",
        "The file holds {count:,} NUL characters.",
        "They were read as spaces.",
        "Export the file again: something went wrong on the way.",
    ),
    # Rows and columns.
    "no-header": (
        "warning",
        "The first line looks like data, not like a header.",
        "It was read as a row, and the columns were called {names}.",
        "Put a line with the names of the columns on top.",
    ),
    "same-name": (
        "warning",
        "Two columns have the same name.",
        "The second was called {new}.",
        "Give each column a name of its own.",
    ),
    "name-long": (
        "warning",
        "The name of the column is longer than {limit:,} characters.",
        "It was cut.",
        "Give the column a short name.",
    ),
    "blank-line": ("note", "The line is blank.", "It was skipped.", "Delete it."),
    "ragged-short": (
        "warning",
        "The row has {found} of {expected} cells.",
        "The missing cells were taken as blank.",
        "Fill the row up, and look for a quotation mark that is not closed.",
    ),
    "ragged-joined": (
        "warning",
        "The row has {found} cells where {expected} are expected.",
        "The extra cells were taken as part of the text.",
        'Wrap a text that holds a {delimiter} in "...".',
    ),
    "ragged-cut": (
        "warning",
        "The row has {found} cells where {expected} are expected.",
        "What is beyond the last column was left out.",
        "Delete the {delimiter}s inside cells.",
    ),
    "quotes": (
        "warning",
        "The quotation marks on this line do not pair up.",
        "The line was read by itself.",
        'Wrap a cell in "..." and double each quotation mark inside it.',
    ),
    "quote-open": (
        "warning",
        "A quotation mark opens a cell on this line, and none closes it.",
        "It was kept as a part of the cell.",
        "Delete it, or put the one that is missing at the end of the cell.",
    ),
    "no-text-column": (
        "error",
        "No column looks like text.",
        "No row was read.",
        "Call the column that holds the sentences text, or choose it as the text. The columns are: {names}.",
    ),
    "no-rows": ("error", "There is no row with a text.", "Nothing was read.", "Add at least one row below the header."),
    "no-task": (
        "note",
        "No column holds labels.",
        "The texts were read; they can be analysed, but nothing can be learned from them.",
        "For training, add a column with a label, a number or entities for each text.",
    ),
    "text-empty": ("error", "The text is empty.", _ROW_OUT, "Fill in the text or delete the row."),
    "truncated": (
        "warning",
        "The text has {count:,} tokens.",
        "The model reads the first {limit:,}; the rest is ignored.",
        "Split the text, or put what matters first.",
    ),
    "endless": (
        "warning",
        "The text has more than {count:,} tokens.",
        "The model reads the first {limit:,}; the rest is ignored.",
        "Split the text, or put what matters first.",
    ),
    "duplicate": (
        "note",
        "The text is the same as on line {earlier}.",
        "Both were kept.",
        "Delete one, unless the text is meant to count twice.",
    ),
    "duplicate-differs": (
        "warning",
        "The text is the same as on line {earlier}, but its label differs.",
        "Both were kept.",
        "Decide for one of the labels: a model cannot learn both.",
    ),
    "row-unlabelled": (
        "warning",
        "The row has no label for any task.",
        "It was kept, but training cannot use it.",
        "Add a label or delete the row.",
    ),
    "close-call": (
        "note",
        "The cells could be of the kind {other} as well.",
        "The column is used as {kind}.",
        "Say which it is, in the page beside the column's name or by --role '{name}={other}'.",
    ),
    # Classes and numbers.
    "label-blank": ("note", "There is no label here.", _ROW_UNUSED, "Leave it so where you have no label."),
    "label-once": (
        "warning",
        "The label {label} is seen only once.",
        "It was kept.",
        "Correct it if it is a typing error; otherwise add more rows like it.",
    ),
    "label-long": (
        "error",
        "The label has {count:,} characters; a label may have {limit:,}.",
        _ROW_UNUSED,
        "Give the label a short name, or ignore this column if it holds texts.",
    ),
    "label-spelling": (
        "warning",
        "{cell} is another spelling of {label}.",
        "It was read as {label}.",
        "Use one spelling, without spaces around it.",
    ),
    "one-class": (
        "error",
        "Every label is {label}: there is nothing to tell apart.",
        "The labels were read, but training on them teaches nothing.",
        "Add rows with other labels.",
    ),
    "one-number": (
        "error",
        "Every number is {value:g}: there is nothing to learn.",
        "The numbers were read, but training on them teaches nothing.",
        "Add rows with other numbers, or ignore this column.",
    ),
    "imbalance": (
        "warning",
        "The label {common} stands in {many:,} rows and {rare} in {few:,}.",
        "Every row counts the same, so the model will lean towards {common}.",
        "Add rows with the rare label, and judge by macro F1, which counts every label the same.",
    ),
    "too-many-labels": (
        "error",
        "There are {count:,} different labels; a head tells at most {limit:,} apart.",
        "The column is left out of training.",
        "If these are numbers or free text, change what the column is used for.",
    ),
    "many-labels": (
        "warning",
        "There are {count:,} different labels.",
        "Each became a class.",
        "If these are numbers or free text, change what the column is used for.",
    ),
    "number": (
        "error",
        "{cell} is not a number.",
        _ROW_UNUSED,
        "Write a plain number such as 0.5, or leave the cell blank.",
    ),
    "magnitude": (
        "warning",
        "{value:g} is more than ten times larger than most numbers here, which go up to {usual:g}.",
        "It was kept.",
        "Look for a lost decimal point or another scale.",
    ),
    # Entities.
    "entity-cell": ("error", "{reason}", _ROW_UNUSED, "Compare the cell with the text of its row."),
    "entity-long": (
        "error",
        "The row has {count:,} characters of text or spans; entities are read from up to {limit:,}.",
        _ROW_UNUSED,
        "Make several rows of it, each with a part of the text.",
    ),
    "span-range": (
        "error",
        "The span {start} to {end} ({label}) has no text in it; the text has {length:,} characters.",
        _ROW_UNUSED,
        _COUNTING,
    ),
    "span-overlap": (
        "warning",
        "The spans {start} to {end} ({label}) and {other_start} to {other_end} ({other_label}) overlap.",
        "The longer one was kept.",
        "Entities must not overlap; keep the one that is to be found.",
    ),
    "span-many": (
        "error",
        "The {count:,} spans here overlap so much that together they are over {times} times as long as the text.",
        _ROW_UNUSED,
        "Entities must not overlap; keep those that are to be found.",
    ),
    "span-space": (
        "warning",
        "The span {start} to {end} ({label}) begins or ends with a space.",
        "The space was left out of it.",
        _COUNTING,
    ),
    "span-word": (
        "warning",
        "The span {start} to {end} ({label}), {piece}, begins or ends inside a word.",
        "It was kept; training takes the whole word.",
        _COUNTING,
    ),
    "bio-tag": ("error", "{cell} is not an entity tag.", "The sentence was left out.", _BIO),
    "bio-missing": ("error", "The word has no tag.", "The sentence was left out.", _BIO),
    "bio-illegal": (
        "warning",
        "An I- tag follows no tag of its type.",
        "It was read as the beginning of an entity.",
        _BIO,
    ),
    "no-entities": (
        "warning",
        "There is no entity in any row.",
        "The rows were read as texts without entities.",
        "Check how the entities are written, or ignore this column.",
    ),
    # One word per line.
    "word-blank": ("note", "There is no word on this line.", "The line was skipped.", "Delete the line."),
    "word-header": ("note", "The line names the columns.", "It was skipped.", "Leave it so."),
    "no-sentences": (
        "warning",
        "Nothing tells where a sentence ends: all {count:,} words are one text.",
        "The text was kept whole.",
        "Put a blank line between sentences, or a column that numbers them.",
    ),
}
