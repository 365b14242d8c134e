"""Make a small local judge from the scores of a big one."""

from __future__ import annotations

from prefect import flow

from tasks.bounded import Name, Place
from tasks.dialogues.tasks import resolve_corpus
from tasks.judges.tasks import distill_from_scores
from tasks.schema import ArtifactRef
from tasks.scoring.tasks import resolve_scores


@flow(name="distill-judge", flow_run_name="distill {judge}")
def distill_judge(judge: Name = "", dialogues: list[ArtifactRef] | None = None, encoder: Place = "") -> ArtifactRef:
    """Fit the distilled judge to the scores in force, cross-validated by dialogue.

    Args:
        judge: Id or alias of the judge to learn from; needed when several have scores.
        dialogues: Ingested sources to learn from; everything ingested if left empty.
        encoder: Sentence encoder it may use: a folder, an installed package or a hub id; none if left empty.
    """
    corpus = resolve_corpus(dialogues)
    scores = resolve_scores(corpus, None, judge)
    return distill_from_scores(corpus, scores, encoder)
