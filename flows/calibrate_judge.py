"""Fit maps from a judge's scores to those of a source that is trusted more."""

from __future__ import annotations

from prefect import flow

from tasks.bounded import Name, Place
from tasks.dialogues.tasks import resolve_corpus
from tasks.judges.tasks import calibrate_from_scores, resolve_trusted
from tasks.schema import ArtifactRef
from tasks.scoring.tasks import resolve_scores


@flow(name="calibrate-judge", flow_run_name="calibrate {judge} by {reference}")
def calibrate_judge(
    judge: Name, reference: Place, dialogues: list[ArtifactRef] | None = None, mapping: list[Name] | None = None
) -> ArtifactRef:
    """Fit a rising map per score on the turns that both have scored; a selection uses it only when told to.

    Args:
        judge: Id or alias of the judge whose scores are mapped.
        reference: What the maps lead to: a judge's id or alias, ratings or ratings:DIGEST, or a file of ratings.
        dialogues: Ingested sources to fit on; everything ingested if left empty.
        mapping: What columns of the file are, each as COLUMN=NAME.
    """
    corpus = resolve_corpus(dialogues)
    scores = resolve_scores(corpus, None, judge)
    trusted = resolve_trusted(corpus, reference, mapping or [])
    return calibrate_from_scores(corpus, scores, trusted)
