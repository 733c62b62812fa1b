"""Whatever is typed or brought: the page says in plain words what happened, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import expect

import mtl
from mtl import archive, checkpoint
from mtl.config import TaskSpec
from mtl.ui.checkpoint_upload import MAX_ZIP_BYTES

WITHOUT_TAGS = """e => {
  const copy = e?.cloneNode(true);
  copy?.querySelectorAll(".tag").forEach((tag) => tag.remove());
  return copy?.textContent;
}"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.mark.parametrize("nothing", ["", "   \n\t\n  "])
def test_nothing_to_analyze_is_said_and_the_results_stay(visitor, nothing):
    visitor.analyze(nothing)
    expect(visitor.status).to_contain_text("There is nothing to analyze")
    assert len(visitor.similarities(12)) == 12


def test_ten_thousand_words_are_read_as_far_as_the_model_reads(visitor):
    visitor.analyze("The soup was good. " * 2_500, "A short one.")
    expect(visitor.status).to_contain_text("Sentence 1 is longer than the model reads: only the first 256 tokens")
    visitor.similarities(2)
    visitor.open("Entities")
    expect(visitor.page.locator("#entities-view .lines li")).to_have_count(2)
    assert visitor.page.locator("#entities-view .lines").inner_text().count("soup") < 40
    assert visitor.flaws() == []


@pytest.mark.parametrize(
    "strange",
    [
        "I 💚 this 👩‍👩‍👧‍👦 so much 🎉",
        "משה גר בירושלים ואוהב לקרוא",
        "يعيش أحمد في القاهرة",
        "Ze\u0301phyr e\u0323\u0301 a\u0308\u0301\u0300\u0302 Zo\u0308e",
        "<img src=x onerror=alert(1)> {{value}} ${1+1} <script>alert(2)</script> %{y} $x$",
        "x" * 3_000,
    ],
    ids=["emoji", "hebrew", "arabic", "combining", "markup", "one long word"],
)
def test_strange_text_comes_back_as_it_was_written(visitor, strange):
    visitor.analyze(strange, "A plain sentence.")
    visitor.similarities(2)
    shown = strange if len(strange) < 400 else strange[:300]
    begins = "shown => ({})(document.querySelector('{}'))?.startsWith(shown)".format
    visitor.wait_until(begins(WITHOUT_TAGS, "#overview .sentence"), shown[:200])
    visitor.open("Embeddings")
    expect(visitor.page.locator("#neighbours tbody tr").first).to_contain_text(shown)
    visitor.open("Sentiment")
    expect(visitor.page.locator("#sentiment-view .bar-text").first).to_contain_text(shown)
    visitor.open("Entities")
    visitor.wait_until(begins(WITHOUT_TAGS, "#entities-view .lines p"), shown)
    assert visitor.page.locator("#right img, #right script").count() == 0
    assert visitor.flaws() == []


def test_nul_is_removed_and_said(visitor):
    visitor.analyze("Bread\0 and butter.")
    expect(visitor.status).to_contain_text("Control characters that cannot be shown (such as NUL)")
    visitor.open("Sentiment")
    expect(visitor.page.locator("#sentiment-view .bar-text").first).to_contain_text("Bread and butter.")


def test_one_sentence_has_no_grid_and_the_page_says_so(visitor):
    visitor.analyze("All alone.")
    expect(visitor.page.locator("#right")).to_contain_text("With one sentence there is nothing to compare")
    expect(visitor.page.locator("#right")).to_contain_text("UMAP needs at least 5 different sentences, not 1")
    expect(visitor.page.locator("#heatmap .canvas")).to_be_hidden()
    visitor.wait_for_points(1)


def test_blank_lines_are_skipped_and_counted(visitor):
    visitor.analyze("One.", "", "  ", "Two.")
    expect(visitor.status).to_contain_text("2 sentences · one pass")
    expect(visitor.status).to_contain_text("2 blank lines skipped.")


@pytest.mark.slow
def test_two_thousand_sentences_can_be_stopped_and_can_be_finished(visitor):
    places = ("Oslo", "Lima", "Cairo", "Delhi", "Quito", "Turin", "Seoul")
    many = [f"Shop {i} in {places[i % 7]} sold {i * 3} loaves of bread." for i in range(2_050)]
    visitor.analyze(*many)
    visitor.page.locator("#stop").click()
    expect(visitor.status).to_contain_text("Stopped.")
    expect(visitor.page.locator("#stop")).to_be_hidden()
    visitor.wait_for_points(12)
    visitor.press()
    expect(visitor.page.locator("#status .progress")).to_be_visible()
    expect(visitor.status).to_contain_text("2,000 sentences · one pass", timeout=90_000)
    expect(visitor.status).to_contain_text("Of 2,050 sentences the first 2,000 are analyzed.")
    expect(visitor.page.locator("#right")).to_contain_text("The grid shows 150 of 2,000 sentences")
    visitor.wait_for_points(2_000)
    expect(visitor.page.locator("#overview")).to_contain_text("1,800 more sentences")
    visitor.open("Embeddings")
    expect(visitor.page.locator("#neighbours tbody tr")).to_have_count(200)
    visitor.open("Sentiment")
    expect(visitor.page.locator("#sentiment-view")).to_contain_text("The first 200 of 2,000 sentences are shown")
    assert visitor.download("Download CSV").count(b"\r\n") == 2_001


@pytest.fixture(scope="module")
def long_labels(tmp_path_factory):
    """The zip of a model with a head of 300 labels of 200 characters, and of one with markup in its names."""
    folder = tmp_path_factory.mktemp("labels")
    base = mtl.load(dtype="float32")
    many = [f"{i} <img src=x onerror=alert({i})> {{{{7*7}}}} {'long ' * 40}"[:200] for i in range(300)]
    tasks = (
        TaskSpec("many", "classification", tuple(many)),
        TaskSpec("</script><b>names", "tagging", ("<i>PER", "x" * 200)),
        TaskSpec("several", "multilabel", tuple(many)),
    )
    model = checkpoint.derive(base, replace(base.config, tasks=(*base.config.tasks, *tasks)))
    checkpoint.save(model.eval(), folder / "checkpoint")
    archive.write(folder / "checkpoint", folder / "labels.zip", "labels")
    return folder / "labels.zip"


@pytest.mark.parametrize("width", [1440, 390])
def test_hundreds_of_long_labels_with_markup_leave_the_page_usable(visit, long_labels, width):
    visitor = visit(width)
    page = visitor.page
    visitor.open("Train")
    page.locator("#bring-model summary").click()
    page.locator("#checkpoint input[type=file]").set_input_files(long_labels)
    expect(page.locator("#checkpoint-status")).to_contain_text("is in use now", timeout=60_000)
    visitor.open("Overview")
    row = page.locator("#overview .answers > li").first
    expect(row).to_contain_text("<img src=x onerror=alert(", timeout=60_000)
    for tab in ("Overview", "Embeddings", "Sentiment", "Entities"):
        visitor.open(tab)
        page.wait_for_timeout(500)
        assert page.locator("#right img, #right script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    visitor.analyze("Typing goes on.", "So it does.")
    visitor.wait_for_points(2)


# --- files ---


def test_fifty_megabytes_are_refused_in_plain_words(visitor, tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    visitor.upload(path)
    expect(visitor.status).to_contain_text("This file is too big: the page takes files up to 20 MB.")
    visitor.analyze("Everything still works.", "So it does.")
    visitor.similarities(2)


def test_the_server_refuses_what_is_larger_than_any_file_it_takes(server):
    import httpx

    content = bytes(MAX_ZIP_BYTES + 1)
    answer = httpx.post(f"{server}gradio_api/upload", files={"files": ("big.csv", content)}, timeout=60)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.csv", PNG, "picture.csv is a PNG image"),
        ("numbers.csv", b"a,b\n1,2\n3,4\n5,6\n7,8\n", "No column looks like text"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("noise.txt", bytes(range(128, 256)) * 50 + bytes(500), "noise.txt"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_the_sentences_stay(visitor, tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    before = visitor.box.input_value()
    visitor.upload(path)
    expect(visitor.status.locator(".bad")).to_contain_text(words)
    assert visitor.box.input_value() == before
    visitor.wait_for_points(12)


def test_a_table_is_read_with_its_labels_and_its_findings(visitor, tmp_path):
    path = tmp_path / "moods.csv"
    path.write_text(
        "review;mood\nI love the new park.;happy\n;happy\nThe bus never came.;angry\n"
        "What a lovely morning.;happy\nThey lost my parcel again.;angry\n",
        "cp1252",
    )
    visitor.upload(path)
    expect(visitor.status).to_contain_text("4 sentences · one pass")
    expect(visitor.status).to_contain_text("moods.csv: 4 sentences.")
    expect(visitor.status).to_contain_text("review holds the sentences")
    expect(visitor.status).to_contain_text("Line 3")
    expect(visitor.box).to_have_value(
        "I love the new park.\nThe bus never came.\nWhat a lovely morning.\nThey lost my parcel again."
    )
    visitor.similarities(4)
    visitor.choose("Colour by", "file: mood")
    visitor.wait_until(
        "document.querySelector('#map .js-plotly-plot')._fullData"
        ".filter(t => t.showlegend).map(t => t.name).sort().join() =="
        " 'angry (2),happy (2)'"
    )


def test_a_text_file_is_read_line_by_line(visitor, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("Erste Zeile, schön.\n\nZweite Zeile.\nDritte Zeile.\n", "utf-16")
    visitor.upload(path)
    expect(visitor.status).to_contain_text("3 sentences · one pass")
    expect(visitor.box).to_have_value("Erste Zeile, schön.\nZweite Zeile.\nDritte Zeile.")


# --- people ---


def test_two_people_at_once_see_only_their_own(visit):
    ada, bob = visit(), visit()
    for person, sentence in ((ada, "Ada's secret sentence."), (bob, "Bob's private line.")):
        person.paste(f"{sentence}\nA second line.\nA third one.")
    for person in (ada, bob):
        person.page.locator("#analyze").click()
    for person, own, other in ((ada, "Ada's secret", "Bob's private"), (bob, "Bob's private", "Ada's secret")):
        person.similarities(3)
        person.choose("Map", "PCA")
        expect(person.page.locator("#right")).to_contain_text("PCA: the directions")
        for tab in ("Sentiment", "Entities", "Embeddings", "Overview"):
            person.open(tab)
            expect(person.page.locator("#right")).to_contain_text(own)
        assert other not in person.page.content()
