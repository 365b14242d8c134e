"""Score what the models said: by the same judges, and through the same ledger, as the dialogues."""

from __future__ import annotations

from prefect import flow

from flows.naming import name_judging, named_by
from flows.score_dialogues import score_dialogues
from tasks.config import JudgeConfig, ScoringConfig
from tasks.evaluation import lift_limits
from tasks.evaluation.tasks import keep_generated
from tasks.schema import ArtifactRef


@flow(name="judge-responses", flow_run_name=named_by(name_judging))
def judge_responses(
    responses: list[ArtifactRef],
    corpus: list[ArtifactRef],
    judge: JudgeConfig = JudgeConfig(),  # noqa: B008 - frozen, and the form shows it
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
) -> ArtifactRef:
    """Score every generated response that has no score of this judge, and return the scores of all of them.

    Args:
        responses: Responses of the systems, one artifact each.
        corpus: Dialogues that they answer.
        judge: Who scores.
        scoring: How fast and for how much.
    """
    generated = keep_generated(responses, corpus)
    return score_dialogues(judge, lift_limits(scoring), [generated])
