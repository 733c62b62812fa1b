"""The requirement files pin what pyproject.toml says the program needs, what that needs in turn, and nothing more."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The extras that the program itself imports from, and then that of the tests.
EXTRAS = ("mcp", "onnx", "ray")
# What a requirement file is made of: the extras of pyproject.toml whose packages it holds, too.
FILES = {"requirements.txt": (), "tests/requirements.txt": ("dev", *EXTRAS)}


def dependencies(*extras: str) -> dict[str, Requirement]:
    """What pyproject.toml names, by name: the program's own dependencies and those of some extras."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def pinned(file: str) -> dict[str, tuple[Requirement, set[str]]]:
    """Name -> the pin, and for whom it is there, of a file that `make pins` has written."""
    found = {}
    for block in re.split(r"\n(?=\S)", (ROOT / file).read_text(encoding="utf-8")):
        pin, *notes = block.splitlines()
        if not pin.startswith("#"):
            requirement = Requirement(pin)
            assert requirement.name not in found, f"{file}: {requirement.name} stands there twice"
            asked = re.findall(r"#\s+(?:via )?(\S+)", "\n".join(note for note in notes if note.strip() != "# via"))
            found[requirement.name] = requirement, set(asked)
    return found


@pytest.mark.parametrize("file", FILES)
def test_every_dependency_is_pinned_within_its_bounds(file):
    pins = pinned(file)
    for name, requirement in dependencies(*FILES[file]).items():
        assert canonicalize_name(name) in pins, f"{name} is not in {file}: run make pins"
        [pin] = pins[canonicalize_name(name)][0].specifier
        assert pin.operator == "==" and requirement.specifier.contains(pin.version), f"{file}: {name} {pin}"


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_pinned_that_nobody_needs(file):
    pins = pinned(file)
    named = {canonicalize_name(name) for name in dependencies(*FILES[file])}
    assert {name for name, (_, asked) in pins.items() if PROJECT["name"] in asked} == named
    reached, new = set(), {PROJECT["name"]}
    while new:
        reached |= new
        new = {name for name, (_, asked) in pins.items() if asked & new} - reached
    assert pins.keys() == reached - {PROJECT["name"]}


def test_the_tests_run_with_what_is_installed():
    program, tests = (pinned(file) for file in FILES)
    assert {name: str(pin) for name, (pin, _) in program.items()}.items() <= {
        name: str(pin) for name, (pin, _) in tests.items()
    }.items()


@pytest.mark.parametrize("file", FILES)
def test_no_requirement_file_says_where_packages_come_from(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^\s*-", text, re.MULTILINE)


def test_the_readme_gives_a_reason_for_every_requirement_and_for_nothing_else():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, section = readme.split("\n### Dependencies", 1)
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section.split("\n## ", 1)[0], re.MULTILINE)
    names = [name for name, _ in rows]
    assert sorted(names) == sorted(dependencies("dev", *EXTRAS))
    assert all(len(reason.split()) >= 3 for _, reason in rows)
