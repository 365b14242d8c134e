"""The thresholds that an audit looks at: as given, else those by which the turns are selected now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.artifacts import ArtifactStore
from tasks.scoring import DIMENSIONS

DEFAULT = 5.0
Bounds = tuple[float, float]
"""Thresholds of sensibility and rationality."""


@dataclass(frozen=True)
class Thresholds:
    """Thresholds, and why these."""

    bounds: Bounds
    why: str


def choose_thresholds(
    artifacts: ArtifactStore, judge_id: str, sensibility: float | None, rationality: float | None
) -> Thresholds:
    """Return the thresholds as given; one that is not is that of the current selection, or the default."""
    given = (sensibility, rationality)
    if sensibility is not None and rationality is not None:
        return Thresholds((sensibility, rationality), "as given")
    found = find_selected(artifacts, judge_id)
    bounds = [own if own is not None else other for own, other in zip(given, found.bounds, strict=True)]
    said = [f"{name} as given, else " for name, own in zip(DIMENSIONS, given, strict=True) if own is not None]
    return Thresholds((bounds[0], bounds[1]), "".join(said) + found.why)


def find_selected(artifacts: ArtifactStore, judge_id: str) -> Thresholds:
    """Return the current selection's thresholds if it puts this judge's raw scores against them, else the default."""
    ref = artifacts.get_current("subsets")
    if ref is None or not artifacts.holds(ref.uri):
        return Thresholds((DEFAULT, DEFAULT), "the default: nothing is selected yet")
    manifest = artifacts.read_manifest(ref.uri)
    refusal = refuse_selection(manifest, judge_id)
    if refusal:
        return Thresholds((DEFAULT, DEFAULT), f"the default: the current selection {refusal}")
    found, label = manifest["facts"]["thresholds"], manifest["facts"]["rule"]["label"]
    return Thresholds((found["sensibility"], found["rationality"]), f"of the current selection, {label}")


def refuse_selection(manifest: Mapping[str, Any], judge_id: str) -> str:
    """Return why a selection's thresholds do not stand on the scale of this judge's raw scores; nothing if they do."""
    config, facts = manifest["config"], manifest["facts"]
    if facts["scores"]["judge_id"] != judge_id:
        return f"is of another judge, {facts['scores']['alias']}"
    if config.get("calibration"):
        return "is of calibrated scores"
    if config["rule"] == "lower-bound":
        return "takes deviations off the scores"
    return "has an empty subset" if None in facts["thresholds"].values() else ""


def read_bounds(config: Mapping[str, Any]) -> Bounds:
    """Return the thresholds in an audit's config; those that were drawn first had one for both."""
    both = config.get("threshold")
    return config.get("sensibility_threshold", both), config.get("rationality_threshold", both)
