"""The form of step 2: presets, the stack with its sliders, and what is advanced, for some shape and settings.

Pure functions from plain values to HTML. assets/controls.js answers each touch of a control at once, in the browser,
and sends what the form then says; so the form is written anew only when something else than a touch has changed it.
Values stand in `data-value`, exact; where a slider's knob is and what a box shows follows from them in the browser.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from html import escape
from typing import Any

from mtl.config import Setting, TrainConfig, settings
from mtl.groups import Group, Groups
from mtl.training.presets import BY_NAME, GROUPS, PRESETS, which
from mtl.ui.train.settings import words
from mtl.ui.train.settings.shape import Shape
from mtl.ui.widgets import stack

# A line must not end at the minus of a number.
_UNBROKEN = "e\u2011"
_PAIR = r"\s*\d{1,4}\s*:\s*\d{1,3}\s*"
_UNFREEZE = rf"({_PAIR}([,;]{_PAIR})*)?"
_WORDS = {
    "learns": words.LEARNS,
    "frozen": words.FROZEN,
    "zero": words.RATE_ZERO,
    "idle": words.NO_LABELS,
    "later": words.FROM_EPOCH,
    "stays": words.STAYS,
    "of": words.FREEZE_STATE,
    "stack": words.STACK_LABEL,
}
_renderings = itertools.count(1)


def form(shape: Shape, config: TrainConfig, start: str, starts: Sequence[str]) -> str:
    """The whole form. `start` is what training begins with, one of `starts`."""
    # The browser takes a form that reads as the one before for no news, though the visitor may have moved things.
    marks = {
        "version": next(_renderings),
        "unfreeze": _pairs(config),
        "epochs": json.dumps(_first_epochs(shape, config)),
        "words": json.dumps(_WORDS, ensure_ascii=False),
    }
    attributes = "".join(f' data-{name}="{escape(str(value))}"' for name, value in marks.items())
    return (
        f'<div class="learns"{attributes}>{_starts(start, starts)}{_presets(shape, config)}{_fill(config)}'
        f"{_stack(shape, config)}{_advanced(shape, config)}</div>"
    )


def _pairs(config: TrainConfig) -> str:
    """What the field of gradual unfreezing says: "2:4, 3:0"."""
    return ", ".join(f"{epoch}:{lowest}" for epoch, lowest in config.unfreeze)


def _first_epochs(shape: Shape, config: TrainConfig) -> dict[str, list[list[int]]]:
    """What the freeze slider does at each place, for these settings and every preset, by their gradual unfreezing: the
    first epoch in which each layer group learns."""
    settings = (config, *(preset.make(shape.groups, config) for preset in PRESETS))
    return {pairs: shape.groups.first_epochs(c.unfreeze) for pairs, c in {_pairs(c): c for c in settings}.items()}


def _starts(chosen: str, starts: Sequence[str]) -> str:
    options = "".join(
        f'<label title="{escape(words.START_CHOICES[name][1])}"><input type="radio" name="start" id="start-{name}" '
        f'value="{name}"{" checked" * (name == chosen)}>{escape(words.START_CHOICES[name][0])}</label>'
        for name in starts
    )
    about = escape(words.START_CHOICES[chosen][1])
    legend = escape(words.START_FROM)
    return f'<fieldset class="starts"><legend>{legend}</legend>{options}<p class="note">{about}</p></fieldset>'


def _presets(shape: Shape, config: TrainConfig) -> str:
    chosen, rows = which(shape.groups, config), []
    for title, names in zip((words.SCENARIOS, words.PROPOSED), GROUPS, strict=True):
        chips = "".join(_chip(name, name == chosen, shape, config) for name in names)
        rows.append(
            f'<div class="chips" role="group" aria-label="{escape(title)}"><span>{escape(title)}</span>{chips}</div>'
        )
    said = BY_NAME[chosen].sentence if chosen else words.OWN_SETTINGS
    own = escape(words.OWN_SETTINGS)
    reset = f'<button type="button" data-reset="" title="{escape(words.RESET_TITLE)}">{escape(words.RESET)}</button>'
    return (
        f'<div class="presets">{"".join(rows)}'
        f'<div class="said"><p class="note" data-own="{own}">{escape(said)}</p>{reset}</div></div>'
    )


def _chip(name: str, chosen: bool, shape: Shape, config: TrainConfig) -> str:
    preset = BY_NAME[name]
    made = preset.make(shape.groups, config)
    settings = {key: getattr(made, key) for key in ("freeze_heads", "lr", "lr_decay", "head_lr", "rates")}
    settings |= {"freeze": shape.groups.under(made).frozen_layers(), "unfreeze": _pairs(made)}
    return (
        f'<button type="button" data-preset="{name}" aria-pressed="{str(chosen).lower()}" '
        f'data-settings="{escape(json.dumps(settings, ensure_ascii=False))}" '
        f'title="{escape(preset.sentence)}">{escape(preset.title)}</button>'
    )


# --- the stack and its sliders ---


def _fill(config: TrainConfig) -> str:
    controls = {"lr": "rate", "lr_decay": "share", "head_lr": "rate"}
    return '<div class="fill">{}</div>'.format(
        "".join(
            f'<div class="filler" title="{escape(about.help)}"><span class="label">{escape(about.title)}</span>'
            f"{_pair(controls[name], getattr(config, name), about.title, f'fill-{name}', field=name)}"
            f'<p class="note">{escape(about.help).replace("e-", _UNBROKEN)}</p></div>'
            for name, about in settings(type(config)).items()
            if name in controls
        )
    )


def _pair(kind: str, value: float, name: str, key: str, field: str = "") -> str:
    """A slider and a box for one number: a "rate", on a logarithmic scale, or a "share" from 0 to 1."""
    most = 'max="141" step="1"' if kind == "rate" else 'max="1" step="0.01"'
    mark = f' data-field="{field}"' if field else ""
    title = words.RATE_TITLE if kind == "rate" else ""
    problem = words.PROBLEM_RATE if kind == "rate" else words.PROBLEM_SHARE
    about = escape(name)
    return (
        f'<span class="pair" id="{key}" data-kind="{kind}" data-value="{value!r}" data-name="{about}"{mark} '
        f'data-problem="{escape(problem)}" title="{escape(title)}">'
        f'<input type="range" min="0" {most} aria-label="{about}">'
        f'<input type="text" inputmode="decimal" maxlength="24" autocomplete="off" aria-label="{about}"></span>'
    )


def _stack(shape: Shape, config: TrainConfig) -> str:
    groups = shape.under(config)
    heads, count, frozen = groups.tops, len(groups.layers), groups.frozen_layers()
    switches = [_switch(head, head.label in config.freeze_heads, place) for place, head in enumerate(heads)]
    rows = [_row(groups, head, f"head-{place}") for place, head in enumerate(heads)]
    rows += [_row(groups, layer, f"layer-{place}") for place, layer in reversed(list(enumerate(groups.layers)))]
    headers = "".join(f"<span>{escape(name)}</span>" for name in (words.FREEZE, words.MODEL, words.RATE))
    slider = (
        f'<input type="range" class="freeze" id="freeze" min="0" max="{count}" step="1" data-value="{frozen}" '
        f'aria-label="{escape(words.FREEZE_LABEL)}" title="{escape(words.FREEZE_TITLE)}">'
    )
    sizes = f"--layers:{count};--heads:{len(heads)};--pitch:{stack.PITCH}px;--block:{stack.BLOCK}px;--gap:{stack.GAP}px"
    return (
        f'<div class="workbench" style="{sizes}"><div class="columns">{headers}</div>'
        f'<div class="freezers">{"".join(switches)}{slider}</div>'
        f'<div class="picture">{stack.svg(groups)}<i class="cut"></i></div>'
        f'<div class="rates">{"".join(rows)}</div></div>'
        '<p class="rate-problem" role="alert"></p>'
    )


def _switch(head: Group, off: bool, place: int) -> str:
    if head.kind == "projection":
        return '<span class="place"></span>'
    title = words.no_labels_title(head.label) if head.idle else words.freeze_head(head.label)
    return (
        f'<span class="place"><button type="button" role="switch" id="freeze-head-{place}" '
        f'data-head="{escape(head.label)}" aria-checked="{str(off or head.idle).lower()}" '
        f'aria-label="{escape(words.freeze_head(head.label))}" title="{escape(title)}"{" disabled" * head.idle}>'
        f"{stack.LOCK}</button></span>"
    )


def _row(groups: Groups, group: Group, key: str) -> str:
    marks = {
        "kind": "layer" if group.kind == "layer" else "head",
        "group": group.name,
        "own": str(group.name in groups.config.rates).lower(),
        "powers": json.dumps(groups.rate_powers(group.name)),
        "idle": str(group.idle).lower(),
        "about": stack.about(group),
    }
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in marks.items())
    return f'<div class="rate-row"{data}>{_pair("rate", group.rate, words.rate_of(group.name), f"rate-{key}")}</div>'


# --- advanced ---


def _advanced(shape: Shape, config: TrainConfig) -> str:
    known = settings(type(config))
    fields = "".join(
        _field(about.title, about.help, about.allowed, _box(name, about, getattr(config, name)))
        for name, about in known.items()
        if about.plain and about.advanced and about.shown
    )
    box = (
        f'<input type="text" id="field-unfreeze" data-field="unfreeze" maxlength="400" autocomplete="off" '
        f'pattern="{_UNFREEZE}" value="{_pairs(config)}">'
    )
    unfreeze = _field(known["unfreeze"].title, known["unfreeze"].help, words.PAIRS, box)
    return (
        f'<details class="fold advanced" data-fold="advanced"><summary>{escape(words.ADVANCED)}</summary>'
        f'<div class="fields">{fields}{unfreeze}</div>{_weights(shape, config)}</details>'
    )


def _box(name: str, about: Setting, value: Any) -> str:
    """What sets a single value: a list of choices, a box to tick or to write a number in."""
    marks = f'id="field-{name}" data-field="{name}"'
    if about.choices:
        options = (f"<option{' selected' * (each == value)}>{escape(each)}</option>" for each in about.choices)
        return f"<select {marks}>{''.join(options)}</select>"
    if isinstance(about.default, bool):
        return f'<input type="checkbox" {marks}{" checked" * value}>'
    return _number(marks, about, value)


def _number(marks: str, about: Setting, value: float) -> str:
    step = "1" if isinstance(about.default, int) else "any"
    bounds = f'min="{about.low:.10g}" max="{about.high:.10g}" step="{step}"'
    return f'<input type="number" {marks} {bounds} required value="{value!r}">'


def _field(label: str, info: str, must: str, box: str) -> str:
    return (
        f'<label class="field" title="{escape(info)}"><span>{escape(label)}</span>{box}'
        f'<small data-info="{escape(info)}" data-wrong="{escape(words.field_problem(must))}">{escape(info)}</small>'
        "</label>"
    )


def _weights(shape: Shape, config: TrainConfig) -> str:
    title = f'<p class="label">{escape(words.TASK_WEIGHTS)}</p>'
    if not shape.weights:
        return title + f'<p class="note">{escape(words.NO_TASKS)}</p>'
    about = settings(type(config))["task_weights"]
    fields = "".join(
        _field(
            task,
            "",
            about.number,
            _number(
                f'id="weight-{place}" data-task="{escape(task)}" data-plain="{plain!r}"',
                about,
                config.task_weights.get(task, plain),
            ),
        )
        for place, (task, plain) in enumerate(shape.weights.items())
    )
    return f'{title}<p class="note">{escape(about.help)}</p><div class="fields weights">{fields}</div>'
