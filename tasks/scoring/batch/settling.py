"""What a result means for its question and for the run: answered or to be asked again, its cost, what was learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.errors import EmpathyError
from tasks.progress import report_notice
from tasks.schema import digest_of
from tasks.scoring.batch.parts import Entry
from tasks.scoring.batch.requests import encode_request
from tasks.scoring.batch.results import BatchResult
from tasks.scoring.engine.asking import Asker
from tasks.scoring.engine.calling import CallResult
from tasks.scoring.engine.dialect import Dialect, Refusal, Speech
from tasks.scoring.engine.fatal import describe_fatal
from tasks.scoring.engine.meter import Meter
from tasks.scoring.engine.spending import Spending
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.ledger.pricing import Price
from tasks.scoring.reasons import FATAL, NO_LOGPROBS, TRANSIENT

MAX_FAILURES = 3
"""Batches that do not come to a question before it is left for the next run."""


def make_attempt(asker: Asker, price: Price | None, entry: Entry, result: BatchResult, sent_at: float) -> Attempt:
    """Return the attempt of a result, at the batch API's price.

    It has no latency: a day in a queue says nothing of how fast an endpoint answers, and 0 s would not either.
    """
    values = dict(result.values)
    if values.get("http_status") == 200:
        tokens = values.get("tokens_in"), values.get("tokens_cached"), values.get("tokens_out")
        values["cost_usd"] = price.cost_of(*tokens, is_batch=True) if price else None
    elif values.get("http_status") is not None or values.get("error_class") in ("timeout", "interrupted"):
        values["cost_usd"] = 0.0  # an error is not charged, nor is what was never run
    method = entry.question.terms[0]
    attempt = Attempt(entry.turn_key, entry.request_key, sent_at, None, method=method, **values)
    return replace(attempt, error_class=NO_LOGPROBS) if asker.lacks_logprobs(attempt) else attempt


class Settler:
    """Makes requests and settles their results, for all the batches of one run."""

    def __init__(self, identity: JudgeIdentity, price: Price | None, max_cost_usd: float | None, memory: Path) -> None:
        self.identity, self.price = identity, price
        self.asker, self.meter = Asker(identity), Meter()
        self.spending = Spending(max_cost_usd, price)
        self.speech = Speech(memory)
        self.failure: EmpathyError | None = None
        """Why nothing more is submitted."""

    def make_line(self, entry: Entry) -> bytes:
        """Return the line that asks a question, and note what it is in the entry."""
        request = self.asker.make_request(entry.question, self.speech.dialect)
        entry.request_key = digest_of(request)
        return encode_request(entry.turn_key, request)

    def reserve(self, entry: Entry) -> bool:
        """Set aside what a request may cost; False where that is more than the budget has left."""
        question, factor = entry.question, float(self.price.batch) if self.price else 1.0
        n_characters = self.asker.count_characters(question)
        worst = factor * self.spending.worst_of(n_characters, self.asker.most_tokens_out(question))
        if not self.spending.fits(worst):
            return False
        self.spending.reserve(worst)
        entry.reserved_usd = worst
        return True

    def release(self, entry: Entry) -> None:
        """Give back what was set aside for a request that was never run."""
        self.spending.release(entry.reserved_usd)
        entry.reserved_usd = 0.0

    def settle(self, entry: Entry, attempt: Attempt, message: str, asked_in: Dialect) -> bool:
        """Say whether a question is done with; learn from its result."""
        n_characters = self.asker.count_characters(entry.question)
        self.meter.note(attempt, n_characters)
        self.spending.note_tokens(n_characters, attempt.tokens_in)
        if entry.reserved_usd:  # else a former run paid for it, out of its own budget
            self.spending.settle(entry.reserved_usd, attempt)
            entry.reserved_usd = 0.0
        if attempt.error_class in TRANSIENT:
            entry.n_failures += 1
            return entry.n_failures >= MAX_FAILURES
        if attempt.error_class in (*FATAL, NO_LOGPROBS):
            is_adapted = self._adapt(entry, attempt, message, asked_in)
            if not is_adapted:
                self.failure = self.failure or describe_fatal(CallResult(attempt, message=message), self.identity)
            return not is_adapted
        if attempt.http_status == 200:
            self.speech.note_answer(asked_in)
        return attempt.error_class == "too_long" or self.asker.is_answered(entry.question, attempt)

    def _adapt(self, entry: Entry, attempt: Attempt, message: str, asked_in: Dialect) -> bool:
        """Ask in another way from now on where the endpoint wants that; False where it refuses us."""
        if attempt.error_class in ("auth", "quota"):
            return False
        request = self.asker.make_request(entry.question, asked_in)
        lacks_logprobs = attempt.error_class == NO_LOGPROBS
        says = self.speech.learn(asked_in, Refusal(message, request, attempt.http_status, lacks_logprobs))
        if says:
            report_notice(f"{self.identity.endpoint_alias} is asked in another way: {says}.")
        return says is not None
