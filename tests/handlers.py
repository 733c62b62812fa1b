"""The six sentences and the heads of the tiny model in `tests/ui`."""

from mtl.config import TaskSpec

TEXTS = (
    "Ada Lovelace lived in London.",
    "The soup was terrible.",
    "=SUM(A1) is a formula.",
    "A fine day.",
    "Bread and butter.",
    "The tram is late again.",
)
TASKS = (
    TaskSpec("sentiment", "classification", ("negative", "neutral", "positive")),
    TaskSpec("intensity", "regression"),
    TaskSpec("entities", "tagging", ("PER", "LOC")),
)
