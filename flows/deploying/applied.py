"""What became of one thing that is to be on the server."""

from __future__ import annotations

from typing import Literal, NamedTuple

PoolType = Literal["process", "docker", "kubernetes"]
State = Literal["new", "changed", "unchanged", "not ours", "left over"]
TAG = "empathy"
"""Stands on every deployment and automation that we make; what lacks it is somebody else's."""


class Applied(NamedTuple):
    """One pool, deployment or automation after a deploy; what is not ours, or no longer in the files, is only told."""

    kind: Literal["work pool", "deployment", "automation"]
    name: str
    state: State
    id: str
    note: str = ""
