"""The speed table: its rows, the machine it was measured on, and its place in README.md."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- bench -->\n", "<!-- /bench -->"


@dataclass(frozen=True)
class Row:
    """One comparison: what was measured here and there, the value with a target, and whether it is met; "" for a
    figure without a target."""

    what: str
    against: str
    here: str
    there: str
    value: str
    target: str
    passed: bool


def seconds(value: float) -> str:
    """A time with three digits and its unit: 46.1 ms, 0.713 s, 92.4 s."""
    if value < 0.1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 1000 else f"{value:.0f} s"


def markdown(rows: list[Row]) -> str:
    lines = ["| what | against | here | there | measured | target | |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {r.what} | {r.against} | {r.here} | {r.there} | {r.value} | {r.target} | "
        f"{'' if not r.target else 'met' if r.passed else '**missed**'} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def machine(dtype: str, threads: int) -> str:
    """One line: the processor, how much of it was used, the versions that matter and the day."""
    import torch

    return (
        f"{_processor()} ({kind_of_processor()}), {os.cpu_count()} cores ({threads} threads), {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}, model in {dtype}; "
        f"{date.today().isoformat()}.\n"
    )


def write(text: str, readme: Path = README, marks: tuple[str, str] = (START, END)) -> None:
    """Put `text` between two marks in README, in place of what stands there."""
    whole = readme.read_text(encoding="utf-8")
    before, start, rest = whole.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    assert start and end, f"{readme} must have the lines {marks[0].strip()} and {marks[1]}"
    readme.write_text(before + start + text + end + after, encoding="utf-8")


def kind_of_processor() -> str:
    """What it multiplies with, as far as that makes training quicker or slower."""
    import torch

    from mtl.model import multiplies_in_bfloat16

    widest = torch.backends.cpu.get_cpu_capability()
    return f"{widest} with bfloat16" if multiplies_in_bfloat16() else widest


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()
