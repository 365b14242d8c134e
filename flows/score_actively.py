"""Ask an LLM about the turns that matter, guess the scores of the others, and say how good the guesses are."""

from __future__ import annotations

from prefect import flow, unmapped
from prefect.runtime import flow_run

from flows.score_dialogues import RUNNER
from flows.waiting import take_result, wait_for
from tasks.config import ActiveConfig, JudgeConfig, ScoringConfig
from tasks.dialogues.tasks import resolve_corpus
from tasks.errors import StoppedShortError
from tasks.judges.active import Reason, Round
from tasks.judges.tasks import choose_round, conclude_active, pass_drift_gate
from tasks.schema import ArtifactRef
from tasks.scoring import open_scoring_run
from tasks.scoring.tasks import commit_run, keep_scores, plan_run, raise_failures, score_chunk

SPARE_ROUNDS = 3
"""Beyond those of the config: the random turns, the audit, and what a failure left of one of them."""

UNGATED = {"drift_gate": False}
"""The gate has been passed: one asking of the anchors is enough for a run."""


def name_run() -> str:
    """Say in the run's name who is asked, and about how much."""
    active = flow_run.parameters["active"]
    return f"score actively with {flow_run.parameters['llm'].kind}, at most {active.budget:.0%}"


@flow(name="score-actively", flow_run_name=name_run, task_runner=RUNNER)
def score_actively(
    llm: JudgeConfig = JudgeConfig(kind="openai"),  # noqa: B008 - frozen, and the form shows it
    active: ActiveConfig = ActiveConfig(),  # noqa: B008
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
    dialogues: list[ArtifactRef] | None = None,
) -> ArtifactRef:
    """Score a corpus with few calls and return the scores as an artifact; what was paid for is never asked again.

    Args:
        llm: Who is asked: an LLM endpoint, or recorded replies.
        active: How much is asked, when it stops, and the thresholds that turns will be selected by.
        scoring: How fast, and for how much.
        dialogues: Ingested sources to score; everything ingested if left empty.
    """
    corpus = resolve_corpus(dialogues)
    stopped: StoppedShortError | None = None
    with open_scoring_run(flow_run.get_id() or "local", llm, scoring) as run:
        scores = keep_scores(run, corpus)
        chosen = choose_round(run, corpus, scores, active, scoring.split)
        for number in range(active.n_rounds + SPARE_ROUNDS):
            if not chosen.n_open or stopped:
                break
            stopped = ask_round(run, corpus, llm, scoring.model_copy(update=UNGATED if number else {}), chosen)
            scores = keep_scores(run, corpus)
            if not stopped:
                chosen = choose_round(run, corpus, scores, active, scoring.split)
        if stopped and chosen.reason == Reason.RANDOM:  # too little is known to guess from
            raise stopped
        result = conclude_active(run, corpus, scores, chosen, active, scoring.split)
    if stopped:
        raise stopped
    return result


def ask_round(
    run: str, corpus: list[ArtifactRef], llm: JudgeConfig, scoring: ScoringConfig, chosen: Round
) -> StoppedShortError | None:
    """Ask about chosen turns; return what stopped the run short, if anything did."""
    plan = plan_run(run, corpus, llm, scoring, chosen.questions)
    take_result(pass_drift_gate.submit(run, llm, scoring, plan))
    chunks = score_chunk.map(unmapped(run), unmapped(plan), list(range(plan.n_chunks)))
    wait_for(chunks)
    coverage = commit_run(run, corpus, plan, scoring.split)
    try:
        raise_failures(chunks, coverage)
    except StoppedShortError as error:
        return error
    return None
