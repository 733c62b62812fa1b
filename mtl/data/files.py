"""From a file to its bytes, unpacked, and to its text: refuse what is not text, detect the encoding."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mtl.config import UserError
from mtl.data.rows import Findings
from mtl.text.values import cut

MAX_BYTES = 200_000_000
# How the names of tables end, besides those of plain text.
TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".md", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".ods", ".xls")
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zip")

_TABLE_HINT = "Use a table: .csv, .tsv, .txt, .json, .jsonl, .xlsx, .ods, .parquet, or CoNLL."
_OWN_ENDING = "Unpack it if it is an archive, or give it its own ending, such as .xlsx or .parquet."

# The first bytes of files that people upload by mistake, what they are, and what to do instead.
_KNOWN = (
    (b"\x89PNG\r\n", "a PNG image", _TABLE_HINT),
    (b"\xff\xd8\xff", "a JPEG image", _TABLE_HINT),
    (b"GIF8", "a GIF image", _TABLE_HINT),
    (b"RIFF", "an image, sound or film (RIFF)", _TABLE_HINT),
    (b"%PDF", "a PDF document", "Copy its table into a spreadsheet and save that as CSV."),
    (b"\xd0\xcf\x11\xe0", "a document of an office program", _OWN_ENDING),
    (b"PK\x03\x04", "a zip archive or a document of an office program", _OWN_ENDING),
    (b"PK\x05\x06", "a zip archive without files", _TABLE_HINT),
    (b"PAR1", "a Parquet file", _OWN_ENDING),
    (b"{\\rtf", "a rich text document", "Save it as plain text."),
    (b"SQLite format 3", "a database", "Export its table as CSV."),
    (b"\x93NUMPY", "a NumPy file", _TABLE_HINT),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and use the table inside."),
    (b"BZh", "a bzip2 archive", "Unpack it and use the table inside."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it and use the table inside."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and use the table inside."),
    (b"Rar!", "a RAR archive", "Unpack it and use the table inside."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it and use the table inside."),
    (b"\x7fELF", "a program", _TABLE_HINT),
)

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_SAMPLE = 200_000
# A line takes some 300 bytes of memory besides its text, so their number is limited: to the limit in bytes over this
# length (a word with its tag is longer), or to this many if that is more.
_SHORT_LINE, _FEW_LINES = 8, 100_000

# How a file begins that holds one other file, compressed, and what unpacks it.
_PACKED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
_ZIP = b"PK\x03\x04"
_MOST_NAMED = 5
_LFS = b"version https://git-lfs.github.com/spec/"
# What stands beside the table in a zip archive.
_BESIDE = re.compile(r"(^|/)(__MACOSX/|\.|readme|licen[cs]e)", re.IGNORECASE)
# Files in the archives that office programs write.
_OFFICE = ("[Content_Types].xml", "content.xml", "mimetype")


@dataclass(frozen=True)
class Source:
    """A file's text and the name of the encoding it was read in."""

    text: str
    encoding: str


def read_source(path: str | os.PathLike[str], findings: Findings, max_bytes: int = MAX_BYTES) -> Source:
    """The text of a file; see `read_bytes` and `to_source`."""
    return to_source(read_bytes(path, findings, max_bytes), Path(path).name, findings, max_bytes)


def read_bytes(path: str | os.PathLike[str], findings: Findings, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file. What gzip, bzip2 or xz packed is unpacked, as is a zip archive with one table in it.

    Raises UserError when the file is missing, larger than `max_bytes` (packed or unpacked) or damaged.
    """
    path = Path(path)
    data = _read_bytes(path, max_bytes)
    for start, opener in _PACKED:
        if data.startswith(start):
            data = _unpack(data, opener, path.name, max_bytes)
            break
    if data.startswith(_ZIP):
        data = _from_zip(data, path.name, findings, max_bytes)
    return data


def to_source(data: bytes, name: str, findings: Findings, max_bytes: int = MAX_BYTES) -> Source:
    """The text of a file with these bytes; broken characters and guessed encodings are added to `findings`.

    Raises UserError when they are empty, not text, or more lines than max(`max_bytes` / 8, 100,000).
    """
    _refuse_known(data, name)
    if not data.strip():
        raise UserError(f"{name} is empty. {_TABLE_HINT}")
    text, encoding = decode(data, findings)
    if line_ends(text) > (most := most_lines(max_bytes)):
        raise UserError(f"{name} has more than {most:,} lines, the limit here. Use a part of its rows.")
    return Source(_without_controls(text, name, findings), encoding)


def most_lines(max_bytes: int) -> int:
    """How many lines or rows a file may have where its size is limited to so many bytes."""
    return max(max_bytes // _SHORT_LINE, _FEW_LINES)


def split_lines(text: str) -> list[str]:
    r"""The lines as a text editor counts them, ending at \n, \r\n or \r only. Each keeps its ending."""
    return list(io.StringIO(text, newline=""))


def line_ends(text: str, start: int = 0, end: int | None = None) -> int:
    """How many lines end between two places in a text."""
    return text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)


def decode(data: bytes, findings: Findings) -> tuple[str, str]:
    """The text of these bytes and the encoding's name; what does not decode becomes U+FFFD and a finding.

    Tried in order: a byte order mark, UTF-16 without a mark (every other byte zero), UTF-8, UTF-8 with a few broken
    bytes, then Windows-1252, or a detected encoding if much of the text is not ASCII.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_or_report(data[len(mark) :], encoding, findings), encoding
    if encoding := _utf16_without_mark(data):
        return _decode_or_report(data, encoding, findings), encoding
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("utf-8"), "utf-8"
    replaced = data.decode("utf-8", errors="replace")
    broken = replaced.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    beyond_ascii = len(replaced) - len(replaced.encode("ascii", "ignore")) - replaced.count("\ufffd")
    if 2 * broken <= beyond_ascii:
        _report_broken(replaced, "utf-8", findings)
        return replaced, "utf-8"
    encoding = _guess(data)
    findings.add("encoding-guessed", encoding=encoding)
    return _decode_or_report(data, encoding, findings), encoding


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}. Check the name and the folder.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder. Name the file in it.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > max_bytes:
        raise UserError(too_big(path.name, max_bytes))
    return data


def _unpack(data: bytes, opener: Callable[[io.BytesIO], IO[bytes]], name: str, max_bytes: int) -> bytes:
    # Reading up to the limit keeps a small file from unpacking into a huge one.
    try:
        with opener(io.BytesIO(data)) as file:
            unpacked = file.read(max_bytes + 1)
    except EOFError as error:
        raise UserError(f"{name} is cut off: its compressed data ends too early. Copy it again.") from error
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError) as error:
        raise UserError(f"{name} is damaged: it cannot be unpacked. Copy it again.") from error
    if len(unpacked) > max_bytes:
        raise UserError(too_big(name, max_bytes, "unpacked"))
    return unpacked


def zip_members(data: bytes, name: str) -> list[zipfile.ZipInfo]:
    """The files in a zip archive, by its directory; what programs add for themselves is left out."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise UserError(f"{name} is damaged: it cannot be unpacked. Copy it again.") from error
    return [m for m in members if not (m.is_dir() or _BESIDE.search(m.filename))]


def _from_zip(data: bytes, name: str, findings: Findings, max_bytes: int) -> bytes:
    """The one table in a zip archive; the archive itself if it is an office program's file."""
    members = zip_members(data, name)
    if any(member.filename in _OFFICE for member in members):
        return data
    tables = [m for m in members if Path(m.filename).suffix.lower() in TABLE_ENDINGS] or members
    names = [member.filename for member in tables]
    if len(tables) != 1:
        held = cut(", ".join(names[:_MOST_NAMED]), 300) + ", ..." * (len(names) > _MOST_NAMED) or "nothing"
        raise UserError(f"{name} is a zip archive that holds {held}. Unpack it and use one table.")
    (member,) = tables
    if member.flag_bits & 1:
        raise UserError(f"{name} is locked with a password. Unpack it and use the table inside.")
    if member.file_size > max_bytes:
        raise UserError(too_big(name, max_bytes, "unpacked"))
    findings.add("zip", inner=member.filename)
    return _unpack(data, lambda file: zipfile.ZipFile(file).open(member), name, max_bytes)


def too_big(name: str, max_bytes: int, how: str = "") -> str:
    """That a file is over the limit, and what to do. `how` is "unpacked" where it is larger then."""
    size = f"{max_bytes / 1e6:,.0f} MB" if max_bytes >= 1e6 else f"{max_bytes:,} bytes"
    return f"{name} is larger than {size} {how}".rstrip() + ", the limit here. Use a part of its rows."


def known_format(data: bytes) -> tuple[str, str] | None:
    """What a file with these first bytes is, and how to make a table of it; None if they are not known."""
    return next(((what, hint) for start, what, hint in _KNOWN if data.startswith(start)), None)


def _refuse_known(data: bytes, name: str) -> None:
    if known := known_format(data):
        what, hint = known
        raise UserError(f"{name} is {what}, not a table. {hint}")
    if data.startswith(_LFS):
        raise UserError(
            f"{name} is a Git LFS pointer: it stands for a table that was not downloaded. Run `git lfs pull` in its "
            "repository, or download the file itself."
        )
    if data[257:262] == b"ustar":
        raise UserError(f"{name} is a tar archive. Unpack it and use the table inside.")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", data[:1000], re.IGNORECASE):
        raise UserError(f"{name} is a web page or XML, not a table. {_TABLE_HINT}")


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:4000]
    even, odd = sample[0::2], sample[1::2]
    if len(sample) < 4 or len(data) % 2:
        return None
    zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zeros_odd > 0.4 and zeros_even < 0.05:
        return "utf-16-le"
    if zeros_even > 0.4 and zeros_odd < 0.05:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    """An encoding for bytes that are not Unicode."""
    high = sum(len(run) for run in re.findall(rb"[\x80-\xff]+", data[:_SAMPLE]))
    # A few such bytes are accents in a Western text, which detectors often mistake for another alphabet. Many mean
    # another alphabet, and there detection is good.
    if high > 0.2 * min(len(data), _SAMPLE):
        import charset_normalizer

        best = charset_normalizer.from_bytes(data[:_SAMPLE].rpartition(b"\n")[0] or data[:_SAMPLE]).best()
        if best is not None:
            return best.encoding
    return "cp1252"


def _decode_or_report(data: bytes, encoding: str, findings: Findings) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        _report_broken(text, encoding, findings)
        return text


def _report_broken(text: str, encoding: str, findings: Findings) -> None:
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if "\ufffd" in line:
            findings.add("bytes", number, encoding=encoding)


def _without_controls(text: str, name: str, findings: Findings) -> str:
    strange = len(_CONTROL.findall(text[:_SAMPLE]))
    if strange >= 8 and strange > 0.05 * min(len(text), _SAMPLE):
        raise UserError(f"{name} does not look like text. {_TABLE_HINT}")
    if "\x00" not in text:
        return text
    position = text.index("\x00")
    findings.add("nul", line_ends(text, 0, position) + 1, count=text.count("\x00"))
    # Replaced by a space, not removed, so that positions in the original text still hold.
    return text.replace("\x00", " ")
