"""One thing that the doctor looked at, how it is, and what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One line of the doctor."""

    area: str
    state: State
    said: str
    do: str = ""
