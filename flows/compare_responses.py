"""Ask an LLM which of two systems answers better, turn by turn and in both orders."""

from __future__ import annotations

from prefect import flow, unmapped
from prefect.runtime import flow_run

from flows.naming import name_comparing, named_by
from flows.score_dialogues import RUNNER
from flows.waiting import wait_for
from tasks.config import PairwiseConfig, ScoringConfig
from tasks.evaluation import lift_limits
from tasks.evaluation.tasks import keep_questions
from tasks.schema import ArtifactRef
from tasks.scoring import open_scoring_run
from tasks.scoring.tasks import keep_verdicts, plan_questions, raise_unanswered, score_chunk


@flow(name="compare-responses", flow_run_name=named_by(name_comparing), task_runner=RUNNER)
def compare_responses(
    responses: list[ArtifactRef],
    corpus: list[ArtifactRef],
    pairwise: PairwiseConfig = PairwiseConfig(),  # noqa: B008 - frozen, and the form shows it
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
) -> ArtifactRef:
    """Ask for every verdict that this judge has not given yet, and return all of them.

    Args:
        responses: Responses of the systems, one artifact each.
        corpus: Dialogues that they answer.
        pairwise: Who compares, and which systems.
        scoring: How fast and for how much.
    """
    questions = keep_questions(responses, corpus, pairwise)
    limits = lift_limits(scoring)
    with open_scoring_run(flow_run.get_id() or "local", pairwise, limits) as run:
        plan = plan_questions(run, questions, limits)
        chunks = score_chunk.map(unmapped(run), unmapped(plan), list(range(plan.n_chunks)))
        wait_for(chunks)
        verdicts = keep_verdicts(run, questions, plan)
    raise_unanswered(chunks, verdicts)
    return verdicts
