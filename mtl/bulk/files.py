"""Files of any length, read a few thousand rows at a time: Parquet, CSV, TSV and JSON Lines.

Parquet keeps its types. The cells of other formats stay texts, as what looks like a number in one part of a file may
be an id such as 007 in the next.
"""

from __future__ import annotations

import io
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mtl.config import UserError, listed
from mtl.data.delimited import read_grid
from mtl.data.files import decode, split_lines
from mtl.data.rows import Findings
from mtl.data.table import read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from mtl.data.rows import Table

PARQUET, DELIMITED, LINES = (".parquet",), (".csv", ".tsv"), (".jsonl", ".ndjson")
PACKED = (".gz", ".bz2")
# So many bytes tell a file's encoding and delimiter, and so many rows which of its columns are texts.
_SAMPLE_BYTES, _SAMPLE_ROWS = 200_000, 1000


@dataclass(frozen=True)
class Found:
    """The files in the folder `root` that can be read here, in the order of their paths, and the `others`. `whole`: all
    files of the folder were looked at, and not a single one was named."""

    root: Path
    files: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    whole: bool = True

    def name(self, file: Path) -> str:
        """A file's path below the folder, the same on every system."""
        return file.relative_to(self.root).as_posix()


def find(data: Path) -> Found:
    """The file `data`, or those of that folder. Raises `UserError` if there are none. Hidden files, and those whose
    names begin with an underscore, are no data, as for other programs that read such folders."""
    if data.is_file():
        found = Found(data.parent, (data,) if _format(data) else (), whole=False)
    elif data.is_dir():
        paths = [path for path in sorted(data.rglob("*")) if path.is_file()]
        paths = [p for p in paths if not any(part[0] in "._" for part in p.relative_to(data).parts)]
        of_rows = tuple(path for path in paths if _format(path))
        found = Found(data, of_rows, tuple(path for path in paths if path not in {*of_rows}))
    else:
        raise UserError(f"There is no file or folder {data}. Check the name.")
    if not found.files:
        endings = listed((*PARQUET, *DELIMITED, *LINES), "or")
        raise UserError(
            f"{data} has no file that can be read in parts: one that ends in {endings}; those of text also in gzip."
        )
    return found


def _format(path: Path) -> str:
    """The ending that says how a file is read; "" if it cannot be read here."""
    plain = path.with_suffix("") if path.suffix.lower() in PACKED else path
    ending = plain.suffix.lower()
    known = (*PARQUET, *DELIMITED, *LINES) if plain is path else (*DELIMITED, *LINES)
    return ending if ending in known else ""


def row_count(files: Sequence[Path]) -> int | None:
    """How many rows all files have, if they say so themselves, as Parquet does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if any(_format(file) not in PARQUET for file in files):
        return None
    try:
        return sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowException, OSError):  # said when its turn comes
        return None


def sample(file: Path, header: bool, **reading: Any) -> Table | None:
    """The first rows of a file as `read_table` reads them, None without any; `reading`: which columns are texts, if
    that was said."""
    import pyarrow.parquet as pq

    first = next(tables(file, _SAMPLE_ROWS, header=header), None)
    if first is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{file.stem}.parquet"
        pq.write_table(first, copy)
        return read_table(copy, **reading)


def tables(file: Path, rows: int, columns: Sequence[str] | None = None, header: bool = True) -> Iterator[pa.Table]:
    """A file's rows in order, `rows` at a time, and fewer in the last table alone; `columns`: only these.

    `header`: whether the first line of a CSV names its columns. Raises `UserError` for a file that is damaged, or
    without one of the columns."""
    import pyarrow as pa

    ending = _format(file)
    read = _parquet if ending in PARQUET else _json_lines if ending in LINES else _delimited
    try:
        for table in _even(read(file, rows, columns, header), rows):
            _check(file, columns, table.column_names)
            yield table.select(columns) if columns else table
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file} cannot be read: {str(error).splitlines()[0] if str(error) else error!r}.") from error


def _check(file: Path, columns: Sequence[str] | None, own: Sequence[str]) -> None:
    if missing := [name for name in columns or () if name not in own]:
        raise UserError(f"{file} has no column {missing[0]!r}; it has {listed(own, most=20)}.")


def _even(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows, so many in each table but the last."""
    import pyarrow as pa

    rest: pa.Table | None = None
    for table in tables:
        rest = table if rest is None else pa.concat_tables([rest, table], promote_options="default")
        while rest.num_rows >= rows:
            yield rest.slice(0, rows)
            rest = rest.slice(rows)
    if rest is not None and rest.num_rows:
        yield rest


def _parquet(file: Path, rows: int, columns: Sequence[str] | None, header: bool) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, pre_buffer=False) as opened:
        own = [name for name in opened.schema_arrow.names if not name.startswith("__index_level_")]
        _check(file, columns, own)
        wanted = columns or own
        for batch in opened.iter_batches(rows, columns=wanted, use_threads=False):
            yield pa.Table.from_batches([batch])


def _delimited(file: Path, rows: int, columns: Sequence[str] | None, header: bool) -> Iterator[pa.Table]:
    import pandas as pd

    with _opened(file) as stream:
        start = stream.read(_SAMPLE_BYTES)
    if not start.strip():
        return
    text, encoding = decode(start[: start.rfind(b"\n") + 1] or start, Findings())
    prefer = "\t" if _format(file) == ".tsv" else ","
    delimiter = read_grid(split_lines(text), prefer).dialect.delimiter
    unicode = encoding.removesuffix("-le").removesuffix("-be")  # whose mark at the beginning is no part of a name
    with _opened(file) as stream:
        frames = pd.read_csv(
            stream,
            sep=delimiter.strip(" ") or prefer,
            header=0 if header else None,
            encoding=unicode,
            dtype=str,
            keep_default_na=False,
            na_values=[],
            chunksize=rows,
        )
        for frame in frames:
            frame.columns = [name if header else f"column {name + 1}" for name in frame.columns]
            yield _of_texts({name: frame[name].tolist() for name in frame.columns})


def _json_lines(file: Path, rows: int, columns: Sequence[str] | None, header: bool) -> Iterator[pa.Table]:
    names: dict[str, None] = {}  # of all columns so far; later rows that lack one have no cell there
    with _opened(file) as stream:
        lines = enumerate(io.TextIOWrapper(stream, "utf-8-sig"), start=1)
        while block := [*itertools.islice(lines, rows)]:
            records = [_record(line, number) for number, line in block if line.strip()]
            names |= dict.fromkeys(name for record in records for name in record)
            yield _of_texts({name: [_cell(record.get(name)) for record in records] for name in names})


def _record(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number:,} is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError(f"line {number:,} is not a JSON object")
    return record


def _cell(value: Any) -> str | None:
    """A text as it is, null as no cell, and anything else as JSON writes it."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no character


def _of_texts(columns: dict[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    cells = {n: [cell if isinstance(cell, str) else None for cell in values] for n, values in columns.items()}
    return pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()})


def _opened(file: Path) -> IO[bytes]:
    import pyarrow as pa

    return pa.input_stream(str(file), compression="detect")
