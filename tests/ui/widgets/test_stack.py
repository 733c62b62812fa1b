"""The picture of the model: what it shows, that it agrees with the engine, and that it is safe."""

import re
from xml.etree import ElementTree

import pytest

from mtl.config import TrainConfig
from mtl.groups import Groups
from mtl.ui.train.settings import words
from mtl.ui.widgets import stack

LAYERS = {"embeddings": 11_900_000, "layer 1": 1_774_464, "layer 2": 1_774_464}
MODEL = Groups({**LAYERS, "head sentiment": 1155, "head topic": 1155})


def groups(picture: str) -> list[ElementTree.Element]:
    return [g for g in ElementTree.fromstring(picture).iter("g") if g.get("class", "").startswith("block")]


def said(group: ElementTree.Element, kind: str) -> str:
    return next(e.text or "" for e in group.iter("text") if e.get("class") == kind)


def test_the_picture_stands_as_the_model_does():
    config = TrainConfig(freeze=1, freeze_heads=("topic",), lr=2e-5, lr_decay=0.5, head_lr=1e-3)
    drawn = groups(stack.svg(MODEL.under(config)))
    assert [said(g, "name") for g in drawn] == ["sentiment", "topic", "layer 2", "layer 1", "embeddings"]
    assert [g.get("class") for g in drawn] == ["block " + k for k in ("learns", "frozen", "learns", "learns", "frozen")]
    assert [said(g, "rate") for g in drawn] == ["1.0e-3", "frozen", "2.0e-5", "1.0e-5", "frozen"]
    assert [said(g, "size") for g in drawn] == ["1,155", "1,155", "1.8 M", "1.8 M", "11.9 M"]
    places = [float(next(g.iter("rect")).get("y")) for g in drawn]
    assert places == sorted(places)


def test_what_thaws_later_says_when():
    thawing = MODEL.under(TrainConfig(freeze=-1, unfreeze=((2, 2), (4, 0))))
    top = groups(stack.svg(thawing))[2]
    assert top.get("class") == "block waits" and said(top, "note") == "from epoch 2"
    # In an epoch of a run.
    drawn = groups(stack.svg(thawing, epoch=2))[2:]
    assert [g.get("class") for g in drawn] == ["block learns", "block waits", "block waits"]
    assert "from epoch 4" in stack.table(thawing, epoch=3) and "from" not in stack.table(thawing, epoch=4)


def test_a_head_without_labels_a_rate_of_zero_and_a_projection():
    config = TrainConfig(rates={"layer 2": 0.0, "projection": 3e-4})
    model = Groups({**MODEL.sizes, "projection": 9}, config, learns=("topic",))
    drawn = groups(stack.svg(model))
    assert [said(g, "rate") for g in drawn[:4]] == ["no labels", "1.0e-3", "3.0e-4", "rate 0"]
    assert [said(g, "name") for g in drawn[2:3]] == ["projection"]


def test_the_bars_of_frozen_blocks_are_exactly_empty_and_others_grow():
    def widths(*moved: float) -> list[float]:
        changes = {f"layer {i}": change for i, change in enumerate(moved)}
        drawn = groups(stack.svg(Groups(dict.fromkeys(changes, 5)), changes))[::-1]
        return [float(next(r.get("width") for r in g.iter("rect") if r.get("class") == "moved")[:-1]) for g in drawn]

    assert widths(0.0, 1e-8)[0] == 0
    small = widths(0.0, 0.001, 0.01, 0.1, 1.0, 7.0)
    assert small == sorted(small) and small[1] > 2 and small[-1] == small[-2] == 100
    assert 'class="moved"' not in stack.svg(MODEL)


def test_a_stronger_blue_for_a_higher_rate():
    values = [stack.strength(rate) for rate in (0, 1e-7, 1e-6, 2e-5, 1e-4, 1e-2, 1)]
    assert values == sorted(values) and values[3] < values[4] and values[0] > 0 and values[-1] < 0.7


def test_names_are_escaped_and_long_ones_are_cut_but_whole_in_the_title():
    name = '<img src=x onerror="alert(1)">&' + "x" * 60
    for small in (False, True):
        picture = stack.svg(Groups({f"head {name}": 5}), small=small)
        assert "<img" not in picture
        (block,) = groups(picture)
        assert said(block, "name").endswith("…") and next(block.iter("title")).text.startswith(name)
    assert "<img" not in stack.table(Groups({f"head {name}": 5}))


def test_the_table_says_the_same():
    table = stack.table(MODEL.under(TrainConfig(freeze=1)))
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1])
    cells = [re.findall(r'dir="auto">(.*?)</div>', row) for row in rows]
    assert cells[0] == ["sentiment", "1,155", "learns", "1.0e-3"]
    assert cells[-1] == ["embeddings", "11,900,000", "frozen", ""]
    moved = stack.table(MODEL, {"layer 1": 0.0042})
    assert "0.42 %" in moved and ">0 %<" in moved


def test_the_height_holds_every_block():
    for small in (False, True):
        picture = stack.svg(MODEL, small=small)
        root = ElementTree.fromstring(picture)
        rects = [r for r in root.iter("rect") if r.get("class") == "field"]
        lowest = max(float(r.get("y")) + float(r.get("height")) for r in rects)
        assert lowest == float(root.get("height")) == stack.height(3, 2, small)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1, "1"), (2e-5, "2.0e-5"), (7.29e-5, "7.29e-5"), (2.62144e-5, "2.62e-5"), (0.1, "1.0e-1")],
)
def test_rates_in_words(value, said):
    assert words.rate(value) == said


def test_counts_and_changes_in_words():
    assert [words.count(n) for n in (0, 385, 9_999, 104_649, 999_499, 999_500, 11_920_000)] == [
        *("0", "385", "9,999", "105 k", "999 k", "1.0 M", "11.9 M")
    ]
    assert [words.change(x) for x in (0, 1e-6, 0.0042, 0.034, 0.5, 3)] == [
        "0 %",
        "< 0.01 %",
        "0.42 %",
        "3.4 %",
        "50 %",
        "300 %",
    ]
