"""The page's HTML: what a visitor wrote is shown as text, every number is where it belongs, and nothing grows
without bound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.ui.widgets import markup

NASTY = "<script>alert(\"x\")</script> & <b onclick='y'>{{value}} ${1}"


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    label: str
    text: str = ""
    score: float = 0.9


class Page(HTMLParser):
    """Collects text, tags and attributes, and fails on tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def all_kinds(text: str) -> list[str]:
    return [
        markup.note(text),
        markup.heading(text),
        markup.label(text),
        markup.status(text, [text] * 9, share=0.5),
        markup.table(text, [text, "b"], [(text, 1)]),
        markup.key([text]),
        markup.bars([1], [text], [{text: 1.0}], [0.5]),
        markup.entities([text], [[Span(0, len(text), text, text)]], [text]),
        markup.details(text, ""),
    ]


@given(st.text(min_size=1, max_size=50) | st.just(NASTY))
def test_no_text_becomes_markup(text):
    plain = [len(Page(html).tags) for html in all_kinds("x" * len(text))]
    shown = [Page(html) for html in all_kinds(text)]
    assert [len(page.tags) for page in shown] == plain
    for page in shown:
        assert not page.all("script") and not any("onclick" in a for _, a in page.tags)


def test_table_has_headers_captions_and_numbers_to_the_right():
    page = Page(markup.table("Neighbours", ["sentence", "cosine"], [("a", 0.12345), ("b", 1)]))
    assert [a.get("scope") for a in page.all("th")] == ["col", "col"]
    assert "Neighbours" in page.texts and "0.123" in page.texts and "1" in page.texts
    assert page.all("td")[1]["class"] == "num"


@pytest.mark.parametrize("count", [0, 1, markup.MAX_ROWS, markup.MAX_ROWS + 1])
def test_a_table_shows_so_many_rows_and_says_when_there_are_more(count):
    html = markup.table("t", ["a", "b"], [("x", i) for i in range(count)], "names")
    assert html.count("<tr") - 1 == min(count, markup.MAX_ROWS)
    assert (f"of {count} names" in html) == (count > markup.MAX_ROWS)


def test_bars_share_a_hundred_percent_and_can_be_read_without_colour():
    probabilities = {"negative": 0.052, "neutral": 0.2, "positive": 0.748}
    html = markup.bars([7], ["Fine."], [probabilities], [0.62])
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", html)]
    assert sum(widths) == pytest.approx(100, abs=0.05)
    page = Page(html)
    spoken = [a["aria-label"] for a in page.all("div") if a.get("role") == "img"]
    assert spoken == ["negative 5.2 %, neutral 20.0 %, positive 74.8 %", "intensity +0.62"]
    assert {"7", "5", "20", "75", "+0.62"} <= set(page.texts)
    assert "left:81.0%" in html


def test_bars_without_intensity():
    assert "gauge" not in markup.bars([1], ["a"], [{"x": 0.4, "y": 0.6}], None).replace("no-gauge", "")


def test_bars_are_bounded():
    html = markup.bars(range(1, 2001), ["t"] * 2000, [{"x": 1.0}] * 2000, [0.0] * 2000)
    assert html.count('class="bar-row"') == markup.MAX_ROWS and "of 2,000 sentences" in html


TEXT = "Ada Lovelace joined Acme."
FOUND = [Span(0, 12, "PER", "Ada Lovelace"), Span(20, 24, "ORG", "Acme")]


def test_names_are_marked_where_they_stand():
    html = markup.entities([TEXT], [FOUND], ["PER", "ORG", "LOC"])
    marks = re.findall(r"<mark[^>]*><bdi>(.*?)</bdi><b[^>]*>(.*?)</b></mark>", html)
    assert marks == [("Ada Lovelace", "PER"), ("Acme", "ORG")]
    counts = re.findall(r'class="show(\d)" checked><b[^>]*>(\w+)</b> (\w+) <b>(\d+)</b>', html)
    assert counts == [("0", "PER", "person", "1"), ("1", "ORG", "organisation", "1"), ("2", "LOC", "place", "0")]
    assert re.findall(r'<tr class="(k\d)"', html) == ["k0", "k1"]
    assert '<td class="num">20</td><td class="num">24</td>' in html


@given(st.text(min_size=1, max_size=60), st.data())
def test_marks_lose_no_character_of_the_text(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    spans = [Span(a, b, "X") for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    html = markup.marked(text, spans, {"X": "#0072B2"}, lambda span: ("k0", "X"))
    assert unescape(re.sub(r"<b class=.*?</b>|<[^>]*>", "", html)) == unescape(escape(text))
    assert html.count("<mark") == len(spans)


def test_a_very_long_text_is_shown_up_to_a_little_after_its_last_name():
    late = "x " * 1000 + "Ada" + " y" * 1000
    html = markup.marked(late, [Span(2000, 2003, "PER")], {"PER": "#0072B2"}, lambda span: ("k0", "PER"))
    assert "<bdi>Ada</bdi>" in html and html.endswith("…") and len(html) < 2500
    assert markup.marked("short", [], {}, None) == "short"


def test_no_names_at_all():
    html = markup.entities(["nothing here"], [[]], ["PER"])
    assert "<mark" not in html and "<table" not in html and "No names were found" in html


def test_status_folds_away_what_is_too_much():
    page = Page(markup.status("done", [f"note {i}" for i in range(7)]))
    assert "3 more remarks" in page.texts and len(page.all("li")) == 7
    assert page.all("div")[0]["role"] == "status"
