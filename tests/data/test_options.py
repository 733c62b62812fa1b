"""How a table is read, said on the command line and read from it again, whatever its columns and labels are called."""

import shlex

import pytest
from hypothesis import given

from mtl import __main__ as cli
from mtl.config import UserError
from mtl.data.options import from_options, in_a_shell, to_arguments
from tests.readings import readings


def read(arguments):
    return from_options(cli._parser().parse_args(["train", "data.csv", *arguments]))


@given(readings)
def test_what_is_written_is_read_again(reading):
    assert read(to_arguments(reading)) == reading
    assert read(shlex.split(in_a_shell(**reading))) == reading


@pytest.mark.parametrize(
    ("arguments", "reading"),
    [
        (["--label", "mood:happy=positive"], {"mapping": {"mood": {"happy": "positive"}}}),
        (["--label", "time:10:30=early"], {"mapping": {"time": {"10:30": "early"}}}),
        (["--label", "state:a=b="], {"mapping": {"state": {"a=b": None}}}),
        (["--label", r"a\:b:c\=d=e\=f"], {"mapping": {"a:b": {"c=d": "e=f"}}}),
        (["--label", r"path:C\new=x"], {"mapping": {"path": {r"C\new": "x"}}}),
        (["--names", "tags=O, B-PER ,I-PER"], {"names": {"tags": ["O", "B-PER", "I-PER"]}}),
        (["--names", r"a\=b=O,B-x\,y=z"], {"names": {"a=b": ["O", "B-x,y=z"]}}),
        (["--role", "a=b=tagging"], {"roles": {"a=b": "tagging"}}),
    ],
)
def test_what_a_person_writes_is_read_as_meant(arguments, reading):
    assert read(arguments) == reading


@pytest.mark.parametrize("wrong", [["--role", "a"], ["--label", "a=b"], ["--label", r"a\:b=c"], ["--names", "a=O,,B"]])
def test_what_cannot_be_read_is_refused_with_an_example(wrong):
    with pytest.raises(UserError, match="should be a column.*such as"):
        read(wrong)
