"""JSON objects and files written at once: read back the same, refused in words, never half there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl import files
from mtl.config import UserError

objects = st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))


@given(objects)
def test_what_is_written_is_read_again(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("files") / "a.json"
    files.write_json(path, data)
    assert files.read_json(path) == files.json_or_nothing(path) == data
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe{}", b"[" * 100_000, b"null"])
def test_what_is_no_object_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="the notes (cannot be read|must hold a JSON object)"):
        files.read_json(path, "the notes")
    assert files.json_or_nothing(path) == {}


def test_a_file_that_is_not_there_is_an_error_of_either_kind(tmp_path):
    for kind in (FileNotFoundError, UserError):
        with pytest.raises(kind, match="cannot be read: No such file"):
            files.read_json(tmp_path / "a.json")


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    files.write_bytes(path, b"whole")
    with pytest.raises(OSError), files.replacing(path) as temporary:
        temporary.write_bytes(b"ha")
        raise OSError("the disk is full")
    assert path.read_bytes() == b"whole" and [*tmp_path.iterdir()] == [path]
