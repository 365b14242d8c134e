"""What a person is told when a run stops because of its endpoint."""

from __future__ import annotations

from tasks.errors import EndpointError, StoppedShortError
from tasks.scoring.engine.calling import CallResult
from tasks.scoring.engine.spending import Spending
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt

ADVICE = {
    "auth": "check the key (OPENAI_API_KEY or EMPATHY_JUDGE_API_KEY)",
    "quota": "check the plan and the billing of the endpoint; what was scored is kept",
}


def describe_fatal(result: CallResult, identity: JudgeIdentity) -> EndpointError:
    """Return the error that tells why the endpoint refuses us."""
    error_class = result.attempt.error_class or ""
    return EndpointError(
        f"The judge's endpoint refuses our calls ({error_class}, HTTP {result.attempt.http_status}): "
        f"{result.message[:300]}",
        where=f"{identity.endpoint_alias}, model {identity.model}",
        do=ADVICE.get(error_class, "check the model's name and the endpoint's address (--model, --base-url)"),
    )


def describe_outage(result: CallResult, identity: JudgeIdentity) -> StoppedShortError:
    """Return the error that tells that no call is of any use."""
    return StoppedShortError(
        f"The judge's endpoint takes none of our calls any more ({result.attempt.error_class}): "
        f"{result.message[:300] or 'no reply'}",
        where=f"{identity.endpoint_alias}, model {identity.model}",
        do="check its address (--base-url), that it is up, and its limits; then run the same again: "
        "what was scored is kept",
    )


def describe_yield(n_turns: int, last: Attempt, identity: JudgeIdentity) -> EndpointError:
    """Return the error that tells that nothing the judge says gives a score."""
    said = " ".join((last.reply or "").split())[:120]
    return EndpointError(
        f"None of the first {n_turns} turns got a score; the last reply ({last.error_class or 'unparseable'}) "
        f"says: {said!r}.",
        where=f"{identity.endpoint_alias}, model {identity.model}",
        do="try another model or rubric; one that thinks first needs more max_output_tokens (in the rubric's head)",
    )


def describe_budget(spending: Spending) -> StoppedShortError:
    """Return the error that tells that the budget is used."""
    return StoppedShortError(
        f"The budget is used: {spending.spent_usd:.4f} of {spending.most_usd} USD, and the next call may cost more "
        "than is left.",
        do="run it again to go on, with as much again",
    )
