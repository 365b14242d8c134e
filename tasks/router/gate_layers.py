"""The gates of a mixture by layer, and whether they tell tokens apart at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

NEAR_HALF = 0.05
"""A layer whose gates are on average nearer than this to one half does not tell tokens apart."""


@dataclass(frozen=True, slots=True)
class LayerGates:
    """The gates of one layer over some tokens."""

    layer: int
    gate: float
    """Mean share of the sensibility expert."""
    entropy_share: float | None = None
    """Mean entropy as a share of ln 2; None where a record of an earlier version lacks it, as below."""
    distance: float | None = None
    """Mean of |gate - 0.5|."""


def average_layers(routers: Sequence[Mapping[str, Any]]) -> tuple[LayerGates, ...]:
    """Return the gates by layer; a layer with a router a linear gets their mean.

    Each entry names its router by the module's path, as `model.layers.7.mlp`, and holds `gates` by expert.
    """
    found: dict[int, list[Mapping[str, Any]]] = {}
    for place, router in enumerate(routers):
        number = re.search(r"layers\.(\d+)", str(router["layer"]))
        found.setdefault(int(number[1]) if number else place, []).append(router)
    return tuple(
        LayerGates(
            layer,
            fmean(float(entry["gates"]["sensibility"]) for entry in entries),
            _mean_of(entries, "entropy_share"),
            _mean_of(entries, "distance"),
        )
        for layer, entries in sorted(found.items())
    )


def say_not_routed(layers: Sequence[LayerGates]) -> str:
    """Say plainly that a mixture has not learnt to route, if it has not; else nothing."""
    distances = [layer.distance for layer in layers if layer.distance is not None]
    if not layers or len(distances) < len(layers) or max(distances) >= NEAR_HALF:
        return ""
    return (
        "The mixture has not learnt to route: in every layer its gates stay near one half (mean |gate - 0.5| is at "
        f"most {max(distances):.3f}, under {NEAR_HALF:g}), so every token gets about the average of the two experts."
    )


def _mean_of(entries: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Return the mean of a value over the entries, None if one lacks it."""
    values = [float(entry[name]) for entry in entries if name in entry]
    return fmean(values) if len(values) == len(entries) else None
