"""Step 2 of the Train tab without a browser: what the controls say becomes settings, and settings become controls."""

import base64
import itertools
import json
import re
import shlex
import types
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl import __main__ as cli
from mtl.config import ModelConfig, Setting, TaskSpec, TrainConfig, UserError, setting, settings
from mtl.data.options import from_options
from mtl.data.splits import RowCounts
from mtl.groups import Groups
from mtl.training.presets import PRESETS
from mtl.ui.page import UNCHANGED
from mtl.ui.train import link as links
from mtl.ui.train.link import Link, from_link, to_link
from mtl.ui.train.settings import step as controls
from mtl.ui.train.settings import words
from mtl.ui.train.settings.shape import Shape, fit
from mtl.ui.train.settings.sharing import command, from_file, to_file
from mtl.ui.train.state import Source, TrainState
from mtl.ui.visitors import Visit
from tests.conftest import write_tiny_backbone
from tests.readings import readings

TASKS = (
    TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    TaskSpec("topic", "classification", ("a", "b"), loss_weight=0.5),
)
SHAPE = Shape(
    Groups({"embeddings": 10, "layer 1": 5, "layer 2": 5, "head sentiment": 3, "head topic": 2, "projection": 4}),
    {"sentiment": 1.0, "topic": 0.5},
)


@pytest.fixture(scope="module")
def model(tiny):
    import torch

    import mtl
    from mtl.checkpoint import derive

    torch.manual_seed(0)
    return derive(mtl.load(tiny, dtype="float32"), ModelConfig(tasks=TASKS)).eval()


def source_of(name, tasks, learns, **more):
    """A file as far as the settings look at it."""
    table = types.SimpleNamespace(columns=[types.SimpleNamespace(name="body"), types.SimpleNamespace(name="mood")])
    values = {"path": Path(name), "table": table, "matched": None, "reading": {}, **more}
    return Source(name=name, tasks=tasks, learns=learns, **values)


def session_of(*models):
    """The page around a model of its own and others by name."""
    own, others = models[0], dict(models[1:])

    def get(name):
        if name is None:
            return own
        if str(name) not in others:
            raise UserError("gone")
        return others[str(name)]

    revisions = itertools.count(1)
    return types.SimpleNamespace(
        models=types.SimpleNamespace(get=get),
        engine=types.SimpleNamespace(name=None),
        runs=types.SimpleNamespace(newest=lambda owner: None),
        next_revision=lambda: next(revisions),
    )


def shown_after(session, handler, visit, *values):
    """Form, message, outcome, parcel, file, revision."""
    return [*vars(controls.after(handler, session, visit, *values)).values()][:-1]


@pytest.fixture
def page(model):
    """`page(handler, *values)`: what it shows; `page.visit` is the visitor, `page.session` the page."""
    session, visit = session_of(model), Visit(0.0)

    def call(handler, *values):
        form, message, *rest = shown_after(session, handler, visit, *values)
        # What is said stands above what comes of it.
        return form, f"{message if isinstance(message, str) else ''}{rest[0]}", *rest[1:]

    call.visit, call.session = visit, session
    return call


def typed(pieces, **values):
    """The command with what its reader fills in, as a shell reads it, without `python -m mtl`."""
    line = "".join(shlex.quote(values[piece]) if i % 2 else piece for i, piece in enumerate(pieces))
    program, *arguments = shlex.split(line)
    assert [program, *arguments[:2]] == ["python", "-m", "mtl"]
    return cli._parser().parse_args(arguments[2:])


def pieces_in(parcel: str) -> list[str]:
    return json.loads(unescape(re.search(r'data-pieces="([^"]*)"', parcel)[1]))


def query_in(outcome: str) -> str:
    """What the address is to say."""
    return unescape(re.search(r'data-query="([^"]*)"', outcome)[1])


def said(form: str) -> dict:
    """What the browser would collect from a form that nobody has touched."""
    state = {"start": re.search(r'value="(\w+)" checked', form)[1], "rates": {}, "task_weights": {}}
    state["freeze"] = int(re.search(r'id="freeze"[^>]*data-value="(\d+)"', form)[1])
    switches = re.findall(r'data-head="([^"]*)" aria-checked="(\w+)"[^>]*?( aria-disabled="true"[^>]*)?>', form)
    state["freeze_heads"] = [unescape(name) for name, off, idle in switches if off == "true" and not idle]
    for group, value in re.findall(r'data-group="([^"]*)" data-own="true".*?data-value="([^"]*)"', form):
        state["rates"][unescape(group)] = float(value)
    for name, value in re.findall(r'data-value="([^"]*)" data-field="(\w+)"', form):
        state[value] = float(name)
    for name, off in re.findall(r'data-field="(\w+)" aria-checked="(\w+)"', form):
        state[name] = off == "true"
    for name, value in re.findall(r'data-field="(\w+)" min="[^>]*value="([^"]*)"', form):
        state[name] = json.loads(value)
    for name, ticked in re.findall(r'type="checkbox" id="[^"]*" data-field="(\w+)"( checked)?>', form):
        state[name] = bool(ticked)
    for name, chosen in re.findall(r'<select id="[^"]*" data-field="(\w+)">.*? selected>([^<]*)', form):
        state[name] = unescape(chosen)
    for name, value in re.findall(r'data-task="([^"]*)"[^>]*value="([^"]*)"', form):
        state["task_weights"][unescape(name)] = json.loads(value)
    state["unfreeze"] = re.search(r'data-field="unfreeze"[^>]*value="([^"]*)"', form)[1]
    return state


NAMES = ("embeddings", "layer 1", "layer 2", "head sentiment", "head topic")
rates = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))


def values(about: Setting) -> st.SearchStrategy:
    """What a single setting can be."""
    if about.choices:
        return st.sampled_from(about.choices)
    if isinstance(about.default, bool):
        return st.booleans()
    return (st.integers if isinstance(about.default, int) else st.floats)(about.low, about.high)


plain = {name: values(about) for name, about in settings(TrainConfig).items() if about.plain}
configs = st.builds(
    TrainConfig,
    **{
        **plain,
        "freeze": st.integers(-1, 3),
        "freeze_heads": st.lists(st.sampled_from(["topic", "sentiment"]), unique=True).map(tuple),
        "unfreeze": st.dictionaries(st.integers(2, 1000), st.integers(0, 3), max_size=3).map(
            lambda pairs: tuple(sorted(pairs.items()))
        ),
        "lr": rates,
        "head_lr": rates,
        "rates": st.dictionaries(st.sampled_from(NAMES), rates),
        "task_weights": st.dictionaries(st.sampled_from(["sentiment", "topic"]), st.floats(0, 100)),
    },
)


# --- settings and controls say the same ---


@given(configs)
def test_controls_set_from_settings_say_these_settings_again(config):
    form = controls.form(SHAPE, config, "own", ["own", "backbone"], "Built-in English model")
    assert controls.settings_of(said(form), config, SHAPE) == config


# What columns, labels and tasks may be called.
heads = st.text(min_size=1, max_size=100).filter(lambda name: name.strip() == name)
of_heads = configs.flatmap(
    lambda config: st.builds(
        lambda frozen, weights, rates: replace(config, freeze_heads=frozen, task_weights=weights, rates=rates),
        st.lists(heads, unique=True, max_size=3).map(tuple),
        st.dictionaries(heads, st.floats(0, 100), max_size=3),
        st.dictionaries(heads, rates, max_size=3),
    )
)


@given(of_heads, readings, st.sampled_from([None, "org/model", "-x y", ""]))
def test_the_command_says_all_that_the_form_says(config, reading, model):
    options = typed(command(config, model, reading), path="my 'own' $file\n.csv", model="-its/folder"[1:])
    assert (cli._train_config(options) or TrainConfig()) == config
    assert from_options(options) == reading
    assert options.data == "my 'own' $file\n.csv" and options.model == ("its/folder" if model == "" else model)


def test_run_json_is_what_the_command_line_takes(tmp_path):
    config = TrainConfig(freeze=2, rates={"head é": 0.5}, unfreeze=((2, 1),))
    path = tmp_path / "run.json"
    path.write_bytes(to_file(config))
    assert from_file(path, "run.json") == config
    options = cli._parser().parse_args(["train", "x.csv", "--config", str(path)])
    assert cli._train_config(options) == config
    path.write_text(json.dumps({"start_from": "default", "train": config.to_json()}))
    assert from_file(path, "config.json") == config  # the config.json of a run


def test_names_that_look_like_options_stay_names():
    config = TrainConfig(freeze_heads=("-x", "$(reboot)"), task_weights={"-y=1": 2.0}, rates={"head a'b": 0.1})
    reading = {"text": "-t", "roles": {"-c": "ignored"}, "mapping": {"mood": {"so so": "neutral", "bad": None}}}
    options = typed(command(config, None, reading), path="./-data.csv")
    assert cli._train_config(options) == config
    assert from_options(options) == reading


@dataclass(frozen=True)
class Tomorrow(TrainConfig):
    spice: float = setting(0.5, "How hot. Sensible: 0 to 2.", high=7)
    herbs: int = setting(2, high=9, unit="leaves")
    stirred: bool = setting(False)
    sauce: str = setting("red", choices=("red", "<b>green"))


def test_a_new_setting_is_one_line(monkeypatch, capsys):
    for module in (cli, links):
        monkeypatch.setattr(module, "TrainConfig", Tomorrow)
    config = Tomorrow(spice=3.5, herbs=4, stirred=True, sauce="<b>green", epochs=5)
    for name, wrong in (("spice", 8), ("herbs", 2.5), ("stirred", 1), ("sauce", "blue")):
        with pytest.raises(UserError, match=f"{name} must be .*(0 to 7|leaves|true|red)"):
            Tomorrow(**{name: wrong})
    with pytest.raises(UserError, match="Unknown setting spicy. Did you mean spice"):
        Tomorrow.from_json({"spicy": 1})
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "--spice N How hot. Sensible: 0 to 2. Default: 0.5; a number from 0 to 7." in help_text
    assert "--stirred, --no-stirred" in help_text and "--sauce red|<b>green" in help_text
    assert cli._train_config(typed(command(config), path="x.csv")) == config
    assert from_link(to_link(Link(config))) == Link(config)
    assert json.loads(to_file(config)) == {
        "epochs": 5,
        "spice": 3.5,
        "herbs": 4,
        "stirred": True,
        "sauce": "<b>green",
    }
    form = controls.form(SHAPE, config, "own", ["own"], "Built-in English model")
    assert "How hot." in form and "write a whole number of leaves from 0 to 9." in form and "<b>" not in form
    assert controls.settings_of(said(form), Tomorrow(), SHAPE) == config


# --- touching a control ---


def test_a_touch_changes_the_settings_and_leaves_the_form_alone(page):
    form, *_ = page(controls.arrive, "")
    state = {**said(form), "freeze": 2, "rates": {"layer 3": 3e-5}, "epochs": 7}
    again, outcome, parcel, file, revision = page(controls.change, json.dumps(state))
    assert again is UNCHANGED and revision > 0
    assert page.visit.train.config == TrainConfig(freeze=2, rates={"layer 3": 3e-5}, epochs=7)
    assert "layer 2 to layer 3 and 2 heads" in outcome
    assert "--epochs 7 --freeze 2" in unescape(parcel) and "'layer 3=3e-5'" in unescape(parcel)
    assert json.loads(base64.b64decode(file.split("base64,")[1].split('"')[0]))["epochs"] == 7


def test_a_form_says_which_touch_it_knows_of(page):
    state = said(page(controls.arrive, "")[0])
    page(controls.change, json.dumps({**state, "touch": 7}))
    page.visit.train.parts = None
    assert 'data-touch="7"' in page(controls.refresh)[0]
    refused = page(controls.change, json.dumps({**state, "epochs": -1, "touch": 8}))
    assert 'data-touch="8"' in refused[0]


def test_all_groups_frozen_are_all_groups_of_any_backbone(page):
    state = said(page(controls.arrive, "")[0])
    page(controls.change, json.dumps({**state, "freeze": 4}))
    assert page.visit.train.config.freeze == -1


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_every_preset_sets_the_form_and_is_shown_as_chosen(page, preset):
    state = said(page(controls.arrive, "")[0])
    form, outcome, *_ = page(controls.change, json.dumps({**state, "batch_size": 5, "preset": preset.name}))
    # The page has shown it already, and somebody may be typing by now.
    assert form is UNCHANGED
    assert page(controls.refresh)[0] is UNCHANGED
    page.visit.train.parts = None
    form, *_ = page(controls.refresh)
    expected = preset.make(page.visit.train.parts[0].groups, TrainConfig(batch_size=5))
    assert page.visit.train.config == expected
    assert controls.settings_of(said(form), expected, controls.shape_now(page.session, page.visit.train)) == expected
    assert re.findall(r'data-preset="([\w-]+)" aria-pressed="true"', form) == [preset.name]
    assert f'data-chosen="{preset.name}"' in outcome
    assert (words.NOTHING_LEARNS in outcome) == (preset.name == "frozen")


def test_reset_is_as_at_the_beginning(page):
    state = said(page(controls.arrive, "")[0])
    page(controls.change, json.dumps({**state, "epochs": 9, "start": "backbone"}))
    form, *_ = page(controls.change, json.dumps({**state, "reset": "true"}))
    assert page.visit.train.config == TrainConfig() and page.visit.train.start_from is None
    assert 'id="start-own" value="own" checked' in form


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": None},
        {"lr": 2},
        {"rates": {"layer 1": "x"}},
        {"rates": [1]},
        {"freeze_heads": 5},
        {"freeze": "1"},
        {"unfreeze": 5},
        {"unfreeze": "3:1, 2:1"},
        {"task_weights": {"topic": -1}},
        {"start": "used"},
        {"start": "/etc/passwd"},
        {"preset": ["heads"]},
    ],
)
def test_wrong_values_change_nothing_and_are_told(page, wrong):
    state = said(page(controls.arrive, "")[0])
    page(controls.change, json.dumps({**state, "epochs": 4}))
    form, outcome, *_ = page(controls.change, json.dumps({**state, **wrong}))
    assert page.visit.train.config == TrainConfig(epochs=4) and page.visit.train.start_from is None
    assert 'class="status bad"' in outcome
    assert said(form)["epochs"] == 4  # the controls say what is in force


@pytest.mark.parametrize("told", ["[]", "{", "null", "[" * 100_000])
def test_what_no_form_would_say_changes_nothing(page, told):
    _, outcome, *_ = page(controls.change, told)
    assert words.BAD_STATE in outcome and page.visit.train.config == TrainConfig()


# --- what the visitor is told ---


def test_rates_of_zero_and_one_are_explained(page):
    state = said(page(controls.arrive, "")[0])
    told = {**state, "rates": {"layer 1": 0, "layer 2": 1, "head topic": 1}}
    _, outcome, *_ = page(controls.change, json.dumps(told))
    assert "A rate of 0 is the same as frozen: layer 1." in outcome
    assert "Very high: layer 2. Usual are 1e-6 to 2e-4 for layers." in outcome
    assert "Very high: topic. Usual are 1e-4 to 3e-3 for heads." in outcome
    everything = {**state, "lr": 0, "head_lr": 0}
    _, outcome, *_ = page(controls.change, json.dumps(everything))
    assert words.NOTHING_LEARNS in outcome and 'class="status bad"' in outcome


def test_unfreezing_that_never_comes_and_settings_without_a_control_are_told(page):
    page.visit.train.config = TrainConfig(unfreeze=((2, 1), (9, 0)), epochs=3, clip=5.0, cache_mb=5)
    _, outcome, *_ = page(controls.refresh)
    assert "epoch 9 never happens: there are 3 epochs" in outcome and "epoch 2 never" not in outcome
    assert "Also set, by a file or a link: cache_mb = 5." in outcome


# --- files and links ---


def test_a_run_json_sets_every_control(page, tmp_path):
    config = TrainConfig(
        epochs=5, freeze=1, freeze_heads=("topic",), rates={"layer 2": 3.14e-5}, seed=7, unfreeze=((2, 0),), clip=0.5
    )
    path = tmp_path / "mine.json"
    path.write_bytes(to_file(config))
    form, outcome, *_ = page(controls.load_file, str(path))
    assert page.visit.train.config == config
    shape = controls.shape_now(page.session, page.visit.train)
    assert controls.settings_of(said(form), config, shape) == config
    assert "mine.json" in outcome


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", words.NOT_JSON),
        (b"\x89PNG\r\n\x1a\n\x00", words.NOT_JSON),
        (b"epochs: 3", words.NOT_JSON),
        (b"[" * 50_000, words.NOT_JSON),
        (b"[1, 2]", "must hold a JSON object"),
        (b'{"train": 3}', "must hold a JSON object"),
        (b'{"epochs": "many"}', "epochs must be a whole number"),
        (b'{"epochs": NaN}', "epochs must be a whole number"),
        (b'{"learning_rate": 1}', "Unknown setting learning_rate"),
        (b'{"rates": [1]}', "rates must be a number from 0 to 1 for each name"),
        (b" " * 300_000, words.TOO_LONG),
    ],
)
def test_a_file_that_is_no_run_json_changes_nothing(page, tmp_path, content, why):
    path = tmp_path / "<b>notes.json"
    path.write_bytes(content)
    page.visit.train.config = TrainConfig(epochs=8)
    form, outcome, *_ = page(controls.load_file, str(path))
    assert page.visit.train.config == TrainConfig(epochs=8) and said(form)["epochs"] == 8
    assert why in unescape(outcome) and "<b>" not in outcome and "&lt;b&gt;notes.json" in outcome


def test_a_link_sets_the_controls_and_the_start(page, tiny):
    config = TrainConfig(epochs=5, freeze=2)
    link = to_link(Link(config, "backbone"))
    form, outcome, *_ = page(controls.arrive, link)
    assert page.visit.train.config == config
    assert page.visit.train.start_from == str(tiny)
    assert said(form)["epochs"] == 5 and 'value="backbone" checked' in form
    assert words.LINK_SET in outcome
    # The address bar keeps it, for the page to be loaded again.
    assert query_in(outcome) == link
    assert words.LINK_SET not in str(page(controls.arrive, link + "&again=1"))


def encoded(data) -> str:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "?train=%3Cscript%3Ealert(1)%3C/script%3E",
        "?train=eyJl",
        "?train=" + encoded({"epochs": -1}),
        "?train=" + encoded({"epochs": 10**400}),
        "?train=" + encoded({"<img src=x>": 1}),
        "?train=" + encoded(b"\xff\xfe\x00"),
        "?train=" + encoded(b"[" * 90_000),
        "?train=" + encoded({"rates": {"x": {}}}),
        "?train=" + "A" * 500_000,
        "?start=../../etc",
        "?train=&start=%00",
    ],
)
def test_a_hostile_link_is_told_and_sets_nothing(page, query):
    form, outcome, *_ = page(controls.arrive, query)
    assert page.visit.train.config == TrainConfig() and page.visit.train.start_from is None
    assert 'class="status bad"' in outcome and "The link was not applied" in outcome
    assert "<script" not in outcome and "<img" not in outcome
    assert said(form)["epochs"] == 3


@pytest.mark.parametrize("query", ["", "?", "?__theme=dark", "?" + "&".join(["a=b"] * 500), None])
def test_an_address_without_settings_says_nothing(page, query):
    _, outcome, *_ = page(controls.arrive, query)
    assert words.LINK_SET not in outcome and 'class="status bad"' not in outcome
    assert page.visit.train.config == TrainConfig()


def test_settings_for_parts_that_are_not_there_are_left_out_and_told(page):
    config = TrainConfig(freeze=12, rates={"layer 9": 1e-5, "layer 1": 1e-5}, freeze_heads=("<i>spam",), epochs=4)
    page(controls.arrive, to_link(Link(config)))
    assert page.visit.train.config == config  # the data that comes may have such a head
    page.visit.train.source = source_of("my data.csv", {t.name: t for t in TASKS}, ("topic",))
    form, outcome, *_ = page(controls.refresh)
    assert page.visit.train.config == TrainConfig(freeze=4, rates={"layer 1": 1e-5}, epochs=4)
    assert "layer 9, &lt;i&gt;spam" in outcome and "12 layer groups cannot be frozen: this backbone has 4." in outcome
    assert said(form)["freeze"] == 4


def test_who_comes_back_goes_on_from_the_settings_of_the_newest_run_and_a_link_from_its_own(page):
    run, own = types.SimpleNamespace(id="newest"), TrainConfig(epochs=8)
    page.session.runs.newest = lambda owner: run
    page.session.runs.progress = lambda *_: types.SimpleNamespace(config=own)
    assert said(page(controls.arrive, "")[0])["epochs"] == 8
    form, *_ = page(controls.arrive, to_link(Link()))
    assert page.visit.train.config == TrainConfig() and said(form)["epochs"] == 3


def test_the_address_says_what_was_chosen_and_nothing_of_what_the_page_chose(page):
    train, tasks = page.visit.train, {t.name: t for t in TASKS}
    page(controls.arrive, "")
    train.source = source_of("my data.csv", tasks, ("topic",), reading={"roles": {"mood": "ignored"}})
    _, outcome, *_ = page(controls.refresh)
    mine = Link(name="my data.csv", columns=("body", "mood"), reading={"roles": {"mood": "ignored"}})
    assert from_link(query_in(outcome)) == mine
    train.opening = train.as_link("own")
    assert query_in(page(controls.refresh)[1]) == ""
    state = said(page(controls.load_file, "/nowhere")[0])
    _, outcome, *_ = page(controls.change, json.dumps({**state, "seed": 7}))
    assert from_link(query_in(outcome)) == replace(mine, config=TrainConfig(seed=7))


def test_a_link_too_long_leaves_out_names_first_and_says_so(page):
    columns = types.SimpleNamespace(columns=[types.SimpleNamespace(name=f"column {i}") for i in range(900)])
    page.visit.train.source = source_of("wide.csv", {t.name: t for t in TASKS}, ("topic",), table=columns)
    page.visit.train.config = TrainConfig(seed=7)
    _, _, parcel, *_ = page(controls.refresh)
    assert "A link may have 8,000 characters. This one leaves out the names of the columns." in parcel
    link = unescape(re.search(r'data-link="([^"]*)"', parcel)[1])
    assert len(link) < 8_100 and from_link(link) == Link(TrainConfig(seed=7), name="wide.csv")


def test_a_message_stands_until_the_next_touch(page):
    state = said(page(controls.arrive, "")[0])

    def messages(handler, *values):
        return controls.after(handler, page.session, page.visit, *values).message

    assert "The link was not applied" in messages(controls.arrive, "?train=x")
    assert messages(controls.refresh) is UNCHANGED  # the data has arrived
    assert messages(controls.change, json.dumps(state)) == ""


@given(configs)
def test_what_fits_is_left_as_it_is(config):
    assert fit(config, SHAPE) == (config, [])


# --- the parts follow the model and the data ---


def test_the_sliders_follow_the_backbone(tmp_path):
    import mtl
    from mtl.checkpoint import derive

    twelve = mtl.load(write_tiny_backbone(tmp_path / "twelve", "bert", layers=12), dtype="float32")
    model = derive(twelve, ModelConfig(tasks=TASKS, projection=8))
    visit, session = Visit(0.0), session_of(model)
    form, _, outcome, *_ = shown_after(session, controls.arrive, visit, "")
    groups = re.findall(r'data-group="([^"]*)"', form)
    assert groups == [
        "head sentiment",
        "head topic",
        "projection",
        *(f"layer {i}" for i in range(12, 0, -1)),
        "embeddings",
    ]
    assert 'id="freeze" min="0" max="13"' in form
    total = sum(p.numel() for name, p in model.named_parameters() if name not in model.fitted)
    assert words.learns(total, 0, "embeddings to layer 12 and 3 heads") in outcome
    # All of its weights are counted once.
    shape = controls.shape_now(session, visit.train)
    assert sum(shape.groups.sizes.values()) == total


def test_the_heads_follow_the_data(page, model):
    tasks = {t.name: t for t in (*TASKS, TaskSpec("<u>new", "classification", ("x", "y")))}
    page.visit.train.config = TrainConfig(freeze_heads=("sentiment",))
    page.visit.train.source = source_of("my data.csv", tasks, ("<u>new",), reading={"text": "body"})
    form, outcome, parcel, *_ = page(controls.refresh)
    assert "<u>" not in form + outcome + parcel
    assert re.findall(r'data-head="([^"]*)"(?:[^>]*?(aria-disabled="true"))?', form) == [
        ("sentiment", 'aria-disabled="true"'),
        ("topic", 'aria-disabled="true"'),
        ("&lt;u&gt;new", ""),
    ]
    assert typed(pieces_in(parcel), path="x").text == "body" and 'value="my data.csv"' in parcel
    # A head without labels has no switch; what was said of it before stays said.
    page(controls.change, json.dumps({**said(form), "epochs": 2}))
    assert page.visit.train.config == TrainConfig(freeze_heads=("sentiment",), epochs=2)
    # Everything frozen but heads that no row teaches: nothing would train.
    _, outcome, *_ = page(controls.change, json.dumps({**said(form), "freeze": 4, "freeze_heads": ["<u>new"]}))
    assert words.NOTHING_LEARNS in outcome


def test_a_file_that_teaches_nothing_is_not_blamed_on_the_settings(page):
    page.visit.train.source = source_of("random words.txt", {t.name: t for t in TASKS}, ())
    for frozen in (0, 4):
        page.visit.train.config = TrainConfig(freeze=frozen)
        outcome = page(controls.refresh)[1]
        assert words.NO_LABELS in outcome and 'class="status bad"' in outcome
        assert words.NOTHING_LEARNS not in outcome and "weights learn" not in outcome


def test_a_frozen_head_that_the_data_has_labels_for_is_named(page):
    tasks = {t.name: t for t in (*TASKS, TaskSpec("new", "classification", ("x", "y")))}
    page.visit.train.source = source_of("my data.csv", tasks, ("topic", "new"))
    page.visit.train.config = TrainConfig(freeze_heads=("sentiment", "topic", "new"))
    _, outcome, *_ = page(controls.refresh)
    assert "The head topic is frozen although the data has labels for it: it stays as it is." in outcome
    assert "The head new is frozen although the data has labels for it: it is new" in outcome
    assert "The head sentiment is frozen" not in outcome


def test_a_preset_that_does_not_fit_the_data_is_dimmed_with_the_reason_and_refused(page):
    tasks = {t.name: t for t in (*TASKS, TaskSpec("new", "classification", ("x", "y")))}
    page.visit.train.source = source_of("my data.csv", tasks, ("new",))
    form, *_ = page(controls.refresh)
    dimmed = re.findall(r'data-preset="([^"]*)"(?:(?!<button).)*?aria-describedby="([^"]*)"', form, re.DOTALL)
    assert dimmed == [("one-head", "unfit-one-head"), ("slow-heads", "unfit-slow-heads")]
    for _, key in dimmed:
        assert re.search(rf'id="{key}">[^<]*every head that this data trains is new \(new\)', form)
    _, outcome, *_ = page(controls.change, json.dumps({**said(form), "preset": "one-head", "epochs": 7}))
    assert "does not fit this data" in outcome and page.visit.train.config == TrainConfig()
    # The page says what has no labels, of heads and of their weights in the loss.
    assert "The data has no labels for sentiment and topic." in form and form.count("without effect.") >= 2


def test_what_is_refused_in_a_field_is_named_with_its_range_and_never_put_back_in_silence(page):
    form, *_ = page(controls.arrive, "")
    wrong = {"epochs": "5000", "unfreeze": "x", "weight topic": "", "layer 2": "<b>", "nothing": "1" * 900}
    page(controls.change, json.dumps({**said(form), "seed": 4, "wrong": wrong}))
    epochs, unfreeze, weight, layer, unknown = page.visit.train.wrong
    assert epochs == "Epochs must be a whole number from 1 to 1000; it is “5000”."
    assert unfreeze.startswith("Gradual unfreezing must be pairs such as 2:4")
    assert weight == "Task weight topic must be a number from 0 to 100; it is empty or no number."
    assert layer == "Learning rate of layer 2 must be a number from 0 to 1; it is “<b>”." and len(unknown) < 140
    # All else is taken over; and a form that is written anew says what it no longer shows.
    assert page.visit.train.config == TrainConfig(seed=4)
    tasks = {t.name: t for t in TASKS}
    page.visit.train.source = source_of("my data.csv", tasks, ("topic",))
    _, message, *_ = page(controls.refresh)
    assert "The form was written anew, with the value that counted before: Epochs must be" in message
    assert page.visit.train.wrong == ()


def test_what_training_begins_with(page, model, tiny, tmp_path):
    used = tmp_path / "checkpoint"
    page.session = session_of(model, (str(used), model))
    visit = page.visit

    def show(handler, *values):
        return shown_after(page.session, handler, visit, *values)

    form, *_ = show(controls.arrive, "")
    assert re.findall(r'id="start-(\w+)"', form) == ["own", "backbone"]
    state = said(form)
    form, _, outcome, parcel, *_ = show(controls.change, json.dumps({**state, "start": "backbone", "freeze": 4}))
    assert visit.train.start_from == str(tiny)
    assert 'data-head="' not in form and "There are no heads yet" in form
    assert words.NOTHING_LEARNS_EMPTY in outcome
    # Where a model lies on the server is nobody's business, and no use to anybody.
    assert str(tiny) not in parcel and f'data-fills="model" value="{tiny.name}"' in parcel
    visit.train.model = used
    form, *_ = show(controls.refresh)
    assert re.findall(r'id="start-(\w+)"', form) == ["own", "backbone", "used"]
    form, _, outcome, parcel, *_ = show(controls.change, json.dumps({**said(form), "start": "used"}))
    assert visit.train.start_from == str(used)
    assert str(used) not in form + outcome + parcel
    assert pieces_in(parcel)[1::2] == ["path", "model"] and 'data-fills="model" value="CHECKPOINT"' in parcel
    assert from_link(unescape(re.search(r'data-link="([^"]*)"', parcel)[1])).start == "own"
    visit.train.model = None
    show(controls.refresh)
    assert visit.train.start_from is None


def test_the_bare_backbone_is_a_model_that_data_can_be_matched_with(model, tiny):
    from mtl.ui.models import Models

    bare = Models(types.SimpleNamespace(name=None, model=lambda: model)).get(str(tiny))
    assert bare.tasks == {} and bare.backbone.groups == model.backbone.groups


def test_data_that_was_matched_with_another_model_waits_for_its_match(page, model, tiny):
    tasks = {t.name: t for t in TASKS[:1]}
    page.visit.train.source = source_of("x.csv", tasks, ("sentiment",), start_from=str(tiny))
    assert controls.shape_now(page.session, page.visit.train).groups.learns is None
    page.visit.train.start_from = str(tiny)
    groups = controls.shape_now(page.session, page.visit.train).groups
    assert groups.tasks == ["sentiment"] and groups.learns == ("sentiment",)


def test_a_projection_and_a_hidden_layer_are_drawn_as_soon_as_they_are_set(page):
    page(controls.arrive, "")
    form, outcome, parcel, *_ = page(controls.change, json.dumps({"start": "own", "projection": 8, "hidden": 16}))
    assert 'data-group="projection"' in form and "projection" in outcome
    assert "--projection 8 --hidden 16" in parcel
    again, *_ = page(controls.change, json.dumps({"start": "own", "projection": 8, "hidden": 16, "batch_size": 8}))
    assert again is UNCHANGED


def test_a_share_that_has_no_effect_is_said():
    train = TrainState(source=types.SimpleNamespace(row_counts=RowCounts(given=(8, 4))))
    assert controls.unused_in(train) == []
    train.config = TrainConfig(validation=0.3)
    assert "has no effect" in controls.unused_in(train)[0]
    train.source = types.SimpleNamespace(row_counts=RowCounts())
    assert controls.unused_in(train) == []


def test_a_file_of_rows_to_test_on_is_filled_in_by_the_reader_and_named_by_the_link():
    link = Link(TrainConfig(validation=0.3), name="mine.csv", columns=("text",), validation="test <b>.csv")
    assert from_link(to_link(link)) == link
    line = command(link.config, "", link.reading, validation=True)
    assert line[1::2] == ["path", "model", "validation"]
    assert line[-2:] == ["validation", ""]  # no share of the rows beside it
