"""A file of weights is whole safetensors with the right checksum, or it is refused and nothing of it is run."""

import hashlib
import pickle

import pytest
import torch
from safetensors.torch import save

from mtl import weights
from mtl.config import UserError

SOUND = save({"a": torch.zeros(3)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_a_sound_file_passes(path):
    path.write_bytes(SOUND)
    weights.check(path)
    weights.check(path, digest=hashlib.sha256(SOUND).hexdigest())


def test_a_header_whose_length_begins_as_a_pickle_does_is_no_pickle(path):
    """The file begins with the header's length, here 0x80, and a pickle with the byte 0x80."""
    path.write_bytes(save({"a" * 67: torch.zeros(3)}))
    assert path.read_bytes()[:1] == b"\x80" == pickle.dumps(0)[:1]
    weights.check(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"a": 1}), "a Python pickle, which can run code"),
        (b"PK\x03\x04" + bytes(99), "a Python pickle, which can run code"),
        (b"GIF89a" * 40, "not a safetensors file"),
        (b"", "or was cut short"),
        (SOUND[:-3], "or was cut short"),
        ((20_000_000).to_bytes(8, "little") + b"{" + b" " * 20_000_000, "header too large"),
    ],
)
def test_another_file_is_refused_by_name(path, content, words):
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"the weights .*{words}"):
        weights.check(path, "the weights")


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_another_checksum_is_refused(path, digest):
    path.write_bytes(SOUND)
    with pytest.raises(UserError, match="it was changed"):
        weights.check(path, digest=digest)


def test_a_missing_file_is_named(path):
    with pytest.raises(UserError, match="weights.safetensors cannot be read: No such file"):
        weights.check(path)
