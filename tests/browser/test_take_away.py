"""What a person takes away of the form of the Train tab: a command that runs as it is pasted, and a link."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import ROOT

# Columns and labels as nobody should call them.
TEXT, MOOD, STARS = "what they said, all of it", "mood: a=b", 'it\'s "5" $stars'
HOT, COLD = "hot: yes, very", "-cold='no'"
CALL_OF_PYTHON = 'python() { printf "%s" "$4"; }; '


def table(folder: Path) -> Path:
    path = folder / "o'clock, 5 = x.csv"
    quoted = [json.dumps(name).replace('\\"', '""') for name in (TEXT, MOOD, STARS)]
    rows = [f'"on day {i} they said that it was so","{(HOT, COLD, "mild")[i % 3]}",{i % 5 + 1}' for i in range(30)]
    path.write_text("\n".join([",".join(quoted), *rows, ""]), encoding="utf-8")
    return path


def open_train(visitor) -> Page:
    visitor.open("Train")
    page = visitor.page
    expect(page.locator("#data-summary")).to_contain_text("Ready to train.")
    return page


def bring(page: Page, path: Path) -> None:
    page.locator("#data-file input[type=file]").set_input_files(path)


def choose(page: Page, name: str, value: str) -> None:
    page.get_by_label(name, exact=True).select_option(value)


def leave_out(page: Page, label: str) -> None:
    box = page.get_by_label(f"What the label {label} is taken as", exact=True)
    if not box.is_visible():
        page.locator("#data-columns details").filter(has=box).locator("summary").click()
    box.select_option("out")
    take_away(page)
    expect(page.locator("#copy-command")).to_have_value(re.compile(f"--label [^ ]*.*{label}="))


def set_up(page: Page, path: Path) -> None:
    """The table with one label left out and one renamed, stars as a number, heads alone for one epoch, a seed."""
    bring(page, path)
    summary = page.locator("#data-summary")
    expect(summary).to_contain_text("30 rows. Start waits for an answer")
    page.get_by_text("It names the columns.").click()
    expect(summary).to_contain_text("Ready to train.")
    choose(page, f"What the column {STARS} is used for", "regression")
    expect(summary).to_contain_text(f"{STARS} has numbers from 1 to 5")
    leave_out(page, "mild")
    page.get_by_role("button", name="Backbone frozen", exact=True).click()
    page.locator("#step-learns summary", has_text="Advanced").click()
    for name, value in (("epochs", "1"), ("seed", "3")):
        page.locator(f"#field-{name}").fill(value)
    expect(page.locator("#estimate")).to_contain_text("1 step")
    take_away(page)
    expect(page.locator("#copy-command")).to_have_value(re.compile("--seed 3"))


def take_away(page: Page) -> None:
    if not page.locator("#copy-command").is_visible():
        page.locator("#take-away summary").first.click()


def copied(page: Page, what: str) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(f"[data-copies=copy-{what}]").click()
    expect(page.locator(f"[data-copies=copy-{what}]")).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


def form(page: Page) -> dict:
    """What the form says: each choice at the columns, and the settings."""
    take_away(page)
    choices = page.locator("#data-columns select").evaluate_all("all => all.map(e => [e.ariaLabel, e.value])")
    settings = page.locator("#download-settings").evaluate("async a => (await fetch(a.href)).json()")
    return {"columns": sorted(choices), "settings": settings}


def in_a_shell(command: str, folder: Path) -> str:
    """Run a command as it would be pasted, by the environment of the tests."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_copied_command_trains_what_the_form_says(visit, tmp_path):
    page = open_train(visit())
    path = table(tmp_path)
    set_up(page, path)
    expect(page.locator("#fill-path")).to_have_value(path.name)
    rows, held_out = re.findall(r"(\d+)\s+(?:rows to|held)", page.locator("#estimate").inner_text())
    folder = tmp_path / "somewhere else"
    folder.mkdir()
    page.locator("#fill-path").fill(str(path))
    in_a_shell(copied(page, "command"), folder)
    events = [json.loads(line) for line in (folder / "runs/latest/events.jsonl").open()]
    start = next(event for event in events if event["event"] == "start")
    assert start["tasks"] == [MOOD, STARS]
    assert (start["rows"], sum(start["validation_rows"].values())) == (int(rows), int(held_out))
    trained = json.loads((folder / "runs/latest/checkpoint/config.json").read_text())
    labels = {task["name"]: (task["kind"], task.get("labels")) for task in trained["model"]["tasks"]}
    assert labels[MOOD] == ("classification", [COLD, HOT]) and labels[STARS][0] == "regression"
    assert start["config"]["train"]["epochs"] == 1 and start["config"]["train"]["seed"] == 3
    moved = {name for name, change in events[-1]["moved"].items() if change}
    assert moved == {f"head {MOOD}", f"head {STARS}"}


def test_any_path_is_one_word_of_the_command_and_is_kept_while_the_form_changes(visit, tmp_path):
    page = open_train(visit())
    take_away(page)
    assert (ROOT / page.locator("#fill-path").input_value()).is_file()  # a sample is part of the project
    paths = [
        "plain.csv",
        "a b.csv",
        'it\'s $HOME `x` "y" \\n.csv',
        "-x.csv",
        "*.csv",
        "#1 & 2; 3|4.csv",
        "é/ü.csv",
        "~x",
    ]
    seen = []
    for path in paths:
        page.locator("#fill-path").fill(path)
        seen.append(in_a_shell(CALL_OF_PYTHON + page.locator("#copy-command").input_value(), tmp_path))
    assert seen == [f"./{path}" if path.startswith("-") else path for path in paths]
    page.locator("#fill-path").fill("~/my data/x.csv")
    page.locator("#freeze").fill("2")
    expect(page.locator("#copy-command")).to_have_value(re.compile("--freeze 2"))
    assert in_a_shell(CALL_OF_PYTHON + copied(page, "command"), tmp_path) == f"{tmp_path}/my data/x.csv"


@pytest.fixture
def newcomer(context, server):
    """`newcomer(link)`: the page as a person sees it who opens a link, in a browser that was never here."""
    pages = []

    def arrive(link: str, width: int = 1440) -> Page:
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(link)
        expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
        return page

    yield arrive
    for each in pages:
        each.close()


def test_a_link_about_a_sample_shows_another_person_the_same_form(visit, newcomer):
    page = open_train(visit())
    choose(page, "What the column urgency is used for", "ignored")
    expect(page.locator("#data-summary")).to_contain_text("urgency: ignored")
    leave_out(page, "billing")
    page.locator("#freeze-head-4").click()
    page.locator("#step-learns summary", has_text="Advanced").click()
    page.locator("#field-seed").fill("11")
    take_away(page)
    expect(page.locator("#copy-command")).to_have_value(re.compile("--seed 11"))
    there = newcomer(copied(page, "link"))
    expect(there.locator("#data-summary")).to_contain_text("urgency: ignored")
    expect(there.locator("#field-seed")).to_have_value("11")
    assert form(there) == form(page) and form(page)["settings"]["seed"] == 11
    # Loaded again it is still so, and what is chosen then is not undone by the link.
    leave_out(there, "hardware")
    expect(there).to_have_url(re.compile(re.escape(there.locator("#copy-link").input_value().partition("&")[2])))
    there.reload()
    expect(there.locator("#data-summary")).to_contain_text("urgency: ignored")
    expect(there.locator("#field-seed")).to_have_value("11")
    for label in ("hardware", "billing"):
        expect(there.get_by_label(f"What the label {label} is taken as", exact=True)).to_have_value("out")


def test_a_link_about_an_own_file_says_what_to_bring_and_then_shows_the_same_form(visit, newcomer, tmp_path):
    page = open_train(visit())
    path = table(tmp_path)
    set_up(page, path)
    page.locator("#freeze-head-4").click()  # a head that is there with the file alone
    link = copied(page, "link")
    wanted = form(page)
    assert "they said that it was so" not in base64.urlsafe_b64decode(link.partition("data=")[2] + "==").decode()
    there = newcomer(link, width=390)
    notice = there.locator("#data-linked")
    expect(notice).to_contain_text(f"This link is about {path.name}")
    expect(notice).to_contain_text(f"Its columns: “{TEXT}”, “{MOOD}”, “{STARS}”.")
    expect(there.locator("#start")).to_be_disabled()
    there.reload()
    expect(notice).to_contain_text(f"This link is about {path.name}")
    expect(there.locator("#learns-outcome")).to_contain_text("learn")
    other = tmp_path / "other.csv"
    other.write_text(path.read_text().replace(json.dumps(MOOD), "Mood"))
    bring(there, other)
    status = there.locator("#data-status .bad")
    expect(status).to_contain_text(f"It has no column “{MOOD}”. Of its own columns the link does not know “Mood”.")
    expect(notice).to_contain_text(f"This link is about {path.name}")
    expect(there.locator("#learns-said")).to_contain_text("this model has no such part")
    bring(there, path)
    expect(there.locator("#data-status")).to_contain_text(f"has been applied to {path.name}")
    expect(there.locator("#data-summary")).to_contain_text(f"{STARS} has numbers from 1 to 5")
    expect(notice).to_be_empty()
    expect(there.locator("#freeze-head-4")).to_have_attribute("aria-checked", "true")
    expect(there.locator("#field-seed")).to_have_value("3")
    assert form(there) == wanted
    expect(there.locator("#start")).to_be_enabled()


def test_another_link_in_an_open_page_is_applied_and_nonsense_is_not(visit, server):
    visitor = visit()
    page = open_train(visitor)
    take_away(page)
    page.locator("#step-learns summary", has_text="Advanced").click()
    packed = base64.urlsafe_b64encode(json.dumps({"sample": "news.conll"}).encode()).decode()
    page.evaluate("hash => { window.location.hash = hash; }", f"tab=Train&train=eyJlcG9jaHMiOjd9&data={packed}")
    expect(page.locator("#data-summary")).to_contain_text("news.conll")
    expect(page.locator("#field-epochs")).to_have_value("7")
    expect(page.locator("#learns-said")).to_contain_text("The settings of the link have been applied.")
    for nonsense in ("data=e30x", "data=%00&train=<img src=x>", "start=%F0%9F%92%A9", "data=" + "A" * 300_000):
        page.evaluate("hash => { window.location.hash = hash; }", f"tab=Train&{nonsense}")
        expect(page.locator("#learns-said .bad")).to_contain_text("The link was not applied")
        expect(page).to_have_url(re.compile("train=eyJlcG9jaHMiOjd9&data="))  # the address says what holds
        expect(page.locator("#data-summary")).to_contain_text("news.conll")
        page.locator("#field-seed").fill("5")  # which takes the message away
        expect(page.locator("#learns-said")).to_be_empty()
        page.locator("#field-seed").fill("0")
        expect(page.locator("#copy-command")).not_to_have_value(re.compile("--seed"))
    # Who goes back to sentences from before loses nothing of what was done in Train since.
    visitor.open("Overview")
    page.get_by_role("button", name="Reviews").click()
    visitor.open("Train")
    page.locator("#field-epochs").fill("8")
    expect(page.locator("#copy-command")).to_have_value(re.compile("--epochs 8"))
    page.go_back()
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(1500)
    visitor.open("Train")
    assert form(page)["settings"] == {"epochs": 8}
    assert page.locator("#step-learns img").count() == 0
