"""Any file becomes text, or a sentence that says why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.config import UserError
from mtl.data.files import decode, read_source, split_lines
from mtl.data.rows import Findings
from tests.data.workbooks import zipped

TEXT = "text,label\ncafé “naïve” Zoë – 5 €,pos\nplain,neg\n"
RUSSIAN = "текст,метка\nЭто был прекрасный вечер и мы долго гуляли по городу,да\nКнига оказалась скучной,нет\n" * 5


def read(path, data, **limits):
    path.write_bytes(data)
    findings = Findings()
    return read_source(path, findings, **limits), findings.grouped()


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32-le"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(tmp_path, written, read_as):
    source, findings = read(tmp_path / "a.csv", TEXT.encode(written))
    assert (source.text, source.encoding) == (TEXT, read_as)
    assert [f.code for f in findings] == (["encoding-guessed"] if written == "cp1252" else [])


def test_latin_1(tmp_path):
    text = "text,label\nMuñoz å Öl,pos\n"
    assert read(tmp_path / "a.csv", text.encode("latin-1"))[0].text == text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_another_alphabet_is_recognised(tmp_path, encoding):
    assert read(tmp_path / "a.csv", RUSSIAN.encode(encoding))[0].text == RUSSIAN


def test_shift_jis(tmp_path):
    text = "本文,ラベル\nこの映画はとても面白かったです。また見たいと思います。,良い\n" * 10
    assert read(tmp_path / "a.csv", text.encode("cp932"))[0].text == text


def test_broken_bytes_in_utf_8_are_reported_by_line(tmp_path):
    data = "text\ncafé naïve Zoë déjà vu, œuvre été\n".encode() + b"br\xffken\nZo\xc3\xab\n"
    source, (finding,) = read(tmp_path / "a.csv", data)
    assert source.text.splitlines()[2:] == ["br\ufffdken", "Zoë"]
    assert (finding.level, finding.line, source.encoding) == ("error", 3, "utf-8")


def test_bytes_that_windows_does_not_know(tmp_path):
    _, findings = read(tmp_path / "a.csv", b"text\ncaf\xe9\nb\x81d\n")
    assert [(f.code, f.line) for f in findings] == [("bytes", 3), ("encoding-guessed", None)]


def test_nul_characters_become_spaces(tmp_path):
    source, (finding,) = read(tmp_path / "a.csv", b"text,label\r\nso\x00 good,pos\r\n")
    assert source.text == "text,label\r\nso  good,pos\r\n"
    assert (finding.code, finding.line) == ("nul", 2)


@pytest.mark.parametrize("module", [bz2, lzma])
def test_what_is_packed_is_unpacked_by_content(tmp_path, module):
    packed = module.compress(TEXT.encode())
    assert read(tmp_path / "a.csv", packed)[0].text == TEXT
    with pytest.raises(UserError, match="cut off"):
        read(tmp_path / "a.csv", packed[:-10])
    with pytest.raises(UserError, match="larger than 200 bytes unpacked"):
        read(tmp_path / "a.csv", module.compress(bytes(300)), max_bytes=200)


def test_the_one_table_in_a_zip_archive_is_read_and_said(tmp_path):
    beside = {"README.md": "About", "__MACOSX/._a.csv": "x", "folder/": "", "picture.png": b"\x89PNG"}
    source, (finding,) = read(tmp_path / "a.zip", zipped({**beside, "folder/a.csv": TEXT}))
    assert source.text == TEXT
    assert (finding.level, finding.action) == ("note", "The table in it, folder/a.csv, was read.")


def test_a_zip_archive_is_judged_by_its_directory_before_it_is_unpacked(tmp_path):
    with pytest.raises(UserError, match="larger than 1 MB unpacked"):
        read(tmp_path / "a.zip", zipped({"a.csv": bytes(2_000_000)}), max_bytes=1_000_000)
    locked = bytearray(zipped({"a.csv": TEXT}))
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UserError, match="locked with a password"):
        read(tmp_path / "a.zip", bytes(locked))


def test_gzip_by_content_and_in_parts(tmp_path):
    packed = gzip.compress(TEXT[:20].encode()) + gzip.compress(TEXT[20:].encode()) + b"\0\0"
    assert read(tmp_path / "no-suffix", packed)[0].text == TEXT


def test_gzip_that_is_cut_off_or_damaged(tmp_path):
    packed = gzip.compress(os.urandom(2000))
    with pytest.raises(UserError, match="cut off"):
        read(tmp_path / "a.csv.gz", packed[:-100])
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path / "a.csv.gz", packed[:100] + b"\xff" * 100 + packed[200:])


def test_the_limit_holds_packed_and_unpacked(tmp_path):
    data = b"text\n" + b"a word\n" * 1000
    assert read(tmp_path / "a.csv", data, max_bytes=len(data))[0].text == data.decode()
    with pytest.raises(UserError, match="larger than 7,004 bytes, the limit"):
        read(tmp_path / "a.csv", data, max_bytes=len(data) - 1)
    with pytest.raises(UserError, match="larger than 1 MB unpacked"):
        read(tmp_path / "a.csv", gzip.compress(b"x" * 1_500_000), max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "PNG image"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, "JPEG image"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PAR1" + b"\0" * 50, "Parquet file"),
        (b"PK\x03\x04" + b"\0" * 30 + b"data.csv", "is damaged: it cannot be unpacked"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "document of an office program"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:2d5f\nsize 66509237\n", "Git LFS.*`git lfs pull`"),
        (zipped({"a.csv": TEXT, "b.tsv": TEXT}), r"zip archive that holds a\.csv, b\.tsv"),
        (zipped({f"{i}.csv": TEXT for i in range(9)}), r"3\.csv, 4\.csv, \.\.\."),
        (zipped({"a.csv": gzip.compress(b"")}), "is a gzip archive"),
        (zipped({}), "zip archive without files"),
        (b"data.csv" + b"\0" * 249 + b"ustar\x0000", "tar archive"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (bytes(range(256)) * 20, "does not look like text"),
        (b"", "is empty"),
        (b"\n \r\n\t\n", "is empty"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, data, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path / "data.csv", data)


def test_paths_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="no file"):
        read_source(tmp_path / "missing.csv", Findings())
    with pytest.raises(UserError, match="folder"):
        read_source(tmp_path, Findings())


@given(st.binary())
def test_any_bytes_decode(data):
    text, encoding = decode(data, Findings())
    assert isinstance(text, str)
    assert encoding


@given(st.text(st.characters(codec="utf-8")))
def test_utf_8_is_read_as_such(text):
    assert decode(text.encode("utf-8-sig"), Findings()) == (text, "utf-8")


def test_lines_end_where_editors_end_them():
    assert split_lines("a\nb\r\nc\rd\u2028e\x85f\x0cg") == ["a\n", "b\r\n", "c\r", "d\u2028e\x85f\x0cg"]
