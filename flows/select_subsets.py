"""Split the scored turns into what each expert learns from."""

from __future__ import annotations

from prefect import flow

from flows.naming import name_selection, named_by
from flows.notifying import notify_failure
from tasks.config import SelectionConfig
from tasks.dialogues.tasks import resolve_corpus
from tasks.reporting.tasks import show_selection
from tasks.schema import ArtifactRef
from tasks.scoring.tasks import resolve_scores
from tasks.selection.tasks import materialize_subsets


@flow(name="select-subsets", flow_run_name=named_by(name_selection),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def select_subsets(
    selection: SelectionConfig = SelectionConfig(),  # noqa: B008 - frozen, and the form shows it
    dialogues: list[ArtifactRef] | None = None,
    scores: ArtifactRef | None = None,
) -> ArtifactRef:
    """Select by a rule and materialize the subsets as Parquet.

    Args:
        selection: Rule, thresholds and modifiers.
        dialogues: Ingested sources to select from; everything ingested if left empty.
        scores: Scores to select by; those in force if left empty.
    """
    corpus = resolve_corpus(dialogues)
    in_force = resolve_scores(corpus, scores, selection.judge_id)
    subsets = materialize_subsets(corpus, in_force, selection)
    show_selection(subsets)
    return subsets
