"""The words of step 2 of the Train tab, and of the picture of the stack."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.text.values import plural

# --- numbers ---


def rate(value: float) -> str:
    """A learning rate: "2.0e-5". Three digits at most; 0 and 1 as they are."""
    if value in (0, 1):
        return f"{value:.0f}"
    digits, power = f"{value:.2e}".split("e")
    return f"{digits[:-1] if digits.endswith('0') else digits}e{int(power)}"


def count(value: int) -> str:
    """How many weights: "11.9 M", "114 k", "1,155"."""
    if value >= 999_500:
        return f"{value / 1e6:.1f} M"
    return f"{value / 1e3:.0f} k" if value >= 10_000 else f"{value:,}"


def change(value: float) -> str:
    """A relative change of weights, exactly 0 when nothing moved: "0 %", "0.42 %", "12 %"."""
    percent = 100 * value
    if percent == 0:
        return "0 %"
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %" if percent >= 0.01 else "< 0.01 %"


# --- the stack ---

# "{}" are filled in here and in the browser.
STAYS = "It stays {}."
FROM_EPOCH = "from epoch {}"
STACK_LABEL = "The model, embeddings at the bottom, heads on top: {} of {} parts learn. A table follows."
FROZEN = "frozen"
NO_LABELS = "no labels"
RATE_ZERO = "rate 0"
STACK_TABLE = "The parts of the model"
STACK_HEADERS = ("part", "weights", "state", "rate", "moved")
LEARNS = "learns"


def from_epoch(epoch: int) -> str:
    return FROM_EPOCH.format(epoch)


def moved(value: float) -> str:
    return f"moved {change(value)}"


def weights(value: int) -> str:
    return f"{value:,} weights"


def stack_label(learning: int, blocks: int) -> str:
    return STACK_LABEL.format(learning, blocks)


# --- the step ---

HEADING = "What learns"
INTRO = (
    "A model learns by changing its weights a little at every step. What is frozen (grey, a closed lock) does not "
    "change; the learning rate says how big the steps of the rest are (blue, the stronger the faster)."
)
START_FROM = "Start from"
START_CHOICES = {
    "own": ("the page's model", "Its heads keep what they know. The usual choice."),
    "backbone": (
        "the bare backbone",
        "The encoder as it was published, with new heads that know nothing yet.",
    ),
    "used": ("the model in use", "The one that the other tabs use now: training goes on from there."),
}
SCENARIOS = "Ways to train"
PROPOSED = "Rates that others propose"
OWN_SETTINGS = "Your own settings. A preset replaces what is frozen and all rates, and nothing else."
RESET = "Reset everything"
RESET_TITLE = "Every setting of this step as it was when the page was opened."

FREEZE = "Freeze"
MODEL = "Model"
RATE = "Learning rate"
FREEZE_TITLE = (
    "Drag up to freeze the embeddings and the lowest layers. What is frozen is computed once, so training is faster."
)
FREEZE_LABEL = "How many of the lowest layer groups are frozen"
FREEZE_STATE = "{} of {}"
RATE_TITLE = "From 1e-7 to 1 on a logarithmic scale, at the far left 0. Or write the number."
PROBLEM_RATE = "“{found}” is no rate: write a number from 0 to 1, such as 2.0e-5. {name} stays {value}."
PROBLEM_SHARE = "“{found}” cannot be: write a number from 0 to 1, such as 0.9. {name} stays {value}."


def freeze_head(name: str) -> str:
    return f"Freeze head {name}"


def no_labels_title(name: str) -> str:
    return f"No row of the file has a label for {name}, so this head stays as it is."


def rate_of(name: str) -> str:
    return f"Learning rate of {name}"


# --- advanced ---

ADVANCED = "Advanced"
TASK_WEIGHTS = "Task weights"
NO_TASKS = "There are no heads yet: choose data in step 1."
PAIRS = "pairs such as 2:4, 3:0 (an epoch from 2 on, a colon, how many stay frozen)"


def field_problem(what: str) -> str:
    return f"Not applied: write {what}."


# --- the outcome ---

LOADING = "Loading the model: a few seconds, once per start of the server."
NOTHING_LEARNS = (
    "Nothing would train: every layer group and every head is frozen, has the rate 0 or has no labels. Drag the freeze "
    "slider down, or open the lock of a head."
)
NOTHING_LEARNS_EMPTY = (
    "Nothing would train yet: all is frozen, and there are no heads. Choose data in step 1: its labels make the heads."
)


def learns(learning: int, frozen: int, what: str) -> str:
    if not frozen:
        return f"All {count(learning)} weights learn ({what})."
    return f"{count(learning)} weights learn ({what}), {count(frozen)} stay as they are."


def parts(layers: Sequence[str], heads: int) -> str:
    """What learns, in few words: "layer 3 to layer 6 and 4 heads"."""
    words = [layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"] if layers else []
    return " and ".join([*words, *([plural(heads, "head")] if heads else [])])


def zero_rate(names: Sequence[str]) -> str:
    return f"A rate of 0 is the same as frozen: {', '.join(names)}."


def high_rate(names: Sequence[str], usual: str) -> str:
    return (
        f"Very high: {', '.join(names)}. Usual are {usual}. The scores will most likely get worse; if the loss "
        "diverges, the run ends and says so."
    )


def never_thaws(epoch: int, epochs: int) -> str:
    return f"Unfreezing in epoch {epoch} never happens: there are {epochs} epochs."


def without_control(settings: str) -> str:
    return f"Also set, by a file or a link: {settings}."


def dropped(names: Sequence[str]) -> str:
    return f"Left out, because this model has no such part: {', '.join(names)}."


def lowered(asked: int, there: int) -> str:
    return f"{asked} layer groups cannot be frozen: this backbone has {there}. All of them are."


# --- to take away ---

TAKE_AWAY = "The same from the command line, as a file, as a link"
COMMAND = "Command"
COMMAND_INFO = "Trains the same on your own machine. Put the path of your file in place of its name."
COPY = "Copy"
COPIED = "Copied"
COPY_FAILED = "Select it and press Ctrl + C"
LINK = "Link"
LINK_INFO = "Opens this page with these settings, for a class say. It carries neither the data nor a trained model."
DOWNLOAD = "Download run.json"
LOAD = "Load a run.json"
LOADED = "The settings of {name} have been applied."
CHANGED = "The settings were adjusted to this model."
LINK_SET = "The settings of the link have been applied."
NO_FILE = "DATA.csv"


def no_settings(name: str, problem: str) -> str:
    return f"{name} was not applied; the settings stay as they were. {problem}"


NOT_JSON = "It is not JSON, so it cannot be a run.json."
TOO_LONG = "It is far too long to be a run.json."
THE_LINK = "The link"
BAD_LINK = "It is damaged: its settings cannot be read. Ask for a new one, or set the controls by hand."
BAD_START = "It starts from a model that this page does not know."
NOT_THERE = "That model is no longer here. Choose another one to start from."
BAD_STATE = "The page sent settings that cannot be read. Reload it."
AS_TABLE = "The same as a table"
CHECKPOINT = "CHECKPOINT"
# Of layers, of heads.
USUAL = ("1e-6 to 2e-4 for layers", "1e-4 to 3e-3 for heads")
