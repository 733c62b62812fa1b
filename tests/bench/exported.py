"""How fast the exported graphs answer, by the program that is written beside them."""

import functools
import sys
import tempfile
from pathlib import Path
from statistics import median

import mtl
from mtl import onnx
from tests.bench import measure, texts
from tests.bench.table import Row, seconds


def rows(rounds: int) -> tuple[list[Row], str]:
    model, sentences = mtl.load(), texts.mixed()
    exact = mtl.load(dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        contenders = {"ours": lambda: model.analyze(sentences)}
        for name in ("float32", "int8"):
            found = onnx.export(exact, Path(folder, name), name)
            contenders[name] = functools.partial(_program(Path(folder, name)).analyze, sentences)
        times = measure.side_by_side(contenders, rounds)
    middle = {name: seconds(median(values)) for name, values in times.items()}
    what = f"embedding + {' + '.join(model.tasks)}, {len(sentences)} texts"
    table = []
    for name in ("float32", "int8"):
        time = measure.ratio(times["ours"], times[name])
        table.append(
            Row(what, f"ONNX Runtime, {name}", middle["ours"], middle[name], f"{time:.2f}x the time", "", True)
        )
    return table, f"What int8 changes, on {found.texts} texts: {'; '.join(found.said())}."


def _program(folder: Path):
    """The program that lies in an exported folder."""
    sys.path.insert(0, str(folder))
    try:
        from run import Model
    finally:
        sys.path.remove(str(folder))
    return Model(folder)
