"""The LLM judge: many turns in flight on one event loop, one retry layer, every reply journalled before it is read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tasks.errors import EndpointError, ScoreParseError
from tasks.schema import Turn
from tasks.scoring.engine.calling import MAX_OUTPUT_TOKENS, CallResult, call_endpoint, make_client
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.parsing import parse_reply
from tasks.scoring.planning import PlannedTurn
from tasks.scoring.prompting import build_messages
from tasks.scoring.reasons import FATAL, TRANSIENT

MAX_TRANSIENT_TRIES = 6
MAX_REPLIES = 3
"""Replies asked for a turn: the first, and two re-asks that say what was wrong."""
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
LONGEST_RETRY_AFTER_S = 120.0

OnDone = Callable[[int], None]


class LLMJudge:
    """Scores turns through an OpenAI-compatible endpoint; chunks in several threads share one loop and one limit."""

    def __init__(self, identity: JudgeIdentity, base_url: str | None, api_key: str, max_concurrency: int) -> None:
        self.identity = identity
        self.is_structured = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
        self._thread.start()
        self._client = make_client(base_url, api_key)
        self._slots = asyncio.Semaphore(max_concurrency)
        self._failure: EndpointError | OSError | None = None
        """Why no further call is made: the endpoint refuses us, or the journal cannot be written."""
        self._stopped = asyncio.Event()

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        """Ask for every turn until it has a score or a reason.

        Raises EndpointError where the endpoint refuses every call (key, quota, model, request), OSError
        where the journal cannot be written; no call is made after either.
        """
        work = self._score_all([planned.turn for planned in turns], writer, on_done)
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Give up the calls in flight, close the connections and end the loop's thread."""
        asyncio.run_coroutine_threadsafe(self._end_calls(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_calls(self) -> None:
        await _cancel(asyncio.all_tasks() - {asyncio.current_task()})
        await self._client.close()

    async def _score_all(self, turns: Sequence[Turn], writer: SegmentWriter, on_done: OnDone) -> None:
        async def score(turn: Turn) -> None:
            await self._score_turn(turn, writer)
            on_done(1)

        tasks = {asyncio.create_task(score(turn)) for turn in turns}
        try:
            await asyncio.gather(*tasks)
        finally:
            await _cancel(tasks)
        if self._failure:  # calls in flight were let finish: what they answered is paid and kept
            raise self._failure

    async def _score_turn(self, turn: Turn, writer: SegmentWriter) -> None:
        complaint = ""
        for _ in range(MAX_REPLIES):
            attempt = await self._ask_patiently(turn, complaint, writer)
            if attempt is None or attempt.error_class in (*TRANSIENT, "too_long"):
                return
            if attempt.error_class == "truncated":
                complaint = "it was cut off before its end"
                continue
            if attempt.error_class == "refusal":
                complaint = "it was a refusal; rating a conversation harms nobody"
                continue
            try:
                parse_reply(attempt.reply or "")
                return
            except ScoreParseError as error:
                complaint = error.what

    async def _ask_patiently(self, turn: Turn, complaint: str, writer: SegmentWriter) -> Attempt | None:
        """Ask until the endpoint answers, holding no slot while waiting; None where the run stops."""
        n_failures = 0
        while True:
            result = await self._ask_once(turn, complaint, writer)
            if result is None:
                return None
            if result.refused_schema:
                self.is_structured = False  # found out once, for every later call of this run
                continue
            if result.attempt.error_class in FATAL:
                self._stop(describe_fatal(result, self.identity))
                return None
            n_failures += 1
            if result.attempt.error_class not in TRANSIENT or n_failures == MAX_TRANSIENT_TRIES:
                return result.attempt
            if (result.retry_after_s or 0) > LONGEST_RETRY_AFTER_S:
                return result.attempt  # left for the next run: nobody waits for hours unseen
            await self._sleep(choose_wait(n_failures, result.retry_after_s))

    async def _ask_once(self, turn: Turn, complaint: str, writer: SegmentWriter) -> CallResult | None:
        async with self._slots:
            if self._failure:
                return None
            request = self._make_request(turn, complaint)
            result = await call_endpoint(self._client, turn.turn_key, request, is_structured=self.is_structured)
            try:
                writer.append(result.attempt)
            except OSError as error:  # before anybody takes the slot: what cannot be kept is not paid for
                self._stop(error)
                return None
            return result

    def _stop(self, failure: EndpointError | OSError) -> None:
        self._failure = self._failure or failure
        self._stopped.set()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    def _make_request(self, turn: Turn, complaint: str) -> dict[str, Any]:
        messages = build_messages(
            self.identity.rubric_text, turn, is_structured=self.is_structured, complaint=complaint
        )
        return {
            "model": self.identity.model,
            "messages": messages,
            "max_tokens": MAX_OUTPUT_TOKENS,
            **self.identity.parameters,
        }


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def choose_wait(n_tries: int, retry_after_s: float | None) -> float:
    """Return the seconds before the next try: never less than the endpoint asks for, else exponential with jitter."""
    backoff = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (n_tries - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
    return backoff if retry_after_s is None else retry_after_s + random.uniform(0, 0.25)  # noqa: S311 - jitter


def describe_fatal(result: CallResult, identity: JudgeIdentity) -> EndpointError:
    """Return the error that tells a person why the endpoint refuses us."""
    advice = {
        "auth": "check the key (OPENAI_API_KEY or EMPATHY_JUDGE_API_KEY)",
        "quota": "check the plan and the billing of the endpoint; what was scored is kept",
    }
    error_class = result.attempt.error_class or ""
    return EndpointError(
        f"The judge's endpoint refuses our calls ({error_class}, HTTP {result.attempt.http_status}): "
        f"{result.message[:300]}",
        where=f"{identity.endpoint_alias}, model {identity.model}",
        do=advice.get(error_class, "check the model's name and the endpoint's address (--model, --base-url)"),
    )
