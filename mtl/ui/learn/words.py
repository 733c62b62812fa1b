"""The longer words of the Learn tab that change with figures or settings, and those that a picture needs to be heard;
its lessons are in assets/lessons/. No figure is written in either: they come from assets/scenarios.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtl.ui.train.result import words as result
from mtl.ui.train.settings import words as controls
from mtl.ui.words import duration

TITLE = "Learn"

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


def descent(steps: int) -> str:
    return (
        f"The same valley, the same start, {steps} steps: only the learning rate differs. "
        "The ball should come to rest at the bottom."
    )


def thaw(epochs: int) -> str:
    return f"Gradual unfreezing over {epochs} epochs: which part learns when."


# --- the anchor ---

ANCHOR = "Measured: one task trained alone, without the anchor and with it"
JUST_TRAINED, NOT_TRAINED, NEW_HEAD = "just trained", "not trained", "new head"
EMBEDDINGS, COSINE = "embeddings", "cosine to before"


def anchor(figures: Mapping[str, Any], scores: Sequence[tuple[float, str]]) -> str:
    """`scores` of the trained task: before, without and with the anchor."""
    without, held = figures["anchor"]["runs"][0], figures["anchor"]["runs"][-1]
    return (
        f"Trained alone, {figures['anchor']['task']} reached {scores[1][1]} without the anchor and {scores[2][1]} with "
        f"it. What it cost: without the anchor, sentence embeddings kept a cosine of {without['cosine']:.2f} to what "
        f"they had been; with it, {held['cosine']:.2f}."
    )


def anchor_method(figures: Mapping[str, Any]) -> str:
    task, others = figures["anchor"]["task"], figures["anchor"]["runs"][0]["probe"]
    return (
        f"A model that had learned {', '.join(others)} from workshop.csv was trained on {task} alone, twice, with the "
        f"same settings and seed but for the anchor. {task} is scored on the {figures['data']['held_out']} rows held "
        f"out, all else on {figures['probe']} other sentences that come with the program."
    )


# --- the presets ---

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


def start(figures: Mapping[str, Any]) -> str:
    """What every run began with, and how to read the scores."""
    held_out = figures["data"]["held_out"]
    return (
        f"Every run began with the bare backbone ({figures['start']['name']}) and new heads, not with the "
        f"built-in model, which was trained on rows of workshop.csv already and would have little left to learn. "
        f"{figures['data']['rows']} rows were learned from, for {figures['base']['epochs']} epochs; {held_out} were "
        f"held out in every run, and the built-in model has never seen them either. With {held_out} rows, one sentence "
        f"is {100 / held_out:.1f} points: differences of two or three mean nothing."
    )


def overview(probe: int) -> str:
    return (
        "Scores are on rows held out, 100 % or 1 is perfect; the mean takes 1 for 100 %. Backbone moved: the mean "
        f"relative change of its layers' weights. Embeddings: mean cosine to what they were, on {probe} other "
        "sentences; 1 is unmoved."
    )


def measured(scenario: Mapping[str, Any]) -> str:
    seconds = duration(scenario["seconds"]) if scenario["seconds"] else "no time"
    line = (
        f"mean score {result.percent(scenario['mean'])}, {seconds}, "
        f"backbone moved {controls.change(scenario['drift'])}, embeddings {scenario['cosine']:.3f}."
    )
    return line.replace(" %", "\u00a0%").replace(" s,", "\u00a0s,")
