"""Print what a run and its parts showed on their pages: the evaluation table, the gate, the promotion.

usage: show_run.py TAG      (the run is found by its tag; needs `prefect` and PREFECT_API_URL only)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun

SHOWN = {"evaluation": "Evaluation", "gate": "Gate", "promotion": "Accepted mixture"}
"""Keys of the artifacts that are printed, and their headings, in this order."""
MOST_LEVELS = 5
"""Flows that start flows that start flows."""


def main(tag: str) -> str:
    """Return what the newest run of a tag showed, as Markdown; exits with 1 where there is no such run."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[tag])))
        if not runs:
            sys.exit(f"No run has the tag {tag}: it was not started.")
        run = max(runs, key=lambda one: one.expected_start_time)
        texts = read_artifacts(client, [run.id, *find_parts(client, [run.id])])
    parts = [describe(run), *(f"### {SHOWN[key]}\n\n{texts[key]}" for key in SHOWN if key in texts)]
    return "\n\n".join(parts) + "\n"


def find_parts(client: SyncPrefectClient, runs: Sequence[UUID]) -> list[UUID]:
    """Return the runs that these runs started, and those that they started."""
    found: list[UUID] = []
    level = list(runs)
    for _ in range(MOST_LEVELS):
        parents = FlowRunFilterParentFlowRunId(any_=level)
        level = [run.id for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parents))]
        if not level:
            break
        found += level
    return found


def read_artifacts(client: SyncPrefectClient, runs: Sequence[UUID]) -> dict[str, str]:
    """Return the last text of each key in these runs."""
    chosen = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=list(runs)))
    artifacts = client.read_artifacts(artifact_filter=chosen)
    ordered = sorted(artifacts, key=lambda one: one.created)
    return {one.key: str(one.data).strip() for one in ordered if one.key in SHOWN}


def describe(run: FlowRun) -> str:
    """Return the run's name, how it ended and, where it ended badly, what was said."""
    state = run.state_name or "not started"
    message = run.state.message if run.state and not run.state.is_completed() else None
    return f"## {run.name}: {state}" + (f"\n\n{message}" if message else "")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    text = main(sys.argv[1])
    print(f"\n{text}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
