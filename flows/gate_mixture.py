"""Let the mixture of an evaluation pass only if it is no worse than the accepted one."""

from __future__ import annotations

from prefect import flow

from flows.naming import name_gate, named_by
from flows.notifying import notify_failure
from tasks.bounded import Minutes
from tasks.config import ExperimentConfig
from tasks.evaluation import Candidates, Verdict
from tasks.evaluation.tasks import evaluate_one, gather_candidates, judge_mixture, prepare_candidate, promote_mixture
from tasks.schema import ArtifactRef


@flow(name="gate-mixture", flow_run_name=named_by(name_gate),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def gate_mixture(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    evaluation: ArtifactRef | None = None,
    promote: bool = False,
    max_minutes: Minutes | None = None,
) -> Verdict:
    """Compare both recipes on the same held-out turns, over their seeds; a mixture that may be worse fails the run.

    Args:
        config: The experiment; its part `gate` matters here.
        evaluation: Evaluation that holds the mixture; the last one if left empty.
        promote: Make the mixture the accepted one if it passes.
        max_minutes: Longest time for one mixture's turns; the next run goes on from there.
    """
    candidates = gather_candidates(evaluation, config.gate)
    new = [answer(mixture, candidates, config, max_minutes) for mixture in candidates.new]
    accepted = [answer(mixture, candidates, config, max_minutes) for mixture in candidates.accepted]
    verdict = judge_mixture(candidates, new, accepted, config)
    return promote_mixture(verdict) if promote else verdict


def answer(
    mixture: ArtifactRef, candidates: Candidates, config: ExperimentConfig, max_minutes: float | None
) -> ArtifactRef:
    """Let one mixture find the candidates' turns likely; found again if it did so before."""
    base, alike = prepare_candidate(mixture, candidates, config)
    return evaluate_one("mixture", mixture, list(candidates.corpus), base, alike, max_minutes)
