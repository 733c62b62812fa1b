"""Export to ONNX: one graph from token ids to the embedding and every head's logits, and a program that reads it.

The folder needs neither torch nor this program: `model.onnx`, `model.json` (the tasks and how their logits are decoded,
the length limit), `tokenizer.json`, and `run.py` with `words.py`, which answer by numpy, onnxruntime and tokenizers.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from mtl.checkpoint import derive
from mtl.config import KINDS, TaskSpec, UserError, listed
from mtl.encoder.backbone import replace_parameter
from mtl.files import write_json
from mtl.model import MultiTaskModel
from mtl.places import ASSETS
from mtl.pooling import Encoded, mean
from mtl.text import words
from mtl.text.batches import collate, unknown_id

EXTRA = "onnx"
GRAPH = "model.onnx"
# The operators of this version are known to ONNX Runtime since 1.18.
_OPSET = 18
# Texts that an export is compared on, of the project's own files, by the column that has them.
_COMPARED = 500
_TEXTS = {
    "models/default/checks/everyday.csv": "text",
    "models/default/checks/unfamiliar.csv": "text",
    "samples/emotions.csv": "text",
    "samples/pairs.csv": "sentence1",
    "samples/reviews.csv": "review",
    "samples/tickets.csv": "ticket",
    "samples/workshop.csv": "text",
}
# How weights are stored: the largest share of texts with another answer, and the smallest cosine of an embedding with
# the model's own. The graph computes in float32 but for `int8`.
_LIMITS = {"float32": (0.005, 0.9999), "float16": (0.005, 0.9999), "int8": (0.02, 0.99)}
# Weights of fewer numbers stay as they are.
_SMALL = 1024
_ASK = "import json, sys; from run import Model; json.dump(Model().analyze(json.load(sys.stdin)), sys.stdout)"


@dataclass(frozen=True)
class Difference:
    """How the answers of an exported model differ from the model's own for one task, in words, and on which share of
    the texts, or, where they are numbers, by which share of their scale on average."""

    task: str
    share: float
    said: str


@dataclass(frozen=True)
class Comparison:
    """The answers of an exported model beside the model's own: the lowest cosine of two embeddings of a text, the mean,
    and the differences of each task."""

    texts: int
    lowest: float
    mean: float
    differences: tuple[Difference, ...]

    def said(self) -> list[str]:
        """A line for the embedding and for each task."""
        cosine = f"embedding: cosine with the model's own {self.mean:.5f} on average, {self.lowest:.5f} at least"
        return [cosine, *(f"{each.task}: {each.said}" for each in self.differences)]

    def problems(self, share: float, cosine: float) -> list[str]:
        """What differs by more than such a share, or lies below this cosine."""
        found = [f"{each.task}: {each.said}" for each in self.differences if each.share > share]
        return [*found, *([self.said()[0]] if self.lowest < cosine else [])]


def check(model: MultiTaskModel) -> None:
    """Raises `UserError` if a package that an export needs is missing, or a head cannot be exported."""
    if missing := [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]:
        raise UserError(
            f"Export to ONNX needs {listed(missing)}, of the extra {EXTRA}: pip install {' '.join(missing)}, or "
            f"pip install 'mtl-playground[{EXTRA}]'."
        )
    for spec in model.config.tasks:
        if not model.head(spec.name).decoding():
            raise UserError(
                f"Task {spec.name!r} cannot be exported to ONNX: heads of its kind, {spec.kind}, do not say how their "
                "logits are decoded."
            )


def export(model: MultiTaskModel, folder: str | os.PathLike, weights: str = "float32") -> Comparison:
    """Write a float32 model for ONNX Runtime into `folder`, which is new or empty, and compare its answers.

    `weights`: "float32", "float16" (half the size) or "int8" (those of the encoder, which then computes with them).
    Raises `UserError`, and leaves no folder behind, if the answers differ too much, if a head cannot be exported, or if
    a package that this needs is missing.
    """
    check(model)
    folder = Path(folder).absolute()
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty. Name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        unfinished = Path(temporary) / "model"
        unfinished.mkdir()
        _write(model, unfinished, weights)
        share, cosine = _LIMITS[weights]
        exact = (unfinished / GRAPH).rename(Path(temporary) / GRAPH)
        # If the smallest graph changes too many answers, a larger one may not.
        int8 = [functools.partial(_quantise, spare_all=each) for each in (False, True)]
        for store in {"float32": [shutil.move], "float16": [_halve], "int8": int8}[weights]:
            store(exact, unfinished / GRAPH)
            found = compare(model, unfinished)
            problems = found.problems(share, cosine)
            if not problems:
                break
        if problems:
            hint = " Leave --int8 out." if weights == "int8" else ""
            raise UserError(
                f"The exported model would not answer as this one does, on {found.texts} texts: {'; '.join(problems)}. "
                f"At most {share:.1%} may differ, and a cosine must be {cosine} at least: nothing was written.{hint}"
            )
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        unfinished.rename(folder)
    return found


# --- the folder ---


def _write(model: MultiTaskModel, folder: Path, weights: str) -> None:
    graph = _Graph(model).eval()
    _write_graph(graph, folder / GRAPH)
    tokenizer = model.backbone.tokenizer
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {
        "max_tokens": model.max_tokens,
        "pad_id": model.backbone.pad_id,
        "unknown_id": unknown_id(tokenizer),
        "pooling": model.config.pooling,
        "dimensions": model.dim,
        "base": vars(model.origin),
        "weights": weights,
        "shape_window": graph.window,
        "familiarity": model.familiarity is not None,
        "tasks": [
            {
                "name": spec.name,
                "kind": spec.kind,
                "labels": list(spec.labels),
                "texts": KINDS[spec.kind].texts,
                "pooling": spec.pooling,
                "output": graph.output_of(spec),
                **model.head(spec.name).decoding(),
            }
            for spec in model.config.tasks
        ],
    }
    write_json(folder / "model.json", about)
    for source in (ASSETS / "onnx" / "run.py", Path(words.__file__)):
        shutil.copyfile(source, folder / source.name)


class _Graph(nn.Module):
    """What is exported: from token ids and mask (texts, tokens) to embeddings (texts, dim) and logits (texts, outputs).

    A head that reads words has logits (texts, tokens, tags), and takes `word_shapes` (texts, tokens, 1 + 2 `window`),
    where the shapes of a word and its neighbours stand at its first token. A head for two texts has, for each text,
    the logits of that text and the next. Logits are those before a temperature.
    """

    def __init__(self, model: MultiTaskModel) -> None:
        super().__init__()
        self.model = derive(model, model.config)
        for name in model.fitted:  # stands in model.json
            if name.endswith(".temperature"):
                replace_parameter(self.model, name, torch.ones(()))
        self.specs = [spec for spec in model.config.tasks if KINDS[spec.kind].reads != "embedding"]
        self.reads_words = any(KINDS[spec.kind].reads == "words" for spec in self.specs)
        self.window = max((spec.shape_window for spec in self.specs), default=0)

    def output_of(self, spec: TaskSpec) -> str | None:
        """The name of the output that has a task's logits; None if the embedding answers."""
        return f"logits_{spec.name}" if spec in self.specs else None

    @property
    def outputs(self) -> list[str]:
        known = ["familiarity"] if self.model.familiarity else []
        return ["embedding", *known, *map(self.output_of, self.specs)]

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor | None = None) -> list[torch.Tensor]:
        model, familiarity = self.model, self.model.familiarity
        levels = familiarity.levels if familiarity else ()
        encoded = model.encode_batch(SimpleNamespace(ids=ids, mask=mask.bool()), keep_lower=levels)
        words = Encoded(encoded.tokens, encoded.mask, encoded.backbone, None, {}, encoded.tokens.flatten(0, 1))
        batch = _AllTokens(shapes, self.window)
        answers = [model.embeddings(encoded)]
        if familiarity:
            answers.append(familiarity.of(mean(encoded.lower, encoded.mask)).float())
        for spec in self.specs:
            of_words = KINDS[spec.kind].reads == "words"
            logits = model.logits(words if of_words else encoded, batch, spec.name).float()
            answers.append(logits.view(*ids.shape, -1) if of_words else logits)
        return answers


@dataclass(frozen=True)
class _AllTokens:
    """A batch, for heads, whose rows are its texts, each paired with the next, and whose words are all its tokens."""

    shapes: torch.Tensor | None
    window: int
    first = words_of_rows = slice(None)

    def pairs(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return vectors, torch.cat((vectors[1:], vectors[:1]))

    def shapes_around(self, window: int) -> torch.Tensor:
        beside = self.window - window
        return self.shapes[:, :, beside : beside + 1 + 2 * window].flatten(0, 1)


def _write_graph(graph: _Graph, path: Path) -> None:
    # With padding, without which a batch takes another way through attention.
    batch = collate(graph.model.tokenise(["Some words of a text.", "Others."]), graph.model.backbone.pad_id)
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    if graph.reads_words:
        inputs["word_shapes"] = torch.zeros(*batch.ids.shape, 1 + 2 * graph.window, dtype=torch.int64)
    sizes = {name: {0: "texts", 1: "tokens"} for name in inputs}
    for name, spec in zip(graph.outputs, [None] * (len(graph.outputs) - len(graph.specs)) + graph.specs, strict=True):
        sizes[name] = {0: "texts", 1: "tokens"} if spec and KINDS[spec.kind].reads == "words" else {0: "texts"}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            graph,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=graph.outputs,
            dynamic_axes=sizes,
            opset_version=_OPSET,
            dynamo=False,  # the other exporter needs onnxscript, too
        )


def _quantise(source: Path, target: Path, spare_all: bool) -> None:
    """Store the encoder's weights in 8 bits; what goes through it is quantised as it comes.

    Heads stay as they are, which are small, and so do products that narrow what the wide layers give: it has outliers,
    and quantised it would cost more than all others together. With `spare_all` those that widen stay as well.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source).graph
    sizes = {each.name: tuple(each.dims) for each in graph.initializer}

    def stays(node: onnx.NodeProto) -> bool:
        if node.op_type not in ("Gemm", "MatMul") or node.input[1] not in sizes:
            return False
        given, taken = sizes[node.input[1]][:: -1 if node.op_type == "MatMul" else 1]
        return (
            given < taken
            or (spare_all and given > taken)
            or any(name.startswith("model.heads.") for name in node.input)
        )

    # A Gemm becomes a MatMul of this name before it is quantised.
    kept = [name for node in graph.node if stays(node) for name in (node.name, f"{node.name}_MatMul")]
    with _quiet():
        # In the range of 7 bits, as sums of products of 8 bits overflow on processors without VNNI.
        options = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
        quantize_dynamic(source, target, nodes_to_exclude=kept, **options)


def _halve(source: Path, target: Path) -> None:
    """Store matrices in float16, which become float32 when the graph is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(source)
    for stored in model.graph.initializer:
        if stored.data_type == TensorProto.FLOAT and len(stored.dims) > 1 and np.prod(stored.dims) > _SMALL:
            name, half = stored.name, f"{stored.name}.float16"
            stored.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(stored).astype(np.float16), half))
            model.graph.node.insert(0, helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    onnx.save(model, target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep quiet what the libraries say of their own ways."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


# --- the comparison ---


def texts() -> list[str]:
    """Texts of the project's own files: of everyday life, of many topics and lengths, some of them in no language."""
    found: dict[str, None] = {}
    for name, column in _TEXTS.items():
        with (ASSETS / name).open(encoding="utf-8", newline="") as file:
            found |= dict.fromkeys(row[column] for row in csv.DictReader(file))
    all_of_them = [text for text in found if text.strip()]
    return [all_of_them[i * len(all_of_them) // _COMPARED] for i in range(_COMPARED)]


def compare(model: MultiTaskModel, folder: Path) -> Comparison:
    """The answers of an exported model, by the program in its folder, beside those of `model`."""
    rows: list[Any] = texts()
    if any(KINDS[spec.kind].texts == 2 for spec in model.config.tasks):
        rows += [*zip(rows, rows[1:] + rows[:1], strict=True)]
    asked = subprocess.run(
        [sys.executable, "-B", "-c", _ASK], input=json.dumps(rows), cwd=folder, capture_output=True, encoding="utf-8"
    )
    if asked.returncode:
        why = [f"it ended with status {asked.returncode}", *asked.stderr.strip().splitlines()][-1]
        raise UserError(f"The exported model does not run: {why}")
    pairs = [*zip([answer.to_json() for answer in model.analyze(rows)], json.loads(asked.stdout), strict=True)]
    cosines = [float(np.dot(ours["embedding"], theirs["embedding"])) for ours, theirs in pairs]
    differences = [
        _difference(name, [(ours[name], theirs[name]) for ours, theirs in pairs if name in ours], spec)
        for name, spec in model.tasks.items()
    ]
    if model.familiarity:
        flags = [(ours["unfamiliar"], theirs["unfamiliar"]) for ours, theirs in pairs]
        differences.append(_of_labels("familiarity", flags))
    return Comparison(len(rows), min(cosines), float(np.mean(cosines)), tuple(differences))


def _difference(task: str, answers: Sequence[tuple[Any, Any]], spec: TaskSpec) -> Difference:
    if not isinstance(answers[0][0], float):
        return _of_labels(task, [(_labels(ours), _labels(theirs)) for ours, theirs in answers])
    off = float(np.mean([abs(ours - theirs) for ours, theirs in answers]))
    return Difference(task, off / (spec.high - spec.low), f"off by {off:.5f} on average")


def _of_labels(task: str, answers: Sequence[tuple[Any, Any]]) -> Difference:
    others = sum(ours != theirs for ours, theirs in answers)
    said = f"another answer to {others} of {len(answers)} texts ({others / len(answers):.1%})"
    return Difference(task, others / len(answers), said)


def _labels(answer: Any) -> Any:
    """What an answer says, without how sure it is."""
    if isinstance(answer, list):
        return [(entity["start"], entity["end"], entity["label"]) for entity in answer]
    return answer["label"] if "label" in answer else {*answer["labels"]}
