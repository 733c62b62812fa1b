"""The short words of the Learn tab; its lessons are in assets/lessons/. Figures are never written in either: they come
from assets/scenarios.json."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.ui.train.result import words as result
from mtl.ui.train.run import words as live
from mtl.ui.train.settings import words as controls

TITLE = "Learn"
INTRO = (
    "What the Train tab does, from the beginning. No knowledge of machine learning is needed; each term is explained "
    "where it first stands in bold."
)

# --- pictures ---

PICTURE_CAPTION = (
    "The model as you have set it in the Train tab: this picture follows every change there. Grey with a closed lock "
    "stays as it is; blue learns, the stronger the faster."
)
PICTURE_TABLE = "The picture as a table"
PICTURE_WAITS = "The picture appears here when the model is loaded."
POOLING_LABEL = (
    "Five tokens go through the layers; their vectors are pooled into one, which three heads read; "
    "a fourth head reads the tokens."
)
POOLING_TOKENS = ("Ada", "loves", "her", "new", "lamp")
POOLING_PARTS = {
    "layers": "layers",
    "pooled": "pooling: mean",
    "sentence": "sentence embedding",
    "sentence heads": ("sentiment", "intensity", "topic"),
    "token head": "entities",
}
DESCENT_CAPTION = (
    "The same valley, the same start, {steps} steps: only the learning rate differs. "
    "The ball should come to rest at the bottom."
)
DESCENT_NAMES = ("too low", "about right", "too high")
THAW_CAPTION = "Gradual unfreezing over {epochs} epochs: which part learns when."
THAW_LEARNS, THAW_FROZEN = "learns", "frozen"
THAW_HEADS = "heads"

# --- the anchor ---

ANCHOR_MEASURED = "Measured: one task trained alone, without the anchor and with it"
ANCHOR_TABLE = "The same as a table"
BEFORE, WITHOUT, WITH = "before", "without the anchor", "with the anchor"
ANCHOR_HEADERS = ("what", "score", BEFORE, WITHOUT, WITH)
COSINE_ROW = "embeddings"
COSINE_METRIC = "cosine to before"
ANCHOR_TRAINED, ANCHOR_UNTRAINED = "just trained", "not trained"
ANCHOR_UNKNOWN = "new head"

# --- the scenarios ---

OVERVIEW = "All presets at a glance"
OVERVIEW_NOTE = (
    "Scores are on rows held out, 100 % or 1 is perfect; the mean takes 1 for 100 %. Backbone moved: the mean relative "
    "change of its layers' weights. Embeddings: mean cosine to what they were, on {probe} other sentences; "
    "1 is unmoved."
)
PRESET, MEAN, SECONDS, MOVED, EMBEDDINGS = "preset", "mean score", "seconds", "backbone moved", "embeddings"
SCENARIO_GROUPS = ("Ways to train", "Rates that others propose")
EXPECT_LABEL = "Expect"
WHEN_LABEL = "When"
MEASURED_LABEL = "Measured"
CARD_TABLE = "Settings and picture as a table"
NO_FIGURES = (
    "The figures of this page are missing. The command “python -m mtl scenarios” measures them "
    "and writes assets/scenarios.json."
)
NOT_MEASURED = "This preset has not been measured yet."
EXPECT = {
    "frozen": "Nothing moves. New heads answer at random, so scores are those of guessing.",
    "heads": "The quickest by far, and embeddings stay exactly as they are. Fine where the backbone already tells the "
    "labels apart (topics), weak where it does not (it was trained to find the same content, not the same feeling).",
    "one-head": "The first head is new and stays at random, but its loss still reaches the backbone, which can bend "
    "towards it. The other heads should do as well as without it.",
    "uniform": "One rate has to suit both: it is right for the backbone, and too low for heads that begin at nothing.",
    "depth": "Quick heads, careful layers: among the best scores, for some movement of the embeddings.",
    "gradual": "Lower layers join late and move least. Close to rates by depth, quicker in the early epochs.",
    "rising": "A low rate for the heads: with so few steps they stay behind.",
    "fast-heads": "Heads learn, the backbone hardly: between the frozen backbone and rates by depth.",
    "slow-heads": "Far too slow for new heads. These rates are for a model that knows the task already.",
    "slow": "As the one before: nothing has the time to learn. "
    "That both look alike says what heads gain from twice the rate.",
    "ulmfit": "Only the upper layers really learn: less movement below, scores close to rates by depth.",
    "electra": "A milder decay: very close to rates by depth.",
}
PROVENANCE = "Where these figures come from"


def measured(seconds: float, mean: float, moved: float, cosine: float) -> str:
    line = (
        f"mean score {result.percent(mean)}, {live.duration(seconds) if seconds else 'no time'}, "
        f"backbone moved {controls.change(moved)}, embeddings {cosine:.3f}."
    )
    return line.replace(" %", "\u00a0%").replace(" s,", "\u00a0s,")


def anchor_sentence(task: str, without: float, held: float, scores: Sequence[float], metric: str) -> str:
    first, second = (result.score(metric, score) for score in scores)
    return (
        f"Trained alone, {task} reached {first} without the anchor and {second} with it. What it cost: without the "
        f"anchor, sentence embeddings kept a cosine of {without:.2f} to what they had been; with it, {held:.2f}."
    )


def anchor_how(task: str, others: Sequence[str], held_out: int, probe: int) -> str:
    return (
        f"A model that had learned {', '.join(others)} from workshop.csv was trained on {task} alone, twice, with the "
        f"same settings and seed but for the anchor. {task} is scored on the {held_out} rows held out, all else on "
        f"{probe} other sentences that come with the program."
    )


def start_note(start: str, rows: int, held_out: int, epochs: int) -> str:
    return (
        f"Every run began with the bare backbone ({start}) and new heads, not with this page's default model, which "
        f"was trained on rows of workshop.csv already and would have little left to learn. {rows} rows were learned "
        f"from, for {epochs} epochs; {held_out} were held out in every run, and the default model has never seen them "
        f"either. With {held_out} rows, one sentence is {100 / held_out:.1f} points: "
        "differences of two or three mean nothing."
    )


def provenance(command: str, machine: str, start: str, sha256: str, file: str, data_sha256: str) -> tuple[str, ...]:
    return (
        f"Command: {command}",
        f"Machine: {machine}",
        f"Backbone: {start}, SHA-256 {sha256[:16]}…",
        f"Data: {file}, fingerprint {data_sha256[:16]}…",
    )
