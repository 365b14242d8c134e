"""The selection that made the subsets, as their manifest tells it, or as the run's config does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.config import SelectionConfig
from tasks.manifest import MANIFEST
from tasks.reporting.inputs import ReportInputs
from tasks.selection import RULES

Bounds = tuple[float | None, float | None]
"""Of sensibility and of rationality; None where there is none, or it is not known."""


@dataclass(frozen=True)
class Selection:
    """The rule that made the subsets, as far as it is known."""

    config: SelectionConfig | None = None
    bounds: Bounds = (None, None)
    """The thresholds; of a rule that ranks, the lowest scores that it took."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the manifest of the subsets says of them."""
    judge_id: str = ""

    @property
    def is_ranked(self) -> bool:
        """Say whether the rule took the best turns, so that its bounds followed from the scores."""
        return self.config is not None and RULES[self.config.rule].sizes is not None

    @property
    def is_calibrated(self) -> bool:
        """Say whether the rule compared other scores than the judge's own."""
        return self.config is not None and bool(self.config.calibration)

    @property
    def bound_name(self) -> str:
        """What a bound is called in a chart."""
        kind = "lowest selected" if self.is_ranked else "threshold"
        return f"calibrated: {kind}" if self.is_calibrated else kind

    def sentence(self) -> str:
        """Say the rule and what it was given, or nothing where it is not known."""
        label = self.facts.get("rule", {}).get("label") or (self.config.label if self.config else "")
        if not label:
            return ""
        names = zip(("sensibility", "rationality"), self.bounds, strict=True)
        taken = [f"{name} {bound:.4g}" for name, bound in names if bound is not None]
        lowest = f"; the lowest scores taken are {' and '.join(taken)}" if self.is_ranked and taken else ""
        return f"rule {label}{lowest}"


def read_selection(inputs: ReportInputs) -> Selection:
    """Return the selection that the subsets' own manifest states, else that of the run's config."""
    manifest = read_manifest(inputs.subsets)
    facts: Mapping[str, Any] = manifest.get("facts", {})
    config = read_config(manifest.get("config") or inputs.config.get("selection") or {})
    judge = facts.get("scores", {}).get("judge_id") or read_manifest(inputs.scores).get("facts", {}).get("judge_id")
    return Selection(config, find_bounds(config, facts.get("thresholds")), facts, str(judge or ""))


def find_bounds(config: SelectionConfig | None, stated: Mapping[str, float | None] | None) -> Bounds:
    """Return the bounds as stated; without a statement the thresholds, of a rule that has some."""
    if stated is not None:
        return stated.get("sensibility"), stated.get("rationality")
    if config is None or RULES[config.rule].sizes is not None:
        return None, None
    return config.sensibility_threshold, config.rationality_threshold


def read_config(values: Mapping[str, Any]) -> SelectionConfig | None:
    """Return a selection's configuration; None where there is none, or one of another version."""
    try:
        return SelectionConfig(**values) if values else None
    except ValidationError:
        return None


def read_manifest(folder: Path | None) -> dict[str, Any]:
    """Return the manifest in an artifact's folder; empty where there is none."""
    path = folder / MANIFEST if folder else None
    return json.loads(path.read_text(encoding="utf-8")) if path is not None and path.is_file() else {}
