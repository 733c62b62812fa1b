"""What is asked of a model about each text, and its answers as columns of the same types in every part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mtl.predictions import Answers

if TYPE_CHECKING:
    from mtl.model import MultiTaskModel

Text = str | tuple[str, str] | None
# So many texts are answered at a time: their answers take more memory than the columns that are made of them.
_AT_ONCE = 512


@dataclass(frozen=True)
class Request:
    """What is asked: embeddings, or else the answers of the heads `tasks` (None: of all that can read the rows;
    `pairs`: a row has two texts). `pooling` and `raw` are of embeddings (see `MultiTaskModel.encode`)."""

    embeddings: bool = False
    tasks: tuple[str, ...] | None = None
    pairs: bool = False
    pooling: str | None = None
    raw: bool = False


class Answering:
    """A model that answers a request. `schema`: the names and types of the columns. Raises `UserError` for a task or
    pooling that the model does not have."""

    def __init__(self, model: MultiTaskModel, request: Request) -> None:
        self._model, self._request = model, request
        if request.embeddings:
            model.encode([], request.pooling)
            self.schema = pa.schema([(f"d{i}", pa.float32()) for i in range(model.dim)])
            return
        example = self._predict([("One text.", "Another.") if request.pairs else "One text."])
        types = {name: pa.string() if isinstance(cells[0], str) else pa.float64() for name, cells in example.items()}
        self.schema = pa.schema([*types.items()])

    def answer(self, texts: Sequence[Text]) -> pa.Table:
        """A row for each text, with the columns of `schema`; nulls where there is no text."""
        given = [text for text in texts if text is not None]
        columns = self._embed(given) if self._request.embeddings else self._predict(given)
        nothing = np.array([text is None for text in texts], dtype=bool)
        places = pa.array(np.cumsum(~nothing) - 1, mask=nothing)
        cells = [pa.array(columns.get(field.name, [None] * len(given)), field.type) for field in self.schema]
        return pa.table([column.take(places) for column in cells], schema=self.schema)

    def _embed(self, texts: Sequence[str]) -> Mapping[str, Any]:
        pooling, normalize = self._request.pooling, not self._request.raw
        parts = [self._model.encode(some, pooling, normalize=normalize) for some in _in_turn(texts)]
        return {f"d{i}": column for i, column in enumerate(np.concatenate(parts).T)} if parts else {}

    def _predict(self, texts: Sequence[str | tuple[str, str]]) -> Mapping[str, Any]:
        answers = Answers(self._model.tasks)
        for some in _in_turn(texts):
            answers.add(self._model.analyze(some, self._request.tasks))
        return answers.columns()


def _in_turn(texts: Sequence[Any]) -> list[Sequence[Any]]:
    return [texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE)]
