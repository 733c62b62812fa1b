"""The words of the Learn tab. Figures are never written here: they come from assets/scenarios.json."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.ui.train.result import words as result
from mtl.ui.train.run import words as live
from mtl.ui.train.settings import words as controls

TITLE = "Learn"
INTRO = (
    "What the Train tab does, from the beginning. No knowledge of machine learning is needed; each term is explained "
    "where "
    "it first stands in bold."
)

# --- one backbone, several heads ---

BACKBONE = "One backbone, several heads"
BACKBONE_PARAGRAPHS = (
    "A sentence is cut into **tokens**: words, or pieces of rare ones. Each token becomes a list of numbers, and a "
    "stack of "
    "**layers** reads these lists one after the other. Every layer lets each token take in what stands around it, so "
    "that in "
    "the end “bank” beside “river” has other numbers than “bank” beside “money”. The numbers inside the layers that "
    "decide "
    "how are the **weights**: some twenty million of them. The lowest part, the **embeddings** table, has one list "
    "for each "
    "token to begin with.",
    "Embeddings table and layers together are the **backbone**. It was trained by others on a billion pairs of "
    "sentences, "
    "and it runs once for each text. What comes out of it is used several times: small parts called **heads** each "
    "answer "
    "one question about it, a **task**: is this sentence positive, what is it about, which names does it hold. "
    "Several tasks "
    "on one backbone is what multi-task learning, MTL, means.",
)
PICTURE_CAPTION = (
    "The model as you have set it in the Train tab: this picture follows every change there. Grey with a closed lock "
    "stays "
    "as it is; blue learns, the stronger the faster."
)
PICTURE_TABLE = "The picture as a table"
PICTURE_WAITS = "The picture appears here when the model is loaded."
POOLING = "From tokens to an answer"
POOLING_PARAGRAPHS = (
    "A head that judges the whole sentence needs one list of numbers instead of one for each token. **Pooling** makes "
    "it, "
    "most often as the mean of all tokens. That one list is the **sentence embedding**: sentences that mean similar "
    "things "
    "get similar lists, which is what the map in the Embeddings tab draws. How similar two are is said by their "
    "**cosine**: "
    "1 when they point the same way, 0 when they have nothing in common.",
    "A head that marks names reads the tokens themselves, before pooling: it has to say where in the sentence a name "
    "stands.",
)
POOLING_LABEL = (
    "Five tokens go through the layers; their vectors are pooled into one, which three heads read; a fourth head reads "
    "the tokens."
)
POOLING_TOKENS = ("Ada", "loves", "her", "new", "lamp")
POOLING_PARTS = {
    "tokens": "tokens",
    "layers": "layers",
    "pooled": "pooling: mean",
    "sentence": "sentence embedding",
    "sentence heads": ("sentiment", "intensity", "topic"),
    "token head": "entities",
}

# --- learning ---

LEARNING = "What learning is"
LEARNING_PARAGRAPHS = (
    "Learning changes weights. The model answers some rows of your table; the **loss** says how wrong it was; then "
    "every "
    "weight is moved a little in the direction that would have made the loss smaller. That is one **step**. When "
    "every row "
    "has been used once, an **epoch** is over. Some rows are **held out**: never trained on, they say how well the "
    "model "
    "does on sentences it has not seen.",
    "How far a step moves the weights is the **learning rate**. Too low, and nothing is learned in the time there is; "
    "too "
    "high, and each step jumps over the place it wanted to reach. Useful rates lie between 1e-5 (0.00001) for a "
    "backbone "
    "that knows a lot already and 1e-3 (0.001) for a head that knows nothing yet.",
)
DESCENT_CAPTION = (
    "The same valley, the same start, {steps} steps: only the learning rate differs. The ball should come to rest "
    "at the bottom."
)
DESCENT_NAMES = ("too low", "about right", "too high")

PER_LAYER = "A learning rate per layer"
PER_LAYER_PARAGRAPHS = (
    "Not every part has to learn at the same rate. Low layers know about words and grammar, which your data hardly "
    "changes; "
    "high layers and heads are about the task. So the top gets the highest rate, and each layer below it a fraction "
    "of the "
    "rate above: **rates by depth** (Howard & Ruder 2018 call it discriminative fine-tuning).",
    "The extreme is **freezing**: a frozen part does not move at all. It also need not be computed again in every "
    "epoch: "
    "what frozen layers give is kept, so that freezing saves time. And if the whole backbone is frozen, every sentence "
    "embedding stays exactly what it was.",
    "**Gradual unfreezing** begins with the heads alone and lets the layers join from the top down, one epoch after "
    "the other. A new "
    "head answers at random; if everything learned from the start, its mistakes would push good layers about.",
)
THAW_CAPTION = "Gradual unfreezing over {epochs} epochs: which part learns when."
THAW_LEARNS, THAW_FROZEN = "learns", "frozen"
THAW_HEADS = "heads"

# --- forgetting ---

FORGETTING = "Forgetting, and the anchor"
FORGETTING_PARAGRAPHS = (
    "All heads share the backbone. Teach it one task alone, and it becomes good at that one by giving up what it does "
    "not "
    "need for it. Heads that were not trained then read numbers that no longer mean what they meant: the model "
    "**forgets**. "
    "Sentence embeddings suffer too, although no score of the new task shows it.",
    "The **anchor** prevents that. It adds a term to the loss that grows when the sentence embedding of a row turns "
    "away from "
    "what the backbone gave before training. The model may still learn, but only in ways that leave embeddings where "
    "they were. It is on by default; its strength is among the advanced settings of the Train tab.",
)
ANCHOR_MEASURED = "Measured: one task taught alone, without the anchor and with it"
ANCHOR_TABLE = "The same as a table"
BEFORE, WITHOUT, WITH = "before", "without the anchor", "with the anchor"
ANCHOR_HEADERS = ("what", "score", BEFORE, WITHOUT, WITH)
COSINE_ROW = "embeddings"
COSINE_METRIC = "cosine to before"
ANCHOR_NEW = "just taught"
ANCHOR_NOT_TAUGHT = "not trained"
ANCHOR_UNKNOWN = "new head"

# --- the scenarios ---

SCENARIOS = "What each setting comes to"
SCENARIOS_INTRO = (
    "Every preset of the Train tab, on workshop.csv. What to expect is what one would say beforehand; the figures are "
    "what "
    "this very program gave, so the two need not agree."
)
OVERVIEW = "All presets at a glance"
OVERVIEW_NOTE = (
    "Scores are on rows held out, 100 % or 1 is perfect; the mean takes 1 for 100 %. Backbone moved: the mean "
    "relative change of its layers' "
    "weights. "
    "Embeddings: mean cosine to what they were, on {probe} other sentences; 1 is unmoved."
)
PRESET, MEAN, SECONDS, MOVED, EMBEDDINGS = "preset", "mean score", "seconds", "backbone moved", "embeddings"
SCENARIO_GROUPS = ("Ways to train", "Rates that others propose")
EXPECT_LABEL = "Expect"
WHEN_LABEL = "When"
MEASURED_LABEL = "Measured"
CARD_TABLE = "Settings and picture as a table"
NO_FIGURES = (
    "The figures of this page are not there. The command “python -m mtl scenarios” measures them and writes "
    "assets/scenarios.json."
)
NOT_MEASURED = "This preset was not measured yet."
EXPECT = {
    "frozen": "Nothing moves. New heads answer at random, so scores are those of guessing.",
    "heads": "The quickest by far, and embeddings stay exactly as they are. Fine where the backbone already tells the "
    "labels "
    "apart (topics), weak where it does not (it was trained to find the same content, not the same feeling).",
    "one-head": "The first head is new and stays at random, but its loss still reaches the backbone, which can bend "
    "towards "
    "it. The other heads should do as well as without it.",
    "uniform": "One rate has to suit both: it is right for the backbone, and too low for heads that begin at nothing.",
    "depth": "Quick heads, careful layers: among the best scores, for some movement of the embeddings.",
    "gradual": "Lower layers join late and move least. Close to rates by depth, quicker in the early epochs.",
    "rising": "A low rate for the heads: with so few steps they stay behind.",
    "fast-heads": "Heads learn, the backbone hardly: between the frozen backbone and rates by depth.",
    "slow-heads": "Far too slow for new heads. These rates are for a model that knows the task already.",
    "slow": "As the one before: nothing has the time to learn. That both look alike says what heads gain from twice "
    "the rate.",
    "ulmfit": "Only the upper layers really learn: less movement below, scores close to rates by depth.",
    "electra": "A milder decay: very close to rates by depth.",
}
PROVENANCE = "Where these figures come from"


def measured(seconds: float, mean: float, moved: float, cosine: float) -> str:
    said = (
        f"mean score {result.percent(mean)}, {live.duration(seconds) if seconds else 'no time'}, backbone moved "
        f"{controls.change(moved)}, embeddings {cosine:.3f}."
    )
    return said.replace(" %", "\u00a0%").replace(" s,", "\u00a0s,")


def anchor_sentence(task: str, without: float, held: float, scores: Sequence[float], metric: str) -> str:
    first, second = (result.score(metric, score) for score in scores)
    return (
        f"Taught alone, {task} reached {first} without the anchor and {second} with it. What it cost: without the "
        f"anchor, "
        f"sentence "
        f"embeddings kept a cosine of {without:.2f} to what they had been; with it, {held:.2f}."
    )


def anchor_how(task: str, others: Sequence[str], held_out: int, probe: int) -> str:
    return (
        f"A model that had learned {', '.join(others)} from workshop.csv was taught {task} alone, twice, with the same "
        f"settings and seed but for the anchor. {task} is scored on the {held_out} rows held out, all else on {probe} "
        f"other "
        "sentences that come with the program."
    )


def start_note(start: str, rows: int, held_out: int, epochs: int) -> str:
    return (
        f"Every run began with the bare backbone ({start}) and new heads, not with this page's default model, which "
        f"was "
        f"trained on rows of workshop.csv already and would have little left to learn. {rows} rows were learned from, "
        f"for "
        f"{epochs} epochs; {held_out} were held out in every run, and the default model has never seen them either. "
        f"With "
        f"{held_out} rows, one sentence is {100 / held_out:.1f} points: differences of two or three mean nothing."
    )


def provenance(command: str, machine: str, start: str, sha256: str, file: str, data_sha256: str) -> tuple[str, ...]:
    return (
        f"Command: {command}",
        f"Machine: {machine}",
        f"Backbone: {start}, SHA-256 {sha256[:16]}…",
        f"Data: {file}, fingerprint {data_sha256[:16]}…",
    )
