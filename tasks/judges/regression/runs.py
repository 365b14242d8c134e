"""Every run of a judge over the anchors, kept beside the artifacts; and the one that a person accepted."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import ValidationError

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError
from tasks.judges.regression.record import RegressionRun
from tasks.progress import report_notice

REGRESSIONS, ACCEPTED = "regressions", "accepted-regressions"
MOST_RUNS = 200
"""Runs that are read; older ones are kept."""


def name_run(now: datetime, judge_id: str, anchors: str) -> str:
    """Return the name of the record of a run: names stand in the order of time, and say who was asked about what."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{name_accepted(judge_id, anchors)}-{uuid.uuid4().hex[:8]}"


def keep_run(artifacts: ArtifactStore, run: RegressionRun) -> None:
    """Keep the record of a run."""
    artifacts.write_note(REGRESSIONS, run.name, run.model_dump_json())


def read_regressions(artifacts: ArtifactStore, part: str = "", folder: str = REGRESSIONS) -> list[RegressionRun]:
    """Return the last runs whose names hold `part`, oldest first; a record that cannot be read is said and left out."""
    runs = []
    for name, text in artifacts.read_notes(folder, MOST_RUNS, part):
        try:
            runs.append(RegressionRun.model_validate_json(text))
        except ValidationError:
            report_notice(f"The record of the run {name} cannot be read.")
    return runs


def find_last_run(artifacts: ArtifactStore, judge_id: str, anchors: str) -> RegressionRun | None:
    """Return the last run of a judge over anchors of this digest, None without any."""
    runs = read_regressions(artifacts, f"-{name_accepted(judge_id, anchors)}-")
    return runs[-1] if runs else None


def accept_run(artifacts: ArtifactStore, run: RegressionRun) -> None:
    """Make a run the one that later runs of its judge and its anchors must match."""
    artifacts.write_note(ACCEPTED, name_accepted(run.judge.judge_id, run.anchors), run.model_dump_json())


def read_accepted_run(artifacts: ArtifactStore, judge_id: str, anchors: str) -> RegressionRun | None:
    """Return the accepted run of a judge and anchors, None without one. Raises ArtifactError where it is damaged."""
    name = name_accepted(judge_id, anchors)
    text = artifacts.read_note(ACCEPTED, name)
    try:
        return None if text is None else RegressionRun.model_validate_json(text)
    except ValidationError:
        raise ArtifactError(
            "The accepted run of this judge cannot be read, so that nobody can say whether the judge has drifted.",
            where=f"{artifacts.root}/{ACCEPTED}/{name}.json",
            do="run `empathy judge regress --accept` with this judge",
        ) from None


def read_accepted_runs(artifacts: ArtifactStore, judge_id: str) -> list[RegressionRun]:
    """Return the accepted runs of a judge over any anchors, in the order of these; a damaged one is left out."""
    return read_regressions(artifacts, f"{judge_id}-", ACCEPTED)


def name_accepted(judge_id: str, anchors: str) -> str:
    """Return the name under which the accepted run of a judge and anchors stands."""
    return f"{judge_id}-{anchors}"
