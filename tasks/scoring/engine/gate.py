"""The one gate that every call passes: concurrency, pace, the budgets of a minute, and the budget of the run."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from tasks.config import ScoringConfig
from tasks.scoring.engine.budgets import Bucket
from tasks.scoring.engine.calling import CallResult
from tasks.scoring.engine.concurrency import Concurrency
from tasks.scoring.engine.headers import Limits
from tasks.scoring.engine.pace import Pace
from tasks.scoring.engine.spending import Spending

LONGEST_NAP_S = 1.0
"""The pace may rise while somebody waits: look again at least this often."""

RAISED = 1.01
"""Limits more than this many times those told before count as raised."""


@dataclass(slots=True)
class Ticket:
    """One call's way through the gate: what it is charged, and when it left (monotonic seconds)."""

    price: Callable[[], tuple[float, float]]
    """Returns the tokens and the cost to charge; asked when its turn comes, for by then more is measured."""
    n_tokens: float = 0.0
    cost_usd: float = 0.0
    sent_at: float = 0.0


class Gate:
    """Lets calls through in order, retries first; belongs to one event loop."""

    def __init__(self, scoring: ScoringConfig, spending: Spending, clock: Callable[[], float] = time.monotonic) -> None:
        self.concurrency = Concurrency(-(-scoring.max_concurrency // scoring.shards))
        self.pace, self.spending = Pace(), spending
        self._n_shards = scoring.shards
        """Processes that share the endpoint's limits and ours: each uses its part."""
        self.n_in_flight = 0
        self.closed = asyncio.Event()
        """Set when nobody may leave any more: those who sleep until a retry wake."""
        self._limits = Limits()
        self._clock = clock
        self._paced = Bucket()
        self._requests = Bucket((scoring.requests_per_minute or math.inf) / 60 / scoring.shards)
        self._tokens = Bucket((scoring.tokens_per_minute or math.inf) / 60 / scoring.shards)
        self._waiting: list[tuple[bool, int, Ticket, asyncio.Future[bool]]] = []
        self._numbers = itertools.count()
        self._nap: asyncio.TimerHandle | None = None

    async def enter(self, ticket: Ticket, *, is_retry: bool = False) -> bool:
        """Wait until the call may leave; False if no further call may."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not is_retry, next(self._numbers), ticket, future))
        self._admit()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result():  # admitted, and never to leave
                self.release(ticket)
            raise

    def leave(self, ticket: Ticket, result: CallResult, mean_tokens: float) -> None:
        """Learn from what came of a call, correct its charges, and let the next through."""
        now, attempt = self._clock(), result.attempt
        self._take_limits(result.limits, mean_tokens)
        if attempt.error_class == "rate_limit":
            was_by_chance = self.pace.is_by_chance
            if self.pace.note_refused(now, ticket.sent_at):
                self.concurrency.note_refused(now, ticket.sent_at, self.pace.ceiling)
            elif self.pace.is_by_chance and not was_by_chance:
                self.concurrency.start_again()
        elif attempt.error_class in ("timeout", "connection"):
            self.concurrency.note_lost(now, ticket.sent_at)
        elif attempt.error_class == "server":
            self.concurrency.note_broken()
        else:
            self.pace.note_accepted(now)
            self.concurrency.note_answered(now, now - ticket.sent_at, self.n_in_flight)
        used = (attempt.tokens_in or 0) + (attempt.tokens_out or 0)
        self._tokens.charge(now, used - ticket.n_tokens)
        self.spending.settle(ticket.cost_usd, attempt)
        self.release(None)

    def _take_limits(self, limits: Limits, mean_tokens: float) -> None:
        """Follow the limits that an answer tells; one that tells none, as an error's may, changes nothing."""
        if limits == Limits():
            return
        was, self._limits = self._limits, limits
        if (
            limits.requests_per_minute > was.requests_per_minute * RAISED
            or limits.tokens_per_minute > was.tokens_per_minute * RAISED
        ):
            self.pace.note_raised()
        by_tokens = limits.tokens_per_minute / mean_tokens if mean_tokens else math.inf
        self.pace.note_told(min(limits.requests_per_minute, by_tokens) / 60 / self._n_shards)

    def release(self, ticket: Ticket | None) -> None:
        """Give a place back; with its ticket, the charges too."""
        self.n_in_flight -= 1
        if ticket is not None:
            self._tokens.charge(self._clock(), -ticket.n_tokens)
            self.spending.release(ticket.cost_usd)
        self._admit()

    @property
    def is_closed(self) -> bool:
        """Whether nobody may leave any more."""
        return self.closed.is_set()

    def close(self) -> None:
        """Let nobody through any more, those who wait neither."""
        self.closed.set()
        self._admit()

    def _admit(self) -> None:
        if self._nap:
            self._nap.cancel()
            self._nap = None
        while self._waiting:
            if self._waiting[0][3].done():  # cancelled while it waited
                heapq.heappop(self._waiting)
                continue
            if not self.is_closed and not self._has_room():
                return
            _, _, ticket, future = heapq.heappop(self._waiting)
            if not self.is_closed:
                self._charge(ticket)
            future.set_result(not self.is_closed)

    def _has_room(self) -> bool:
        """Say whether the first in line may leave now; arrange to be asked again where time decides."""
        if self.n_in_flight >= self.concurrency.limit:
            return False
        ticket = self._waiting[0][2]
        ticket.n_tokens, ticket.cost_usd = ticket.price()
        if not self.spending.fits(ticket.cost_usd):
            if self.n_in_flight == 0:  # else a call in flight may cost less than it was charged
                self.closed.set()
            return self.is_closed
        now = self._clock()
        self._paced.set_rate(now, self.pace.allowed(now))
        wait = max(bucket.wait_s(now) for bucket in (self._paced, self._requests, self._tokens))
        if wait > 0:
            self._nap = asyncio.get_running_loop().call_later(min(wait, LONGEST_NAP_S), self._admit)
        return wait <= 0

    def _charge(self, ticket: Ticket) -> None:
        ticket.sent_at = now = self._clock()
        self.n_in_flight += 1
        self._paced.charge(now, 1)
        self._requests.charge(now, 1)
        self._tokens.charge(now, ticket.n_tokens)
        self.spending.reserve(ticket.cost_usd)
        self.pace.note_sent(now)
