"""What a report is made from: folders of artifacts, and what is known about the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.manifest import Recipe
from tasks.reporting.calls import CallDay
from tasks.schema import ArtifactRef, digest_of

if TYPE_CHECKING:  # its rules take a second to import
    from tasks.reporting.judges.notes import JudgeNotes
    from tasks.selection import SelectionRun

REPORT_VERSION = 6


@dataclass(frozen=True)
class JudgeScores:
    """One judge's scores of the corpus."""

    judge_id: str
    alias: str
    folder: Path
    """With `scores.parquet`, as of any scores artifact."""


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
    calls: Sequence[CallDay] = ()
    """What the calls to the judge of `scores` took, day by day, oldest first."""
    runs: Sequence[SelectionRun] = ()
    """Runs of the selection, the oldest first."""
    judges: Sequence[JudgeScores] = ()
    """Judges that have scored this corpus, the one of `scores` first; it alone where none are given."""
    calibrations: Sequence[Path] = ()
    """Folders of the maps that were fitted on this corpus."""
    judge_notes: JudgeNotes | None = None
    """What was kept of validations, regression runs and active scoring."""


def report_recipe(
    config: Mapping[str, Any],
    parents: Sequence[ArtifactRef],
    runs: Sequence[SelectionRun] = (),
    calls: Sequence[CallDay] = (),
    judge_notes: JudgeNotes | None = None,
) -> Recipe:
    """Return what a report is made from: the run's config, every artifact it shows, and what the home noted."""
    noted: dict[str, list[Any]] = {
        "calls": [asdict(day) for day in calls],
        "runs": [run.model_dump(mode="json") for run in runs],
        **(judge_notes.describe() if judge_notes else {}),
    }
    inputs = {name: digest_of({name: rows}) for name, rows in noted.items() if rows}
    return Recipe("report", REPORT_VERSION, config=dict(config), parents=tuple(parents), inputs=inputs)
