"""Every run of a selection, kept beside the artifacts: what it chose, from what data, and how that compares.

A record is not an artifact: it tells what happened, and when, to an artifact that may have been there before. Nothing
is made from it, and the database does not know it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError
from tasks.progress import report_notice
from tasks.schema import SPLITS, ArtifactRef
from tasks.selection.agreement import Agreement, compare_selections
from tasks.selection.drift import Change, Drift, find_judge_change, measure_drift
from tasks.selection.summary import SelectionSummary, summarise

RUNS, ACCEPTED = "runs", "accepted-subsets-{split}"
MOST_RUNS = 200
"""Runs that are read; older ones are kept."""
BAND_WINDOW = 20
"""Different selections that the band of a share is taken from."""


class Baseline(BaseModel):
    """The selection that a run is compared with."""

    model_config = ConfigDict(frozen=True)

    subsets: ArtifactRef
    made_at: str
    is_accepted: bool = Field(description="Accepted by a person; else it is the last one by the same judge, if any.")

    def __str__(self) -> str:
        kind = "the accepted selection" if self.is_accepted else "the selection before by this judge"
        return f"{kind}, {self.subsets.config_digest[:12]} of {self.made_at[:10]}"


class SelectionRun(BaseModel):
    """One run of a selection."""

    model_config = ConfigDict(frozen=True)

    made_at: str
    flow_run_id: str = ""
    subsets: ArtifactRef
    summary: SelectionSummary
    baseline: Baseline | None = None
    agreement: Agreement | None = None
    drift: Drift | None = None
    judge_change: Change | None = Field(
        default=None, description="Another judge than that of the accepted selection; without one, of the run before."
    )

    @property
    def warning(self) -> str:
        """Return what has drifted as a block of text; empty if nothing has. Another judge is no drift."""
        if self.baseline is None or self.drift is None or not self.drift.changes:
            return ""
        lines = [f"The data is no longer that of {self.baseline}:"]
        lines += [f"  {change.said}" for change in self.drift.changes]
        lines.append("  do:    look at `empathy report`; `empathy select --accept` makes this selection the normal one")
        return "\n".join(lines)


def keep_run(artifacts: ArtifactStore, subsets: ArtifactRef, flow_run_id: str = "") -> SelectionRun:
    """Compare a selection with the accepted one of its split, else an earlier one, keep that as a run, and return it.

    That another judge scored is a notice: it says nothing of the turns.
    """
    summary = summarise(artifacts.read_manifest(subsets.uri))
    earlier = [run for run in read_runs(artifacts) if run.summary.split == summary.split]
    baseline, before = find_baseline(artifacts, earlier, summary)
    agreement = drift = None
    if baseline is not None and before is not None and baseline.subsets.sha256 != subsets.sha256:
        others = [run for run in earlier if run.subsets.config_digest != subsets.config_digest]
        drift = measure_drift(summary, before, list_history(others, baseline))
        agreement = try_comparing(artifacts, subsets, baseline.subsets)
    if baseline is not None and before is not None and baseline.is_accepted:
        judge_change = find_judge_change(summary, before, str(baseline))
        do = "; `empathy select --accept` makes this selection the normal one"
    else:
        judge_change = find_judge_change(summary, earlier[-1].summary, "the run before") if earlier else None
        do = ""
    if judge_change:
        report_notice(f"{judge_change.said}{do}")
    now = datetime.now(UTC)
    run = SelectionRun(
        made_at=now.isoformat(timespec="milliseconds"), flow_run_id=flow_run_id, subsets=subsets, summary=summary,
        baseline=baseline, agreement=agreement, drift=drift, judge_change=judge_change,
    )  # fmt: skip
    artifacts.write_note(
        RUNS, f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{uuid.uuid4().hex[:8]}", run.model_dump_json()
    )
    return run


def find_baseline(
    artifacts: ArtifactStore, earlier: Sequence[SelectionRun], summary: SelectionSummary
) -> tuple[Baseline, SelectionSummary] | tuple[None, None]:
    """Return the accepted selection of the split with its summary, else that of its last run by the same judge.

    Where the judge has none, that of the last run by any; None without runs. `earlier` are the split's.
    """
    accepted = artifacts.get_current(ACCEPTED.format(split=summary.split))
    if accepted is not None:
        try:
            manifest = artifacts.read_manifest(accepted.uri)
        except ArtifactError as error:
            report_notice(f"The accepted selection cannot be compared with. {error}")
        else:
            return Baseline(subsets=accepted, made_at=manifest["made_at"], is_accepted=True), summarise(manifest)
    if not earlier:
        return None, None
    last = next((run for run in reversed(earlier) if run.summary.judge_id == summary.judge_id), earlier[-1])
    return Baseline(subsets=last.subsets, made_at=last.made_at, is_accepted=False), last.summary


def list_history(earlier: Sequence[SelectionRun], baseline: Baseline) -> list[SelectionSummary]:
    """Return the last different selections, none of them from before the accepted one was first made."""
    first = next((at for at, run in enumerate(earlier) if run.subsets.sha256 == baseline.subsets.sha256), 0)
    start = first if baseline.is_accepted else 0
    different = {run.subsets.config_digest: run.summary for run in earlier[start:]}
    return list(different.values())[-BAND_WINDOW:]


def try_comparing(artifacts: ArtifactStore, later: ArtifactRef, earlier: ArtifactRef) -> Agreement | None:
    """Return the agreement of two selections, or None if the earlier one's files are gone: it is history."""
    try:
        return compare_selections(artifacts.open(later), artifacts.open(earlier))
    except ArtifactError as error:
        report_notice(f"How alike this selection and the earlier one are is not known. {error}")
        return None


def read_runs(artifacts: ArtifactStore, most: int = MOST_RUNS) -> list[SelectionRun]:
    """Return the last runs, oldest first; a record that cannot be read is said and left out."""
    runs = []
    for name, text in artifacts.read_notes(RUNS, most):
        try:
            runs.append(SelectionRun.model_validate_json(text))
        except ValidationError:
            report_notice(f"The record of the run {name} cannot be read.")
    return runs


def drop_repeats(runs: Sequence[SelectionRun]) -> list[SelectionRun]:
    """Return the runs without those that found the very selection of the run before them."""
    return [run for at, run in enumerate(runs) if not at or run.subsets != runs[at - 1].subsets]


def accept_selection(artifacts: ArtifactStore, subsets: ArtifactRef) -> None:
    """Make a selection the one that later ones of its split are compared with. Raises ArtifactError if it is gone."""
    split = summarise(artifacts.read_manifest(subsets.uri)).split
    artifacts.set_current(ACCEPTED.format(split=split), subsets)


def read_accepted(artifacts: ArtifactStore) -> dict[str, ArtifactRef]:
    """Return the accepted selection of each split that has one."""
    found = {split: artifacts.get_current(ACCEPTED.format(split=split)) for split in SPLITS}
    return {split: ref for split, ref in found.items() if ref}
