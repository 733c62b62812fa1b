"""One server and one browser for all browser tests; a new visitor for each."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from tests.browser.serving import launch_chromium, launch_context, served_page
from tests.browser.visiting import Visitor, looks_of
from tests.servers import last_printed

# Whose pages are looked at where a test fails.
_contexts: list[BrowserContext] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows what stood on its pages, and what its servers have printed."""
    report = yield
    if report.failed:
        pages = [page for context in _contexts for page in context.pages]
        report.sections += [(f"What stood on {page.url}", looks_of(page)) for page in pages]
        report.sections += [("What the server printed last", printed) for printed in last_printed()]
    return report


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory):
    """Where the server's training runs are."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def server(runs_folder):
    with served_page(runs=runs_folder) as url:
        yield url


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def context(playwright, tmp_path_factory):
    context = launch_context(playwright, tmp_path_factory.mktemp("browser"))
    _contexts.append(context)
    yield context
    _contexts.remove(context)
    context.close()


@pytest.fixture(scope="session")
def browser(playwright):
    """For contexts of one's own."""
    browser = launch_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture
def visit(context, server):
    """`visit(width=..., theme=...)` opens the page as a new visitor. Afterwards each page must have been free of
    errors, and must have asked no other machine for anything."""
    visitors = []

    def arrive(width: int = 1440, height: int = 900, theme: str = "light") -> Visitor:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        visitors.append(Visitor(page, server, theme))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.page.close()
    for visitor in visitors:
        assert visitor.errors == []
        assert visitor.elsewhere == []


@pytest.fixture(scope="session")
def _regular(context, server):
    """A page that stays open, as loading one takes seconds."""
    return Visitor(context.new_page(), server)


@pytest.fixture
def visitor(_regular):
    """The visitor that most tests share; each begins at the first tab, with the opening example analysed."""
    _regular.begin_again()
    yield _regular
    assert _regular.errors == []
    assert _regular.elsewhere == []
