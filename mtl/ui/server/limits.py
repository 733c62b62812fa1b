"""How much of the server is taken by whom: the numbers, and the refusal of what is beyond them."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from mtl.config import UserError


class Refused(Exception):
    """What one visitor asks for is more than their share. `status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """The settings of the page that are numbers above 0. Each may be set by the environment variable of its name in
    capitals after MTL_, such as MTL_LINE; the README says what they mean.

    The defaults suit 100 learners behind one address who open the page in the same second. `session_calls` is what one
    `gradio_client.Client` has under way at most, so a program never meets it.
    """

    runs_days: float = 14.0
    runs_gb: float = 10.0
    line: float = 300
    run_hours: float = 2.0
    free_gb: float = 1.0
    session_calls: float = 40
    address_calls: float = 3000
    unread_calls: float = 200
    session_mb: float = 16.0
    address_mb: float = 200.0
    post_mb: float = 8.0
    uploads_gb: float = 10.0
    address_uploads_gb: float = 4.0

    @classmethod
    def from_environment(cls) -> Limits:
        """What the environment says. Raises `UserError` where that is not a number above 0."""
        return cls(**{f.name: _positive(f"MTL_{f.name.upper()}", f.default) for f in fields(cls)})


def _positive(name: str, default: float) -> float:
    value = os.environ.get(name) or default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise UserError(f"{name} must be a number above 0; it is {value!r}.")
    return number
