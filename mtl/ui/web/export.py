"""A page that runs a model in the browser: the Overview and the Entities tab, from any static host, and offline.

What the server's page has is taken as it is: its scripts and styles, its templates (translated by `javascript`), and
the words and numbers of its Python (`constants`). The scripts in `assets/web` stand for its server.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mtl import checkpoint, npm, onnx
from mtl.config import UserError
from mtl.files import json_bytes, read_json
from mtl.kinds.multilabel import NONE
from mtl.places import ASSETS
from mtl.text.values import plural
from mtl.ui import answers, app, card, names, templates
from mtl.ui.embeddings import tab as embeddings
from mtl.ui.embeddings import view as plots
from mtl.ui.entities import tab as entities
from mtl.ui.examples import OPENING, SETS
from mtl.ui.kinds import VIEWS, classification, shown
from mtl.ui.overview import tab as overview
from mtl.ui.sentences import MAX_SENTENCES
from mtl.ui.server import static
from mtl.ui.visitors import ENOUGH_SHARED
from mtl.ui.web.javascript import translate
from mtl.ui.widgets import colours, markup

if TYPE_CHECKING:
    from mtl.model import MultiTaskModel

# Of the page's scripts, those for the two tabs; and the templates that are drawn in the browser.
_SCRIPTS = ("storage.js", "page.js", "answers.js", "plots.js", "grid.js", "map.js", "chosen.js", "card.js")
TEMPLATES = ("parts.html", "answers.html", "kinds.html", "overview.html")
_EARLY, _WORKER, _STYLE = "early.js", "sw.js", "web.css"
# How weights are stored, in words.
_STORED = {"float16": "16 bits", "int8": "8 bits"}
# The map by UMAP is made by the server alone.
_CHOICES = (("method", "Map", (("pca", "PCA"),)), embeddings.CHOICES[1])
CHIP_TITLE = "The model that runs in this page: its name, its size, its parts, how its weights are stored."


@dataclass(frozen=True)
class Exported:
    """What was written: its bytes in all, those of the model's graph, and how the graph's answers differ."""

    size: int
    graph: int
    comparison: onnx.Comparison


def export(model: MultiTaskModel, name: str, folder: str, weights: str, packages: str | None = None) -> Exported:
    """Write the page for the float32 `model` that `mtl.load(name)` gave into `folder`, which is new or empty.

    `weights`: "float16" or "int8", as for `mtl.onnx.export`. `packages`: a folder of npm's packages, None to have npm
    fetch them. Raises `UserError`, and leaves no folder behind, where it cannot be done.
    """
    target = Path(folder).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} is not empty. Name a new folder.")
    _check(model)
    onnx.check(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        npm.packages(packages) as runtime,
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary,
    ):
        unfinished = Path(temporary) / "page"
        comparison = onnx.export(model, unfinished / "model", weights)
        for needless in (unfinished / "model").glob("*.py"):
            needless.unlink()
        graph = _write(model, name, unfinished, runtime)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    return Exported(sum(file.stat().st_size for file in target.rglob("*") if file.is_file()), graph, comparison)


def _check(model: MultiTaskModel) -> None:
    """Raises `UserError` for what the scripts of the page do not know."""
    tokenizer = json.loads(model.backbone.tokenizer.to_str())
    read = (tokenizer["model"]["type"], *(tokenizer[part] and tokenizer[part]["type"] for part in _READ))
    if read != ("WordPiece", *_READ.values()):
        raise UserError(
            f"A page without a server reads the tokens of BERT and its kin (WordPiece); {model.backbone.name} has "
            f"others ({read[0]}). Serve this model by mtl serve."
        )
    for spec in model.config.tasks:
        view = VIEWS.get(spec.kind)
        if view is None or not view.__module__.startswith("mtl.ui.kinds."):
            raise UserError(
                f"Task {spec.name!r} is of the kind {spec.kind}, which a page without a server cannot show. Serve "
                "this model by mtl serve."
            )


_READ = {"normalizer": "BertNormalizer", "pre_tokenizer": "BertPreTokenizer"}


def _write(model: MultiTaskModel, name: str, folder: Path, runtime: list[Path]) -> int:
    """All files beside the model's; the bytes of its graph."""
    about = _about(model, folder / "model")
    for place in ("runtime", "web"):
        (folder / place).mkdir()
    for file in runtime:
        shutil.copyfile(file, folder / "runtime" / file.name)
    for script in (ASSETS / "web").glob("*.js"):
        if script.name not in (_EARLY, _WORKER):
            shutil.copyfile(script, folder / "web" / script.name)
    constants = (f"export const {key} = {json.dumps(value)};\n" for key, value in _constants().items())
    (folder / "web" / "constants.js").write_text("".join(constants), encoding="utf-8")
    (folder / "web" / "templates.js").write_text(translate(TEMPLATES), encoding="utf-8")
    (folder / "plotly.js").write_bytes(static.whole())
    theme = app.THEME._get_theme_css()
    for font in (app.FONT, app.MONO):
        _copy_font(font.name.replace(" ", ""), theme, folder)
    (folder / "index.html").write_text(_page(model, name, about, theme), encoding="utf-8")
    licences = ", ".join(f"{package.name} ({package.licence})" for package in npm.PACKAGES)
    readme = (ASSETS / "web" / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(readme.format(title=_title(name), licences=licences), encoding="utf-8")
    _write_service_worker(folder)
    return about["bytes"]


def _about(model: MultiTaskModel, folder: Path) -> dict[str, Any]:
    """What the page has to know of the model, written into its folder."""
    about = read_json(folder / "model.json")
    graph = (folder / onnx.GRAPH).read_bytes()
    about |= {"bytes": len(graph), "identity": hashlib.sha256(graph).hexdigest()[:16]}
    for task in about["tasks"]:
        spec = model.tasks[task["name"]]
        task["scale"] = [f"{end:g}" for end in (spec.low, spec.high)]
    (folder / "model.json").write_bytes(json_bytes(about))
    return about


def _constants() -> dict[str, Any]:
    """Words and numbers that the scripts share with the server's page."""
    return {
        "NAMED": colours.NAMED,
        "PALETTE": colours.OKABE_ITO,
        "GREY": colours.GREY,
        "MAX_ROWS": markup.MAX_ROWS,
        "TEXT_SHOWN": markup.TEXT_SHOWN,
        "AFTER_LAST_MARK": markup.AFTER_LAST_MARK,
        "MAX_SENTENCES": MAX_SENTENCES,
        "MOST_PARTS": classification.MAX_PARTS,
        "NONE": NONE,
        "ENTITIES": entities.TASK,
        "EMPTY": answers.EMPTY,
        "ENOUGH_SHARED": ENOUGH_SHARED,
        "SYMBOLS": plots.SYMBOLS,
        "OTHERS": plots.OTHERS,
        "NO_LABEL": plots.NO_LABEL,
        "MOST_LABELS": plots.MOST_LABELS,
        "MAX_CELLS": plots.MAX_CELLS,
        "NEAREST": plots.NEAREST,
        "ALIKE": plots.ALIKE,
        "SEARCHED": plots.SEARCHED,
        "PCA_NOTE": plots.PCA_NOTE,
        "KEPT": plots.KEPT,
    }


def _copy_font(name: str, theme: str, folder: Path) -> None:
    """The files of a font that the theme names, from Gradio's."""
    source = resources.files("gradio").joinpath("templates", "frontend", "static", "fonts", name)
    for file in source.iterdir():
        path = f"static/fonts/{name}/{file.name}"
        if path in theme:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.read_bytes())


def _page(model: MultiTaskModel, name: str, about: dict[str, Any], theme: str) -> Markup:
    from mtl.training import card as of_model
    from mtl.training import limits

    title, stored = _title(name), _STORED[about["weights"]]
    heads = plural(len(model.tasks), "head") if model.tasks else "no heads"
    chip = (title, f"{model.backbone.parameter_count / 1e6:.1f} M", f"one backbone, {heads}", f"weights in {stored}")
    sheets = [*sorted(ASSETS.glob("*.css")), ASSETS / "web" / _STYLE]
    # The plain look of elements stands before what the page says of some of them.
    sheets = [sheets[-1], *sheets[:-1]]
    tabs = [overview.TITLE]
    if any(shown(spec.kind).tab == entities.TASK for spec in model.tasks.values()):
        tabs.append(entities.TITLE)
    return templates.render(
        "web.html",
        styles=Markup(theme + "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)),
        scripts=[Markup((ASSETS / script).read_text(encoding="utf-8")) for script in _SCRIPTS],
        early=Markup((ASSETS / "web" / _EARLY).read_text(encoding="utf-8")),
        header=templates.render(
            "header.html", chip=" · ".join(chip), about=CHIP_TITLE, run=None, limits={}, plotly="plotly.js"
        ),
        where=f"{title}, {about['bytes'] / 1e6:.0f} MB, runs in this browser: nothing that you write leaves it.",
        plots=embeddings.shared_plots(_CHOICES),
        card=card.of_markdown(of_model.of(name, model, limits.measure(model), title)),
        opening="\n".join(SETS[OPENING]),
        sets=SETS,
        tabs=tabs,
        intro=entities.INTRO,
        busy="",
        wide=False,
    )


def _title(name: str) -> str:
    return names.own_name(None if name == checkpoint.DEFAULT else name)


def _write_service_worker(folder: Path) -> None:
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    version = hashlib.sha256()
    for file in files:
        version.update(file.encode() + (folder / file).read_bytes())
    # The page itself goes by the address of its folder: some hosts have no other for it.
    kept = ["./", *(file for file in files if file not in ("README.md", "index.html"))]
    head = f"const VERSION = {json.dumps(version.hexdigest()[:16])}, FILES = {json.dumps(kept)};\n"
    script = (ASSETS / "web" / _WORKER).read_text(encoding="utf-8")
    (folder / _WORKER).write_text(head + script, encoding="utf-8")
