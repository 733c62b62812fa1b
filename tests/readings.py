"""Ways to read a table, whatever its columns and labels are called."""

from hypothesis import strategies as st

from mtl.config import KINDS

# Names that mean something to an option, to a shell or to Python; a column's name is never empty. Of all names argparse
# loses one, "--", even in --text=--.
awkward = st.text(st.sampled_from(list("aé :=,\\'\"$`-*~#!\n\t")), min_size=1)
names = st.one_of(awkward, st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).filter(
    lambda name: name != "--"
)
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
