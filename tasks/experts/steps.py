"""How many optimizer steps each adapter gets, so that controls are compared at equal steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tasks.config import ExpertConfig, RouterConfig

EXPERTS = ("sensibility", "rationality")


def plan_steps(counts: Mapping[str, int], expert: ExpertConfig, router: RouterConfig) -> dict[str, int]:
    """Return optimizer steps by the name of the adapter, `router` included.

    `counts` are the turns of each subset (sensibility, rationality, discard). The full, random and
    length-matched controls get the sensibility expert's steps; the union control gets what the whole
    mixture got: both experts' and the router's.
    """
    rows = {"union": counts["sensibility"] + counts["rationality"], "all": sum(counts[name] for name in counts)}
    rows["sensibility"] = counts["sensibility"]
    steps = {name: _count_steps(counts[name], expert.epochs, expert.max_steps, expert.batch_size) for name in EXPERTS}
    steps["router"] = _count_steps(rows[router.data], router.epochs, router.max_steps, expert.batch_size)
    steps["union"] = sum(steps.values())
    return {**steps, **dict.fromkeys(("full", "random", "length-matched"), steps["sensibility"])}


def _count_steps(n_rows: int, epochs: float, max_steps: int | None, batch_size: int) -> int:
    return max_steps or max(1, math.ceil(n_rows * epochs / batch_size))
