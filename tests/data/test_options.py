"""How a table is read, said on the command line and read from it again, whatever its columns and labels are called."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl import __main__ as cli
from mtl.config import KINDS, UserError
from mtl.data.options import from_options, in_a_shell, to_arguments

# Names that mean something to an option, to a shell or to Python; a column's name is never empty.
awkward = st.text(st.sampled_from(list("aé :=,\\'\"$`-*~#!\n\t")), min_size=1)
names = st.one_of(awkward, st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
# Those of tags come without spaces around them.
tags = names.map(str.strip).filter(bool)
parts = {
    "text": names,
    "text_b": names,
    "header": st.booleans(),
    "roles": st.dictionaries(names, st.sampled_from(["ignored", "text_b", "negative", *KINDS]), min_size=1),
    "mapping": st.dictionaries(
        names, st.dictionaries(names, st.one_of(st.none(), names), min_size=1), min_size=1, max_size=3
    ),
    "names": st.dictionaries(names, st.lists(tags, min_size=1, max_size=5), min_size=1, max_size=3),
}
readings = st.fixed_dictionaries({}, optional=parts)


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
