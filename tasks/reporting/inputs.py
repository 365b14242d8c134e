"""What a report is made from: folders of artifacts, and what is known about the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

REPORT_VERSION = 3


@dataclass(frozen=True)
class ReportInputs:
    """Opened artifact folders, each optional; what is absent gets one line in the report."""

    title: str = "Efficient-Empathy"
    dialogues: Sequence[Path] = ()
    """Folders of the corpus: one for each ingested source."""
    scores: Path | None = None
    subsets: Path | None = None
    experts: Mapping[str, Path] = field(default_factory=dict)
    """Folders of experts and controls by system name (`sensibility`, `rationality`, `union`, ...)."""
    mixture: Path | None = None
    evaluation: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """The run's ExperimentConfig as a mapping."""
    judge_alias: str = ""
    lineage: Sequence[ArtifactRef] = ()
    """Every artifact that went in, in the order it is listed."""
    prefect_url: str = ""
    """Address of the Prefect UI, or empty."""


def report_recipe(config: Mapping[str, Any], parents: Sequence[ArtifactRef]) -> Recipe:
    """Return what a report is made from: the run's config and every artifact it shows."""
    return Recipe(kind="report", stage_version=REPORT_VERSION, config=dict(config), parents=tuple(parents))
