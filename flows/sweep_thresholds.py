"""Count what many thresholds would select, before one of them is chosen."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.naming import name_sweep, named_by
from flows.notifying import notify_failure
from tasks.config import SweepConfig
from tasks.dialogues.tasks import resolve_corpus
from tasks.reporting.tasks import show_sweep
from tasks.schema import ArtifactRef
from tasks.scoring.tasks import resolve_scores
from tasks.selection.tasks import count_sweep


@flow(name="sweep-thresholds", flow_run_name=named_by(name_sweep),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def sweep_thresholds(
    sweep: SweepConfig = SweepConfig(),  # noqa: B008 - frozen, and the form shows it
    dialogues: list[ArtifactRef] | None = None,
    scores: ArtifactRef | None = None,
) -> list[dict[str, Any]]:
    """Count the subsets at every threshold and show them as a table and pictures; nothing is selected.

    Args:
        sweep: Rules and thresholds.
        dialogues: Ingested sources to count in; everything ingested if left empty.
        scores: Scores to count by; those in force if left empty.
    """
    corpus = resolve_corpus(dialogues)
    in_force = resolve_scores(corpus, scores, sweep.judge_id)
    rows = count_sweep(corpus, in_force, sweep)
    show_sweep(rows)
    return rows
