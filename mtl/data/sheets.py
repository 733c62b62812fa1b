"""Excel, OpenDocument and Parquet to cells."""

from __future__ import annotations

import datetime
import io
import itertools
import json
import math
import re
import zipfile
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ParserCreate

from mtl.config import UserError
from mtl.data.files import most_lines, too_big, zip_members
from mtl.data.grid import Dialect, Grid
from mtl.data.records import to_grid
from mtl.data.rows import Findings
from mtl.text.values import cut

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_OLE, _ZIP, _PARQUET = b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"PAR1"
_SAVE_HINT = "In the spreadsheet program choose Save as, CSV UTF-8, and use that file."
# A workbook is mostly markup: it is so many times as large as the text in its cells.
_MARKUP = 5
# The reader makes room for every cell from the first to the last one in use, about 30 bytes each.
_MOST_CELLS = 10_000_000
_BATCH = 1000

# In the XML of a sheet of Excel: where a cell or row is. In OpenDocument: rows and cells, which may be repeated.
_EXCEL_PLACE = re.compile(rb"""<(?:[\w.-]+:)?(?:c|row)\s[^>]*?\br\s*=\s*["']\s*([A-Za-z]*)(\d+)""")
_ODS_TAG = re.compile(rb"<table:(table-row|table-cell|covered-table-cell|table)(?=[\s/>])([^>]*+)>")
_ODS_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["'](\d+)""")


def read_sheet(data: bytes, name: str, findings: Findings, max_bytes: int) -> Grid | None:
    """The cells of a workbook or a Parquet file with these bytes; None if they are neither.

    Raises UserError when it is damaged, locked, or larger than the limits.
    """
    if data.startswith(_PARQUET):
        return _read_parquet(data, name, findings, max_bytes)
    if data.startswith(_ZIP):
        _check_archive(data, name, max_bytes)
        return _read_workbook(data, name, findings, max_bytes)
    if data.startswith(_OLE):
        return _read_workbook(data, name, findings, max_bytes)
    return None


# Workbooks ----------------------------------------------------------------------------------------


def _check_archive(data: bytes, name: str, max_bytes: int) -> None:
    """Raise UserError for what is no workbook, and for one that would fill the memory, before it is read."""
    members = zip_members(data, name)
    names = {member.filename for member in members}
    if "xl/workbook.bin" in names:
        raise UserError(f"{name} is a binary Excel workbook. Save it as .xlsx, and use that file.")
    if "xl/workbook.xml" not in names and "content.xml" not in names:
        raise UserError(f"{name} is a document, not a workbook. Copy its table into a spreadsheet.")
    if sum(member.file_size for member in members) > _MARKUP * max_bytes:
        raise UserError(too_big(name, _MARKUP * max_bytes, "unpacked"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in members:
            if not member.filename.endswith((".xml", ".rels")):
                continue
            try:
                xml = archive.read(member)
                _check_xml(xml)
            except Exception as error:  # whatever a damaged archive makes zipfile raise
                raise UserError(_damaged(name)) from error
            area = _ods_area(xml) if member.filename == "content.xml" else _excel_area(xml)
            if area > _MOST_CELLS:
                raise UserError(
                    f"A sheet of {name} reaches over {area:,} cells, most of them blank; the limit here is "
                    f"{_MOST_CELLS:,}. {_SAVE_HINT}"
                )


def _check_xml(xml: bytes) -> None:
    """Raise an exception for XML with a fault, which the reader of workbooks may never come to the end of."""
    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype  # it may define entities that grow without end
    parser.Parse(xml, True)


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type in a workbook")


def _excel_area(xml: bytes) -> int:
    columns = rows = 1
    for match in _EXCEL_PLACE.finditer(xml):
        letters, digits = match[1].upper()[:8], match[2][:12]
        column = 0
        for letter in letters:
            column = 26 * column + letter - 64
        columns, rows = max(columns, column), max(rows, int(digits))
    return columns * rows


def _ods_area(xml: bytes) -> int:
    largest = columns = rows = row = column = 0
    for match in _ODS_TAG.finditer(xml):
        kind, attributes = match[1], match[2]
        count = _ODS_REPEATED.search(attributes)
        times = int(count[1][:12]) if count else 1
        if kind == b"table":
            columns = rows = row = 0
        elif kind == b"table-row":
            row, column = row + times, 0
        else:
            column += times
            if b"value" in attributes:
                columns, rows = max(columns, column), max(rows, row)
                largest = max(largest, columns * rows)
    return largest


def _damaged(name: str) -> str:
    return f"{name} is damaged, or no workbook that can be read here. {_SAVE_HINT}"


def _read_workbook(data: bytes, name: str, findings: Findings, max_bytes: int) -> Grid:
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_object(io.BytesIO(data))
        sheets = {title: [] for title in workbook.sheet_names}
        for title in sheets:
            sheets[title] = _rows_of(workbook.get_sheet_by_name(title))
    except python_calamine.PasswordError as error:
        raise UserError(f"{name} is locked with a password. Save a copy without one.") from error
    except (KeyboardInterrupt, SystemExit, MemoryError, UserError):
        raise
    except BaseException as error:  # also the panics of a library in Rust, which are no Exception
        raise UserError(_damaged(name)) from error
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise UserError(f"{name} has no cell with anything in it.")
    taken = next((title for title, rows in filled.items() if _is_table(rows)), next(iter(filled)))
    if len(filled) > 1:
        names = cut(", ".join(filled), 300)
        findings.add("sheet", count=len(filled), names=names, taken=taken)
    rows = filled[taken]
    if len(rows) > (most := most_lines(max_bytes)):
        raise UserError(f"{name} has more than {most:,} rows, the limit here. Use a part of them.")
    return _to_grid(rows, f"sheet {cut(taken, 100)}", findings)


def _rows_of(sheet: Any) -> list[tuple[int, list[str]]]:
    """The numbers and the cells of the rows with anything in them."""
    if sheet.start is None:
        return []
    rows = enumerate(sheet.to_python(skip_empty_area=True), start=sheet.start[0] + 1)
    cells = ((number, [_cell(value) for value in row]) for number, row in rows)
    return [(number, row) for number, row in cells if any(cell.strip() for cell in row)]


def _is_table(rows: list[tuple[int, list[str]]]) -> bool:
    """Whether most rows have several cells; a sheet of notes has one."""
    wide = sum(sum(bool(cell.strip()) for cell in row) > 1 for _, row in rows)
    return len(rows) > 1 and 2 * wide > len(rows)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\0", " ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _to_grid(rows: list[tuple[int, list[str]]], form: str, findings: Findings) -> Grid:
    """A grid without the titles above the table and without columns that are blank throughout."""
    filled = [[i for i, cell in enumerate(row) if cell.strip()] for _, row in rows]
    if any(len(places) > 1 for places in filled):
        first = next(i for i, places in enumerate(filled) if len(places) > 1)
        # A text in a single column may stand above a row with a label; a title is alone above every other row.
        if first and first < len(rows) - 1 and all(len(places) == 1 for places in filled[:first]):
            rest = sum(len(places) > 1 for places in filled[first:])
            if 2 * rest > len(rows) - first:
                for number, _ in rows[:first]:
                    findings.add("sheet-title", number)
                rows, filled = rows[first:], filled[first:]
    used = sorted(set().union(*filled))
    cells = [[row[i] for i in used] for _, row in rows]
    return Grid(Dialect(",", "none"), cells, [number for number, _ in rows], form=form)


# Parquet ------------------------------------------------------------------------------------------


def _read_parquet(data: bytes, name: str, findings: Findings, max_bytes: int) -> Grid:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(io.BytesIO(data))
        _check_size(metadata, name, max_bytes)
        # As dictionaries, strings that repeat are held once: a small file may repeat a long one a million times.
        leaves = map(metadata.schema.column, range(metadata.num_columns))
        strings = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=strings)
        records = _records(file, name, findings, max_bytes)
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError, IndexError) as error:
        raise UserError(f"{name} is damaged, or no Parquet that can be read here. Write it again.") from error
    if not records:
        raise UserError(f"{name} has no rows.")
    return to_grid(records, range(1, len(records) + 1), "Parquet", findings, max_bytes)


def _check_size(metadata: pq.FileMetaData, name: str, max_bytes: int) -> None:
    """Raise UserError for a file over the limits, before any of it is read."""
    if metadata.num_rows > (most := most_lines(max_bytes)):
        raise UserError(f"{name} has {metadata.num_rows:,} rows; {most:,} is the limit here. Use a part of them.")
    # Of its columns nothing is asked: with some damaged files that ends the process.
    if sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)) > max_bytes:
        raise UserError(too_big(name, max_bytes, "unpacked"))


def _records(file: pq.ParquetFile, name: str, findings: Findings, max_bytes: int) -> list[dict[str, Any]]:
    """The rows, without columns of binary data and without the index that pandas adds."""
    schema = file.schema_arrow
    binary = [field.name for field in schema if _is_binary(field.type)]
    if binary:
        findings.add("binary-columns", names=cut(", ".join(binary), 300))
    features = _features(schema.metadata or {})
    records: list[dict[str, Any]] = []
    size = 0
    for batch in file.iter_batches(_BATCH):
        # A number of 8 bytes in a list takes at least two characters of a cell.
        if batch.nbytes > 4 * max_bytes:
            raise UserError(too_big(name, max_bytes, "unpacked"))
        columns = {
            field.name: _values(column, features.get(field.name))
            for field, column in zip(batch.schema, batch.columns, strict=True)
            if field.name not in binary and not field.name.startswith("__index_level_")
        }
        size += sum(_size(value) for column in columns.values() for value in column)
        if size > max_bytes:
            raise UserError(too_big(name, max_bytes, "unpacked"))
        records += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return records


def _is_binary(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_binary(kind.value_type)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    return any(_is_binary(kind.field(i).type) for i in range(kind.num_fields))


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """The features of a data set of Hugging Face by column; they have the names of labels stored as integers."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _values(array: pa.Array, feature: Any) -> list[Any]:
    """The values of an array as JSON has them, integers that stand for labels by their names."""
    import pyarrow.compute as pc
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        words = _values(array.dictionary, None)
        return [None if i is None else words[i] for i in array.indices.to_pylist()]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        items = iter(_values(array.flatten(), _inner(feature)))
        lengths = pc.list_value_length(array).to_pylist()
        return [None if length is None else list(itertools.islice(items, length)) for length in lengths]
    if types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        fields = [_values(a, _inner(feature, name)) for name, a in zip(names, array.flatten(), strict=True)]
        rows = zip(*fields, strict=True) if fields else itertools.repeat((), len(array))
        valid = array.is_valid().to_pylist()
        return [dict(zip(names, row, strict=True)) if there else None for row, there in zip(rows, valid, strict=True)]
    values = array.to_pylist()
    if types.is_integer(kind) and isinstance(feature, dict) and isinstance(feature.get("names"), list):
        names = [str(name) for name in feature["names"]]
        return [names[v] if v is not None and 0 <= v < len(names) else None for v in values]
    return [_plain(value) for value in values]


def _inner(feature: Any, name: str = "") -> Any:
    """The feature of a list's items, or of the field `name` of an object."""
    if isinstance(feature, list):
        return feature[0] if feature else None
    if not isinstance(feature, dict):
        return None
    if not name:
        return feature.get("feature")
    # A list of objects is stored as an object of lists.
    fields = feature.get("feature")
    return {"feature": fields.get(name)} if isinstance(fields, dict) and name in fields else feature.get(name)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (datetime.date, datetime.time)):
        return _cell(value)
    if isinstance(value, list):  # a map, as pairs
        return (
            dict(value) if all(isinstance(pair, tuple) and isinstance(pair[0], str) for pair in value) else str(value)
        )
    return str(value)


def _size(value: Any) -> int:
    """The length of a value in characters, roughly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_size, value)) + 2
    return sum(map(_size, value.values())) + 2 if isinstance(value, dict) else 4
