"""Measuring the default model: data sets that are missing, damaged or another's are named, none is skipped."""

import gzip
import math

import pytest

from mtl.config import UserError
from mtl.tools import scorecard

PAIR = "main\tMSRvid\t2012\t0001\t{}\tA cat sleeps.\tA cat is asleep.\n"
WORDS = ("awful", "bad", "so so", "good", "great")
FILES = {
    "sst2.dev.tsv.gz": "label\tcontent\n"
    + "".join(f"{i % 2}\ta {WORDS[i % 2 * 4]} film in {i} acts\n" for i in range(40)),
    "tweets.dev.tsv.gz": "label\ttext\n"
    + "".join(f"{i % 3}\ta {WORDS[i % 3 * 2]} day, the {i}th\n" for i in range(60)),
    "sst5.dev.txt.gz": "".join(f"{i % 5} a {WORDS[i % 5]} film in {i} acts .\n" for i in range(40)),
    "conll2003.dev.txt.gz": "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\nsmiles VBZ B-VP O\n\n" * 8,
    "stsb.dev.tsv.gz": "".join(PAIR.format(i % 6) for i in range(40)),
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(gzip.compress(content.encode()))
    return tmp_path


def test_every_row_is_measured_with_the_rows_it_was_measured_on(folder, default_model):
    scores = scorecard.measure(default_model, folder)
    rows = {(score["task"], score["data"]): score["rows"] for score in scores}
    assert rows["embedding", "STS-B dev"] == 40
    assert rows["sentiment", "SST-2 and tweets dev"] == 100
    assert rows["intensity", "SST-5 dev"] == 40
    assert rows["entities", "CoNLL-2003 dev"] == 16
    assert rows["topic", "topics.csv, held-out rows"] == 98
    assert rows["sentiment", "statements.csv, held-out rows"] == 40
    # These pairs are all alike, so that their order says nothing.
    assert not any(math.isnan(score["value"]) for score in scores if score["data"] != "STS-B dev")
    printed = scorecard.table(scores).splitlines()
    assert all(any(score["data"] in line and f"{score['value']:.4f}" in line for line in printed) for score in scores)
    assert sum(line.startswith("| task |") for line in printed) == 2


WHOLE = gzip.compress(FILES["stsb.dev.tsv.gz"].encode())


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[: len(WHOLE) // 2],
        b"",
        gzip.compress(b""),
        b"main",
        gzip.compress(FILES["stsb.dev.tsv.gz"].encode("utf-16")),
        gzip.compress(("\n".join([PAIR.format(1) * 3, "main\tMSRvid\t2012"])).encode()),
        gzip.compress(PAIR.format("high").encode()),
    ],
    ids=["cut", "empty", "nothing in it", "not gzip", "utf-16", "short line", "no number"],
)
def test_damaged_sentence_pairs_are_named(folder, default_model, content):
    (folder / "stsb.dev.tsv.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"stsb\.dev\.tsv\.gz cannot be read as pairs of sentences with a score: ."):
        scorecard.measure(default_model, folder)


def test_another_sets_file_is_refused_with_the_line(folder, default_model):
    (folder / "sst5.dev.txt.gz").write_bytes((folder / "conll2003.dev.txt.gz").read_bytes())
    with pytest.raises(UserError, match=r"sst5\.dev\.txt\.gz, line 1: Task 'intensity' has no entities"):
        scorecard.measure(default_model, folder)
