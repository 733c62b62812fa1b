"""The words of step 2 of the Train tab, and of the picture of the stack."""

from __future__ import annotations

from collections.abc import Sequence

from mtl.config import listed
from mtl.text.values import plural
from mtl.ui.train.link import Link

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

# Written by the server and, after a touch, by assets/controls.js: the form carries them there.
PHRASES = {
    "stack": "The model, embeddings at the bottom, heads on top: {} of {} parts learn. A table follows.",
    "learns": "learns",
    "later": "from epoch {}",
    "frozen": "frozen",
    "idle": "no labels",
    "zero": "rate 0",
    "rates": "Rates: {top} for the top layer, {below}, {heads} for heads{own}{why}.",
    "heads_rates": "Rates: {heads} for heads{own}; every layer is frozen.",
    "falling": "{} less for each layer below it",
    "even": "the same for each layer below it",
    "own": "; {} set by hand",
    "falling_why": ", because lower layers know the language in general, and heads have the task to learn",
    "even_why": ", so that every layer learns alike",
    "unused": "Without effect now: all that it sets is frozen, or has no labels.",
}

# --- the step ---

# {}: what the page's own model is called.
START_CHOICES = {
    "own": ("{}", "Its heads keep what they know. The usual choice."),
    "backbone": (
        "the bare backbone",
        "The encoder as it was published, with new heads that know nothing yet.",
    ),
    "used": ("the model in use", "The one that the other tabs use now: training goes on from there."),
}

# What settings are called that are those of no preset.
OWN_SETTINGS = "own settings"

TAKE_AWAY = "Take it away: a link for a class, the command line, a file"

# --- the outcome ---

NOTHING_LEARNS = (
    "Nothing would train: every layer group and every head is frozen, has the rate 0 or has no labels. Drag the freeze "
    "slider down, or open the lock of a head."
)
NOTHING_LEARNS_EMPTY = (
    "Nothing would train yet: all is frozen, and there are no heads. Choose data in step 1: its labels make the heads."
)


NO_LABELS = "Nothing would train: the data of step 1 has nothing to learn from. Step 1 says what it lacks."


def learns(learning: int, frozen: int, what: str) -> str:
    if not frozen:
        return f"All {count(learning)} weights learn ({what})."
    return f"{count(learning)} weights learn ({what}), {count(frozen)} stay as they are."


def parts(layers: Sequence[str], heads: int) -> str:
    """What learns, in few words: "layer 3 to layer 6 and 4 heads"."""
    words = [layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"] if layers else []
    return " and ".join([*words, *([plural(heads, "head")] if heads else [])])


SHARE_UNUSED = "The validation share has no effect: the data of step 1 says itself which rows are held out."
PAIRS = "pairs such as 2:4, 3:0 (an epoch from 2 on, a colon, how many stay frozen)"


def wrong(title: str, allowed: str, entry: str) -> str:
    """What is wrong with an entry in the form."""
    return f"{title} must be {allowed}; it is {f'“{entry}”' if entry else 'empty or no number'}."


def written_anew(problem: str) -> str:
    return f"The form was written anew, with the value that counted before: {problem}"


def unfit(title: str, why: str) -> str:
    return f"“{title}” does not fit this data: {why}"


def kept_frozen(head: str, new: bool) -> str:
    why = "it is new, so it stays at random numbers" if new else "it stays as it is"
    return f"The head {head} is frozen although the data has labels for it: {why}."


def idle(heads: Sequence[str]) -> str:
    """What is said below the picture of heads that nothing trains; "" for none."""
    if not heads:
        return ""
    what = "This head stays as it is" if len(heads) == 1 else "These heads stay as they are"
    return f"The data has no labels for {listed(heads)}. {what}: there is nothing to freeze, and no rate to set."


# --- what to take away ---

FILLED = {
    "path": "Where the file is on your machine",
    "model": "Where the model's folder is on your machine, unpacked",
    "validation": "Where the rows to test on are on your machine",
}
ANY_FILE, ANY_MODEL = "DATA.csv", "CHECKPOINT"
_LEFT_OUT = {"columns": "the names of the columns", "reading": "what columns and labels mean", "config": "the settings"}


def path_of(link: Link) -> str:
    """Where the data of a link may be: a sample's place in the project, a file's name."""
    return f"assets/samples/{link.name}" if link.sample else link.name or ANY_FILE


def left_out(parts: Sequence[str], longest: int) -> str:
    if not parts:
        return ""
    return f"A link may have {longest:,} characters. This one leaves out {listed([_LEFT_OUT[part] for part in parts])}."


# --- files and links ---

LINK_SET = "The settings of the link have been applied."


def no_settings(name: str, problem: str) -> str:
    return f"{name} was not applied; the settings stay as they were. {problem}"


NOT_JSON = "It is not JSON, so it cannot be a run.json."
TOO_LONG = "It is far too long to be a run.json."
BAD_STATE = "The page sent settings that cannot be read. Reload it."
