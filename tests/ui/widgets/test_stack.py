"""The picture of the model: what it shows, that it agrees with the engine, and that it is safe."""

import re
from xml.etree import ElementTree

import pytest

from mtl.config import ModelConfig, TaskSpec, TrainConfig
from mtl.training import optim
from mtl.ui.train.settings import words
from mtl.ui.widgets import stack
from mtl.ui.widgets.stack import PROJECTION, Block, blocks_of

LAYERS = {"embeddings": 11_900_000, "layer 1": 1_774_464, "layer 2": 1_774_464}
HEADS = {"sentiment": 1155, "topic": 1155}


def groups(picture: str) -> list[ElementTree.Element]:
    return [g for g in ElementTree.fromstring(picture).iter("g") if g.get("class", "").startswith("block")]


def said(group: ElementTree.Element, kind: str) -> str:
    return next(e.text or "" for e in group.iter("text") if e.get("class") == kind)


def test_the_picture_stands_as_the_model_does():
    config = TrainConfig(freeze=1, freeze_heads=("topic",), lr=2e-5, lr_decay=0.5, head_lr=1e-3)
    drawn = groups(stack.svg(*blocks_of(LAYERS, config, HEADS)))
    assert [said(g, "name") for g in drawn] == ["sentiment", "topic", "layer 2", "layer 1", "embeddings"]
    assert [g.get("class") for g in drawn] == ["block " + k for k in ("learns", "frozen", "learns", "learns", "frozen")]
    assert [said(g, "rate") for g in drawn] == ["1.0e-3", "frozen", "2.0e-5", "1.0e-5", "frozen"]
    assert [said(g, "size") for g in drawn] == ["1,155", "1,155", "1.8 M", "1.8 M", "11.9 M"]
    places = [float(next(g.iter("rect")).get("y")) for g in drawn]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(freeze=2, freeze_heads=("topic",)),
        TrainConfig(freeze=-1, unfreeze=((2, 2), (3, 1))),
        TrainConfig(rates={"layer 1": 0.0, "head topic": 0.0, "embeddings": 1.0}),
        TrainConfig(freeze=1, unfreeze=((2, 3), (5, 2))),
    ],
)
def test_what_is_drawn_as_frozen_is_what_the_engine_freezes(tiny, config):
    import mtl
    from mtl.checkpoint import derive

    tasks = tuple(TaskSpec(name, "classification", ("a", "b")) for name in HEADS)
    model = derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=tasks))
    engine = {g.name: g for g in optim.parameter_groups(model, config)}
    sizes = {name: engine[name].size for name in model.backbone.groups}
    layers, heads = blocks_of(sizes, config, {name: engine[f"head {name}"].size for name in HEADS})
    drawn = {**{b.name: b for b in layers}, **{f"head {b.name}": b for b in heads}}
    assert {name: (b.frozen, b.rate) for name, b in drawn.items()} == {n: (g.frozen, g.rate) for n, g in engine.items()}
    for index, block in enumerate(layers):
        if not block.frozen:
            learns = [config.frozen_groups(len(layers), epoch) <= index for epoch in range(1, 9)]
            assert block.from_epoch == 1 + learns.index(True)


def test_what_thaws_later_says_when():
    layers, heads = blocks_of(LAYERS, TrainConfig(freeze=-1, unfreeze=((2, 2), (4, 0))), HEADS)
    assert [(b.frozen, b.from_epoch) for b in layers] == [(False, 4), (False, 4), (False, 2)]
    top = groups(stack.svg(layers, heads))[2]
    assert top.get("class") == "block waits" and said(top, "note") == "from epoch 2"


def test_a_head_without_labels_a_rate_of_zero_and_a_projection():
    config = TrainConfig(rates={"layer 2": 0.0, "projection": 3e-4})
    layers, heads = blocks_of(LAYERS, config, {**HEADS, PROJECTION: 9}, learns=("topic",))
    drawn = groups(stack.svg(layers, heads))
    assert [said(g, "rate") for g in drawn[:4]] == ["no labels", "1.0e-3", "3.0e-4", "rate 0"]
    assert [said(g, "name") for g in drawn[2:3]] == ["projection"]
    assert stack.head_of("projection") == PROJECTION and stack.head_of("head projection") == "projection"
    assert [stack.group_of(stack.head_of(g)) for g in ("projection", "head projection")] == [
        "projection",
        "head projection",
    ]


def test_the_bars_of_frozen_blocks_are_exactly_empty_and_others_grow():
    def widths(*moved: float) -> list[float]:
        blocks = [Block(f"layer {i}", 5, m == 0, 1e-4, m) for i, m in enumerate(moved)]
        drawn = groups(stack.svg(blocks, []))[::-1]
        return [float(next(r.get("width") for r in g.iter("rect") if r.get("class") == "moved")[:-1]) for g in drawn]

    assert widths(0.0, 1e-8)[0] == 0
    small = widths(0.0, 0.001, 0.01, 0.1, 1.0, 7.0)
    assert small == sorted(small) and small[1] > 2 and small[-1] == small[-2] == 100
    assert 'class="moved"' not in stack.svg([Block("layer 1", 5, False, 1e-4)], [])


def test_a_stronger_blue_for_a_higher_rate():
    values = [stack.strength(rate) for rate in (0, 1e-7, 1e-6, 2e-5, 1e-4, 1e-2, 1)]
    assert values == sorted(values) and values[3] < values[4] and values[0] > 0 and values[-1] < 0.7


def test_names_are_escaped_and_long_ones_are_cut_but_whole_in_the_title():
    name = '<img src=x onerror="alert(1)">&' + "x" * 60
    for small in (False, True):
        picture = stack.svg([], [Block(name, 5, False, 1e-3)], small=small)
        assert "<img" not in picture
        (block,) = groups(picture)
        assert said(block, "name").endswith("…") and next(block.iter("title")).text.startswith(name)
    assert "<img" not in stack.table([], [Block(name, 5, False, 1e-3)])


def test_the_table_says_the_same():
    layers, heads = blocks_of(LAYERS, TrainConfig(freeze=1), HEADS)
    rows = re.findall(r"<tr>(.*?)</tr>", stack.table(layers, heads).split("<tbody>")[1])
    cells = [re.findall(r'dir="auto">(.*?)</div>', row) for row in rows]
    assert cells[0] == ["sentiment", "1,155", "learns", "1.0e-3"]
    assert cells[-1] == ["embeddings", "11,900,000", "frozen", ""]
    moved = [Block("layer 1", 5, False, 1e-4, 0.0042), Block("layer 0", 5, True, 1e-4, 0.0)]
    assert "0.42 %" in stack.table(moved, []) and ">0 %<" in stack.table(moved, [])


def test_the_height_holds_every_block():
    for small in (False, True):
        picture = stack.svg(*blocks_of(LAYERS, TrainConfig(), HEADS), small=small)
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
