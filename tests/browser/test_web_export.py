"""A page without a server answers in the browser what the server answers, and goes on without a network."""

from __future__ import annotations

import base64
import json
import re
import shutil
import types
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

import mtl
from mtl import checkpoint, onnx
from mtl.config import ModelConfig, TaskSpec
from mtl.ui import answers
from mtl.ui.entities import tab as entities
from mtl.ui.models import Models
from mtl.ui.visitors import Asked, Registry
from tests.browser.static_host import PLACE, export, hosted, install
from tests.browser.visiting import Visitor
from tests.test_onnx import TASKS

# Of many kinds and lengths, and then some that tokenizers stumble over.
TEXTS = [
    *onnx.texts()[::5],
    "ΑΣ Σ is Greek, İstanbul Turkish, 日本語 Japanese.",
    "é́ ﬁ naïve\u200dz ☕️ and \U00020000",
    "x" * 120 + " y",
    "A [SEP] of Ada and a [MASK] of Paris",
    "1a ② ½ x² AbC O'Neil McDONALD",
    "Many words of one text, more than the model reads. " * 40,
]
MAY = {"permissions": ["clipboard-read", "clipboard-write"]}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    said = export("default", folder)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    assert f"({size:.0f} MB, 47 of them the model, whose weights have 16 bits)" in said
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def heads(tmp_path_factory, tiny, packages) -> Path:
    """The page of a model with a head of each kind, of random weights."""
    import torch

    folder = tmp_path_factory.mktemp("heads")
    torch.manual_seed(0)
    several = TaskSpec("<i>10</i>", "multilabel", ("10", "9", "<b>bold</b>"))
    config = ModelConfig((*TASKS, several), projection=24, max_tokens=40)
    model = checkpoint.derive(mtl.load(tiny, dtype="float32"), config).eval()
    for name, parameter in model.heads.named_parameters():  # large, so that few answers are close
        parameter.data = torch.full_like(parameter, 0.4) if "thresholds" in name else torch.randn_like(parameter)
        if "temperature" in name:
            parameter.data = torch.tensor(2.5)
    checkpoint.save(model, folder / "model")
    export(str(folder / "model"), folder, "--packages", str(packages))
    return folder


@pytest.fixture(scope="module")
def headless(tmp_path_factory, tiny, packages) -> Path:
    """The page of a model without heads."""
    folder = tmp_path_factory.mktemp("headless")
    export(str(tiny), folder, "--packages", str(packages))
    return folder


@pytest.fixture
def opened(browser):
    """`opened(url)` opens a page in a browser that has seen none; afterwards it must have been free of errors, and have
    asked no other machine for anything. `options` are those of a context."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def open_page(url: str, theme: str = "light", **options) -> Visitor:
        contexts.append(browser.new_context(**MAY, **options))
        visitors.append(Visitor(contexts[-1].new_page(), url, theme))
        return visitors[-1]

    yield open_page
    for context in contexts:
        context.close()
    for visitor in visitors:
        assert (visitor.errors, visitor.elsewhere) == ([], [])


@pytest.fixture(scope="module")
def _guest(browser, folder):
    """Who has the page open, so that it has been loaded once."""
    with hosted(folder) as host:
        context = browser.new_context(**MAY)
        visitor = Visitor(context.new_page(), host.url)
        expect(visitor.page.locator("#kept")).to_be_visible()
        yield visitor
        context.close()


@pytest.fixture
def guest(_guest):
    """The visitor that tests of the built-in model's page share."""
    yield _guest
    assert (_guest.errors, _guest.elsewhere) == ([], [])


def of_server(model, texts: list[str]) -> dict:
    """What the server's page draws for these sentences, with the map that the exported page has."""
    engine = types.SimpleNamespace(model=lambda: model, name=None, alone=0.0, ready=True)
    views = {"entities-view": entities.show_entities}
    session = types.SimpleNamespace(engine=engine, registry=Registry(), models=Models(engine), views=views)
    asked = {"lines": "\n".join(texts), "views": [*views], "all_rows": True, "method": "pca"}
    found = answers.answer(session, session.registry.visit("me"), Asked.checked(asked))
    return json.loads(json.dumps(found))


def latest(page: Page, texts: list[str]) -> dict:
    """What the exported page draws for these sentences."""
    page.wait_for_function("count => mtl.answers.latest.texts.length === count", arg=len(texts))
    return page.evaluate("() => ({ ...mtl.answers.latest, rows: Object.fromEntries(mtl.answers.latest.rows) })")


def assert_alike(theirs, ours, slack: float = 2e-3) -> None:
    """The same, HTML and all, but for the numbers in it, which may differ by rounding."""
    if isinstance(ours, dict):
        assert theirs.keys() == ours.keys()
        for name in ours:
            assert_alike(theirs[name], ours[name], slack)
    elif isinstance(ours, list):
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            assert_alike(one, other, slack)
    elif isinstance(ours, str):
        assert NUMBER.sub("0", theirs) == NUMBER.sub("0", ours)
        # Of percents the last digit.
        assert np.allclose(*([float(number) for number in NUMBER.findall(each)] for each in (theirs, ours)), atol=1.01)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, abs=slack)
    else:
        assert theirs == ours


# --- the answers ---


def test_a_hundred_texts_are_answered_as_by_the_model(guest, default_model):
    code = """async (texts) => {
      const at = (name) => new URL(name, location.href.split(/[?#]/)[0]);
      const [{ Model }, graph, tokenizer, about] = await Promise.all([
        import(at("web/model.js")), fetch(at("model/model.onnx")).then((found) => found.arrayBuffer()),
        ...["tokenizer", "model"].map((name) => fetch(at(`model/${name}.json`)).then((found) => found.json())),
      ]);
      const model = await Model.of(new Uint8Array(graph), tokenizer, about);
      const list = (value) => (ArrayBuffer.isView(value) ? [...value] : value);
      const plain = (name, value) => (value instanceof Map ? Object.fromEntries(value) : list(value));
      return JSON.stringify(await model.analyze(texts), plain);
    }"""
    found = json.loads(guest.page.evaluate(code, TEXTS))
    assert len(TEXTS) > 100
    for theirs, answer in zip(found, default_model.analyze(TEXTS), strict=True):
        ours = answer.to_json()
        assert np.dot(theirs["embedding"], ours["embedding"]) > 0.99999
        for name in ("sentiment", "topic"):
            assert theirs["results"][name]["label"] == ours[name]["label"]
            assert theirs["results"][name]["probabilities"] == pytest.approx(ours[name]["probabilities"], abs=1e-3)
        assert theirs["results"]["intensity"] == pytest.approx(ours["intensity"], abs=1e-3)
        spans, own = (
            [[each[part] for part in ("start", "end", "label", "text")] for each in answered]
            for answered in (theirs["results"]["entities"], ours["entities"])
        )
        assert spans == own
        assert [theirs[name] for name in ("truncated", "unread", "unfamiliar")] == [
            ours[name] for name in ("truncated", "unread", "unfamiliar")
        ]


def test_the_page_draws_what_the_servers_page_draws(guest, default_model):
    guest.analyze(*TEXTS)
    theirs = latest(guest.page, TEXTS)
    guest.open("Entities")
    expect(guest.page.locator("#entities-view .lines > li")).to_have_count(len(TEXTS))
    entities_view = guest.page.evaluate("() => mtl.answers.latest.views['entities-view']")
    csv = guest.download("Download CSV").decode("utf-8-sig")
    ours = of_server(default_model, TEXTS)
    assert_alike(entities_view, ours["views"]["entities-view"])
    for name in ("texts", "head", "rows", "pairs", "unlike", "nearest"):
        assert_alike(theirs[name], ours[name])
    assert_alike(theirs["map"], ours["map"])
    assert_alike(theirs["colourings"], [each for each in ours["colourings"] if each["name"] != "clusters"])
    cells = [np.frombuffer(base64.b64decode(each["grid"]["cells"]), "<i2").astype(int) for each in (theirs, ours)]
    assert np.abs(cells[0] - cells[1]).max() <= 5
    assert len(csv.splitlines()) == 1 + sum(len(answer.entities) for answer in default_model.analyze(TEXTS))


@pytest.mark.slow
def test_heads_of_every_kind_are_shown_as_the_page_shows_them(opened, heads):
    model = mtl.load(str(heads / "model"), dtype="float32", device="cpu")
    texts = TEXTS[::10]
    with hosted(heads) as host:
        visitor = opened(host.url)
        visitor.analyze(*texts)
        theirs = latest(visitor.page, texts)
        # Two are compared by the heads for two texts, too.
        visitor.page.locator("#overview .answers > li").nth(0).click()
        visitor.page.locator("#overview .answers > li").nth(1).click()
        pair = visitor.page.locator("#overview .pair")
        expect(pair).to_contain_text("mood of both")
        said = pair.inner_text()
        visitor.open("Entities")
        visitor.choose("Head", "places")
        expect(visitor.page.locator("#entities-view .filter label")).to_have_count(1)
    ours = of_server(model, texts)
    for name in ("head", "rows", "pairs"):
        assert_alike(theirs[name], ours[name], 0.05)
    [compared] = model.compare([tuple(texts[:2])])
    assert f"cosine {compared.cosine:.2f}" in said and compared.results["mood of both"].label in said


@pytest.mark.slow
def test_a_model_without_entities_has_no_such_tab(opened, headless):
    with hosted(headless) as host:
        visitor = opened(host.url)
        assert visitor.page.get_by_role("tab").all_inner_texts() == ["Overview"]
        visitor.analyze("One sentence.", "Another sentence.")
        expect(visitor.page.locator("#overview .answers > li")).to_have_count(2)


# --- what is said ---


def test_what_is_not_read_is_said(guest):
    guest.open("Overview")
    guest.analyze("Many words. " * 300, "", "Ada met Grace.\0")
    expect(guest.status).to_contain_text("Sentence 1 is longer than the model reads: only the first 256 tokens")
    expect(guest.status).to_contain_text("1 blank line skipped.")
    guest.paste("")
    guest.page.locator("#analyze").click()
    expect(guest.status).to_contain_text("There is nothing to analyze")
    where = guest.page.locator("#where")
    expect(where).to_contain_text("Built-in English model, 47 MB, runs in this browser: nothing that you write leaves")
    guest.page.locator("#model-chip").click()
    expect(guest.page.locator("#card")).to_contain_text("Not for decisions about people")
    guest.page.keyboard.press("Escape")


def test_a_model_that_does_not_come_is_said(browser, folder):
    with hosted(folder) as host:
        context = browser.new_context(service_workers="block")
        page = context.new_page()
        page.route("**/model.onnx", lambda route: route.fulfill(status=404))
        page.goto(host.url)
        expect(page.locator("#status")).to_contain_text("The model could not be loaded (model.onnx: 404")
        context.close()


def test_opened_as_a_file_it_says_how_to_serve_it(browser, folder):
    context = browser.new_context()
    page = context.new_page()
    page.goto(next(folder.rglob("index.html")).as_uri())
    expect(page.locator("#status")).to_contain_text("in its folder run python -m http.server")
    context.close()


# --- without a network ---


@pytest.mark.slow
def test_a_page_that_was_open_once_works_without_a_network(opened, folder):
    with hosted(folder) as host:
        visitor = opened(host.url)
        page = visitor.page
        expect(page.locator("#kept")).to_be_visible()
        assert {path for path in host.asked if "some/class/" not in path} == set()
        before = len(host.asked)
    # The host is gone now, and so is the network.
    page.context.set_offline(True)
    page.reload()
    expect(visitor.status).to_contain_text("one pass")
    visitor.analyze("Ada Lovelace met Charles Babbage in London.")
    visitor.open("Entities")
    expect(page.locator("#entities-view mark").first).to_be_visible()
    assert visitor.marks() == [("Ada Lovelace", "PER"), ("Charles Babbage", "PER"), ("London", "LOC")]
    expect(page.locator("#kept")).to_be_visible()
    assert len(host.asked) == before


@pytest.mark.slow
def test_another_export_in_its_place_is_fetched_whole_while_the_one_that_is_kept_answers(
    opened, heads, headless, tmp_path
):
    shutil.copytree(heads / PLACE, tmp_path / PLACE)
    with hosted(tmp_path) as host:
        visitor = opened(host.url)
        page = visitor.page
        expect(page.locator("#kept")).to_be_visible()
        shutil.rmtree(tmp_path / PLACE)
        shutil.copytree(headless / PLACE, tmp_path / PLACE)
        visitor.go()
        expect(page.get_by_role("tab")).to_have_count(2)
        fetched = """async () => {
          const registration = await navigator.serviceWorker.getRegistration();
          while (!registration.waiting) await new Promise((done) => setTimeout(done, 200));
        }"""
        page.evaluate(fetched)
    # The host is gone, and both are here: the one that takes over later has its model, too.
    graphs = """async () => {
      const names = await caches.keys(), opened = await Promise.all(names.map((name) => caches.open(name)));
      const kept = await Promise.all(opened.map((cache) => cache.keys()));
      return kept.flat().filter(({ url }) => url.endsWith("model.onnx")).length;
    }"""
    assert page.evaluate(graphs) == 2
    visitor.go()
    expect(page.get_by_role("tab")).to_have_count(2)


@pytest.mark.slow
def test_where_nothing_can_be_kept_it_answers_and_promises_nothing(opened, heads):
    with hosted(heads) as host:
        visitor = opened(host.url, service_workers="block")
        visitor.analyze("Ada Lovelace lived in London.")
        expect(visitor.page.locator("#kept")).to_be_hidden()


# --- how it looks ---


@pytest.mark.slow
@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_nothing_is_too_small_too_pale_or_too_wide(guest, width, theme):
    page = guest.page.context.new_page()
    page.set_viewport_size({"width": width, "height": 844})
    visitor = Visitor(page, guest.page.url.split("?")[0], theme)
    visitor.wait_for_points(12)
    assert visitor.flaws() == []
    page.get_by_role("tab", name="Overview").press("ArrowRight")
    expect(page.get_by_role("tab", name="Entities")).to_be_focused()
    expect(page.locator("#entities-view mark").first).to_be_visible()
    assert visitor.flaws() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (visitor.errors, visitor.elsewhere) == ([], [])
    page.close()
