"""Ask an LLM about the turns that matter, guess the scores of the others, and say how good the guesses are."""

from __future__ import annotations

from prefect import flow, unmapped
from prefect.runtime import flow_run

from flows.naming import name_active, named_by
from flows.notifying import notify_failure
from flows.score_dialogues import RUNNER
from flows.waiting import take_result, wait_for
from tasks.config import ActiveConfig, JudgeConfig, ScoringConfig
from tasks.dialogues.tasks import resolve_corpus
from tasks.judges import RegressionConfig
from tasks.judges.active import Round
from tasks.judges.tasks import choose_round, conclude_active, pass_drift_gate
from tasks.schema import ArtifactRef
from tasks.scoring import check_undivided, open_scoring_run
from tasks.scoring.tasks import commit_run, keep_scores, plan_run, raise_failures, score_chunk

UNGATED = {"drift_gate": False}
"""The gate has been passed: one asking of the anchors is enough for a run."""


@flow(name="score-actively", flow_run_name=named_by(name_active), task_runner=RUNNER,
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def score_actively(
    llm: JudgeConfig = JudgeConfig(kind="openai"),  # noqa: B008 - frozen, and the form shows it
    active: ActiveConfig = ActiveConfig(),  # noqa: B008
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
    dialogues: list[ArtifactRef] | None = None,
    regression: RegressionConfig = RegressionConfig(),  # noqa: B008
) -> ArtifactRef:
    """Score a corpus with few calls and return the scores as an artifact; what was paid for is never asked again.

    Args:
        llm: Who is asked: an LLM endpoint, or recorded replies.
        active: How much is asked, when it stops, and the thresholds that turns will be selected by.
        scoring: How fast, and for how much.
        dialogues: Ingested sources to score; everything ingested if left empty.
        regression: What the LLM is held to by the drift gate, where `scoring` has one.
    """
    check_undivided(scoring)
    corpus = resolve_corpus(dialogues)
    with open_scoring_run(flow_run.get_id() or "local", llm, scoring) as run:
        scores = keep_scores(run, corpus)
        chosen = choose_round(run, corpus, scores, active, scoring.split)
        asking = scoring
        while chosen.n_open:
            ask_round(run, corpus, llm, asking, chosen, regression)
            asking = scoring.model_copy(update=UNGATED)
            scores = keep_scores(run, corpus)
            chosen = choose_round(run, corpus, scores, active, scoring.split)
        return conclude_active(run, corpus, scores, chosen, active, scoring.split)


def ask_round(
    run: str, corpus: list[ArtifactRef], llm: JudgeConfig, scoring: ScoringConfig, chosen: Round,
    regression: RegressionConfig,
) -> None:  # fmt: skip
    """Ask about chosen turns. Raises what stopped a chunk, or that some of them were left: the same run goes on."""
    plan = plan_run(run, corpus, llm, scoring, chosen.questions)
    take_result(pass_drift_gate.submit(run, llm, scoring, plan, regression))
    chunks = score_chunk.map(unmapped(run), unmapped(plan), list(range(plan.n_chunks)))
    wait_for(chunks)
    coverage = commit_run(run, corpus, plan, scoring.split, chosen.questions)
    raise_failures(chunks, coverage)
