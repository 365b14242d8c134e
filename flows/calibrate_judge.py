"""Fit maps from a judge's scores to those of a source that is trusted more."""

from __future__ import annotations

from prefect import flow

from tasks.bounded import Name
from tasks.dialogues.tasks import resolve_corpus
from tasks.judges.tasks import calibrate_from_scores
from tasks.schema import ArtifactRef
from tasks.scoring.tasks import resolve_scores


@flow(name="calibrate-judge", flow_run_name="calibrate {judge} by {reference}")
def calibrate_judge(judge: Name, reference: Name, dialogues: list[ArtifactRef] | None = None) -> ArtifactRef:
    """Fit a rising map per score on the turns that both have scored; a selection uses it only when told to.

    Args:
        judge: Id or alias of the judge whose scores are mapped.
        reference: Id or alias of the judge or the ratings that the maps lead to.
        dialogues: Ingested sources to fit on; everything ingested if left empty.
    """
    corpus = resolve_corpus(dialogues)
    scores, trusted = (resolve_scores(corpus, None, name) for name in (judge, reference))
    return calibrate_from_scores(corpus, scores, trusted)
