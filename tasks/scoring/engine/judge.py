"""The LLM judge: many turns in flight on one event loop, every reply journalled before it is read."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.config import ScoringConfig
from tasks.errors import EmpathyError
from tasks.progress import report_notice
from tasks.scoring.engine import waits
from tasks.scoring.engine.asking import Asker, Question
from tasks.scoring.engine.calling import CallResult, CallTimer, call_endpoint, make_client
from tasks.scoring.engine.dialect import Dialect, Refusal, Speech, find_memory
from tasks.scoring.engine.fatal import describe_budget, describe_fatal, describe_outage, describe_yield
from tasks.scoring.engine.gate import Gate, Ticket
from tasks.scoring.engine.meter import Meter
from tasks.scoring.engine.pair_asking import PairAsker
from tasks.scoring.engine.spending import Spending
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.ledger.pricing import Price
from tasks.scoring.planning import PlannedTurn
from tasks.scoring.reasons import FATAL, MAX_REPLIES, NO_LOGPROBS, TRANSIENT

OnDone = Callable[[int], None]


class LLMJudge:
    """Scores turns through an OpenAI-compatible endpoint; chunks in several threads share one loop and one gate."""

    def __init__(
        self, identity: JudgeIdentity, scoring: ScoringConfig, endpoint: tuple[str | None, str],
        price: Price | None, memory: Path, may_call: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Connect to `endpoint` (address, key); `may_call` raises where this process may not pay any more."""
        self.identity, self.price, self.may_call = identity, price, may_call
        self.asker = PairAsker(identity) if identity.is_pairwise else Asker(identity)
        self.meter, self.outage = Meter(), waits.Outage()
        self.speech = Speech(find_memory(memory, identity))
        self.yields = waits.Yield()
        self.spending = Spending(scoring.max_cost_usd and scoring.max_cost_usd / scoring.shards, price)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
        self._thread.start()
        self._gate = Gate(scoring, self.spending)
        self._client = make_client(*endpoint, scoring.timeout_s, self._gate.concurrency.most)
        self._failure: EmpathyError | OSError | None = None
        """Why no further call is made: the endpoint refuses us, or the journal cannot be written."""

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        """Ask for every turn until it has a score or a reason.

        Raises EndpointError where the endpoint refuses every call (key, quota, model, request), OSError
        where the journal cannot be written, LeaseHeldError where another run pays now, StoppedShortError where the
        budget is used or nobody answers; no call is made after any of them.
        """
        asyncio.run_coroutine_threadsafe(self._score_all(turns, writer, on_done), self._loop).result()

    def describe(self) -> dict[str, object]:
        """Return what people watch: calls a second, calls in flight and their limit, refusals, cost."""
        shown: dict[str, object] = {
            "calls/s": f"{self.meter.calls_per_s():.1f}",
            "in flight": f"{self._gate.n_in_flight}/{self._gate.concurrency.limit}",
            "429s": self.meter.n_limited,
        }
        return shown | ({"USD": f"{self.meter.cost_usd:.4f}"} if self.price else {})

    def close(self) -> None:
        """Give up the calls in flight, close the connections and end the loop's thread."""
        asyncio.run_coroutine_threadsafe(self._end_calls(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_calls(self) -> None:
        await _cancel(asyncio.all_tasks() - {asyncio.current_task()})
        await self._client.close()

    async def _score_all(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        async def score(planned: PlannedTurn) -> None:
            if await self._score_turn(Question(planned, n_samples=planned.n_samples), writer):
                on_done(1)

        tasks = {asyncio.create_task(score(planned)) for planned in turns}
        try:
            await asyncio.gather(*tasks)
        finally:
            await _cancel(tasks)
        if self._failure:  # calls in flight were let finish: what they answered is paid and kept
            raise self._failure
        if self._gate.is_closed:
            raise describe_budget(self.spending)

    async def _score_turn(self, question: Question, writer: SegmentWriter) -> bool:
        """Ask for a turn until it has a score or a reason; False where the run stopped before."""
        while True:
            attempt = await self._ask_patiently(question, writer)
            if attempt is None:
                return False
            if attempt.error_class in TRANSIENT:
                return True
            if attempt.error_class == "too_long" or self.asker.is_answered(question, attempt):
                if self.yields.note(is_scored=attempt.error_class is None and question.n_useless < MAX_REPLIES):
                    self._stop(describe_yield(self.yields.n_ended, attempt, self.identity))
                return True

    async def _ask_patiently(self, question: Question, writer: SegmentWriter) -> Attempt | None:
        """Ask until the endpoint answers, holding no place while waiting; None where the run stops."""
        n_failures = 0
        while True:
            is_retry = n_failures > 0 or question.n_useless > 0
            result = await self._ask_once(question, writer, is_retry=is_retry)
            if result is None:
                return None
            if result.attempt.error_class not in (*TRANSIENT, *FATAL):
                return result.attempt
            if result.attempt.error_class in TRANSIENT:
                n_failures += 1
                if n_failures == waits.MAX_TRANSIENT_TRIES or (result.wait_s or 0) > waits.LONGEST_WAIT_S:
                    return result.attempt
                await self._sleep(waits.choose_wait(n_failures, result.wait_s, waits.FIRST_BACKOFF_S))

    async def _ask_once(self, question: Question, writer: SegmentWriter, *, is_retry: bool) -> CallResult | None:
        """Pass the gate, send one request, keep what comes back and learn from it; None where the run stops."""
        n_characters = self.asker.count_characters(question)
        ticket, dialect = await self._pass_gate(question, n_characters, is_retry=is_retry)
        if ticket is None:
            return None
        try:
            self.may_call()
            writer.make_ready()  # what could not be kept is not paid for
            request = self.asker.make_request(question, dialect)
            timer = CallTimer(question.planned.turn.turn_key, request, question.terms[0])
        except BaseException as error:
            if isinstance(error, OSError | EmpathyError):
                self._stop(error)
            self._gate.release(ticket)
            if self._failure is error:
                return None
            raise
        try:
            result = self._complete(await call_endpoint(self._client, timer, request))
        except BaseException:
            interrupted = timer.finish(error_class="interrupted")
            self._keep(interrupted, writer)
            self.spending.settle(ticket.cost_usd, interrupted)  # it may be charged all the same
            self._gate.release(None)
            raise
        is_kept = self._keep(result.attempt, writer)
        self._learn_from(result, dialect, request)
        self.meter.note(result.attempt, n_characters)
        self.spending.note_tokens(n_characters, result.attempt.tokens_in)
        self._gate.leave(ticket, result, self.meter.mean_tokens)  # last: it lets the next call out
        return result if is_kept else None

    async def _pass_gate(
        self, question: Question, n_characters: int, *, is_retry: bool
    ) -> tuple[Ticket | None, Dialect]:
        """Wait for a place, and return its ticket with the dialect that it was priced for; None where the run stops."""
        dialect = self.speech.dialect

        def price() -> tuple[float, float]:
            nonlocal dialect
            dialect = self.speech.dialect  # another one may ask for more replies
            self.asker.choose_terms(question, dialect)
            worst = self.spending.worst_of(n_characters, self.asker.most_tokens_out(question))
            return self.meter.expect_tokens(n_characters), worst

        ticket = Ticket(price)
        return ticket if await self._gate.enter(ticket, is_retry=is_retry) else None, dialect

    def _learn_from(self, result: CallResult, dialect: Dialect, request: dict[str, Any]) -> None:
        """Ask in another way from now on where the endpoint wants that; stop where it refuses us, or nobody answers."""
        attempt, says = result.attempt, None
        if attempt.error_class in (NO_LOGPROBS, "invalid_request"):
            lacks_logprobs = attempt.error_class == NO_LOGPROBS
            says = self.speech.learn(dialect, Refusal(result.message, request, attempt.http_status, lacks_logprobs))
        elif attempt.http_status == 200:
            self.speech.note_answer(dialect)
        if says:
            report_notice(f"{self.identity.endpoint_alias} is asked in another way: {says}.")
        elif says is None and attempt.error_class in FATAL:
            self._stop(describe_fatal(result, self.identity))
        if self.outage.note(time.monotonic(), attempt.http_status, attempt.error_class):
            self._stop(describe_outage(result, self.identity))

    def _complete(self, result: CallResult) -> CallResult:
        """Return a result with what its attempt costs, and whether it lacks what it was asked for."""
        attempt = result.attempt
        changes: dict[str, Any] = {}
        if attempt.http_status is not None and attempt.http_status != 200:
            changes["cost_usd"] = 0.0  # an error is not charged
        elif self.price is not None:
            changes["cost_usd"] = self.price.cost_of(attempt.tokens_in, attempt.tokens_cached, attempt.tokens_out)
        if self.asker.lacks_logprobs(attempt):
            changes["error_class"] = NO_LOGPROBS
        return replace(result, attempt=replace(attempt, **changes)) if changes else result

    def _keep(self, attempt: Attempt, writer: SegmentWriter) -> bool:
        try:
            writer.append(attempt)
        except OSError as error:
            self._stop(error)
            return False
        return True

    def _stop(self, failure: EmpathyError | OSError) -> None:
        self._failure = self._failure or failure
        self._gate.close()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gate.closed.wait(), seconds)


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
