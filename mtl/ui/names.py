"""What the page calls runs and models, and what it says was trained in a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtl.files import read_json
from mtl.groups import Groups
from mtl.training.runs.service import Runs

SOME_RUN = "a run"
MODEL_GONE = "The model in use is no longer on this server: old ones are deleted after a while. Use another one."


def run_name(number: int) -> str:
    """What to call the run with this number (see `Progress.number`)."""
    return f"run {number}"


def name_of_run(runs: Runs, owner: str, run_id: str) -> str:
    """What to call a run of `owner`; "a run" where it is not theirs."""
    return next((run_name(p.number) for p in runs.progress_of_all(owner) if p.run.id == run_id), SOME_RUN)


def name_of_model(runs: Runs, owner: str, path: Path) -> str:
    """What to call the model of a checkpoint's folder: by its run, or by the file it was uploaded in."""
    if path.parent.parent == runs.root and path.name == "checkpoint":
        return name_of_run(runs, owner, path.parent.name)
    return path.name


def own_name(name: str | None) -> str:
    """What to call the page's own model: a run's checkpoint goes by the run's name."""
    if name is None:
        return "Built-in English model"
    path = Path(name)
    return path.parent.name if path.name == "checkpoint" and path.parent.name else path.name


# --- what was trained ---


def trained_in(path: Path) -> str:
    """What a checkpoint's training changed, in a few words: "heads only"; "" where it does not say."""
    try:
        moved = read_json(path / "train.json")["moved"]
        # The record may be a stranger's.
        return trained({str(group)[:40]: float(change) for group, change in moved.items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""


def trained(moved: Mapping[str, float]) -> str:
    """A few words from {group: relative change of its weights}; "" where nothing is known."""
    parts = moving_parts(moved)
    return f"{parts} trained" if parts and not parts.endswith(" only") else parts


def moving_parts(moved: Mapping[str, float]) -> str:
    """Which parts of a model move, by {group: 0 where it does not}; "" where none does."""
    groups = Groups(dict.fromkeys(moved, 1))  # their sizes do not matter here
    moving = [group.name for group in groups.layers if moved[group.name]]
    heads = [group.name for group in groups.tops if group.kind == "head" and moved[group.name]]
    those = heads[0] if len(heads) == 1 else "heads" if heads else ""
    if not moving:
        return those and f"{those} only"
    return " and ".join([_layers(moving, [group.name for group in groups.layers]), *([those] if those else [])])


def _layers(moving: Sequence[str], groups: Sequence[str]) -> str:
    """Those that move of the backbone's layer groups, the lowest of which holds the embeddings."""
    layers = groups[1:]
    if len(moving) == len(groups):
        return "all layers of the backbone"
    if len(moving) == 1:
        return moving[0]
    if moving == layers:
        return f"all {len(layers)} layers without the embeddings"
    if moving == groups[-len(moving) :]:
        return f"top {len(moving)} of {len(layers)} layers"
    return f"{len(moving)} layer groups ({', '.join(name.removeprefix('layer ') for name in moving)})"
