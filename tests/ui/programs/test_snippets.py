"""Each snippet that the page shows runs as it is pasted. What the browser copies is tested in tests/browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.ui.programs.functions import FUNCTIONS
from mtl.ui.programs.snippets import LANGUAGES, all_snippets

ROOT = Path(__file__).resolve().parents[3]
# How a program in each language is run, and what it prints of each answer.
RUN = {"Python": [sys.executable, "-"], "JavaScript": ["node", "--input-type=module", "-"], "curl": ["sh", "-s"]}
FIELDS = {"predict": "probabilities", "analyze": "embedding", "embed": "embeddings", "similarity": "cosines"}
NAMES = (*FUNCTIONS, "embeddings")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_snippet_runs_as_pasted(address, name, language):
    if not shutil.which("curl" if language == "curl" else RUN[language][0]):
        pytest.skip(f"nothing here runs {language}")
    _, programs = all_snippets(address.rstrip("/"))[name]
    done = subprocess.run(RUN[language], input=programs[language], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if (name, language) == ("embeddings", "Python"):
        assert done.stdout.startswith("[") and done.stdout.count(",") == 383
    else:
        assert FIELDS.get(name, "embedding") in done.stdout and "error" not in done.stdout


def test_every_function_has_one_in_every_language():
    shown = all_snippets("http://localhost")
    assert shown.keys() == set(NAMES)
    for about, programs in shown.values():
        assert about.endswith(".") and ". " not in about
        assert programs.keys() == set(LANGUAGES)
        assert all("http://localhost" in program for program in programs.values())


def test_what_the_readme_shows_runs_as_pasted(address):
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("http://127.0.0.1:7860/", address)
    section = readme.split("\n## Use a model elsewhere\n")[1].split("\n**From an assistant.**")[0]
    code = [line.removeprefix("    ") for line in section.splitlines() if line.startswith("    ") or not line]
    [curl] = [line for line in code if line.startswith("curl ")]
    answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=60).stdout
    [found] = json.loads(answer)["answers"]
    assert {span["text"]: span["label"] for span in found["answers"]["entities"]} == {"Ada": "PER", "London": "LOC"}
    program = "\n".join(line for line in code if not line.startswith("curl "))
    subprocess.run([sys.executable, "-"], input=program, text=True, check=True, timeout=120)
