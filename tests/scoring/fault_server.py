"""A judge's endpoint of our own on loopback: it counts every call and goes wrong by seed."""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.scoring.completions import choose_scores, complete, find_unknown, refuse

ANSWERED = ("", "malformed", "truncated", "refusal")
"""What a call came to that brought a completion, and is paid for."""


@dataclass
class Call:
    """One request as the server saw it; times are the server's monotonic seconds."""

    turn: str
    at: float
    fault: str
    body: dict[str, Any]
    ended_at: float = 0.0
    """When the answer was handed to the connection; 0 where none was."""

    @property
    def form(self) -> str:
        """The form of answer that was asked for: schema, json or plain."""
        kind = self.body.get("response_format", {}).get("type", "")
        return {"json_schema": "schema", "json_object": "json"}.get(kind, "plain")

    @property
    def prompt(self) -> str:
        return self.body["messages"][-1]["content"]


@dataclass
class FaultServer:
    """Speaks `/v1/chat/completions`; of each turn's calls, seeded shares get a fault instead of scores.

    Faults: rate_limit, server, malformed, drop, refusal, truncated, garbage, hang, quota, unknown_model. A wrong key
    is answered 401. What the endpoint `lacks` (schema, json, max_tokens, max_completion_tokens, temperature, logprobs,
    n) it refuses with 400 in OpenAI's words; what it `ignores` (logprobs, n) it silently does not do.
    """

    rates: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    key: str = "sk-right"
    lacks: Collection[str] = ()
    ignores: Collection[str] = ()
    unknown_status: int = 400
    """Of the refusal of what the endpoint lacks."""
    retry_after: str = "0.2"
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every answer."""
    echoes: str = ""
    """What every error message repeats."""
    spread: int = 1
    """The samples of a turn differ: their sensibility rises by 0 .. spread - 1, again and again."""
    breaks_after: int | None = None
    """Every call for a turn that was given so many samples is answered 500."""
    model: str = "judge-2026"
    fingerprint: str = "fp-1"
    has_usage: bool = True
    tokens_out: int = 12
    """Of each reply."""
    answer: Callable[[str], str] | None = None
    calls: list[Call] = field(default_factory=list)
    early: list[Call] = field(default_factory=list)
    """Those that came before the end of their own Retry-After."""
    n_in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self.n_samples: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._n_of_turn: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._is_up, self._ending = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def faults_of_turn(self) -> dict[str, list[str]]:
        """What each turn's calls met, in their order; '' for scores."""
        found = defaultdict(list)
        for call in self.calls:
            found[call.turn].append(call.fault)
        return dict(found)

    def count_faults(self) -> Counter[str]:
        """Count the calls by what they met."""
        return Counter(call.fault for call in self.calls)

    def start(self) -> FaultServer:
        self._thread.start()
        assert self._is_up.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def scores_of(self, turn: str) -> tuple[int, int]:
        """The scores (sensibility, rationality) that this server gives to a turn."""
        return choose_scores(turn)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._count)
        # a caller that gives up is not in flight any more
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._is_up.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    async def _count(self, request: web.Request) -> web.StreamResponse:
        self.n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.n_in_flight)
        try:
            return await self._answer(request)
        finally:
            self.n_in_flight -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        at, body = time.monotonic(), await request.json()
        user = body["messages"][-1]["content"]
        turn = user[: re.search(r"</response(_b)?>", user).end()]
        call = Call(turn, at, self._draw(turn), body)
        self.calls.append(call)
        if at < self._not_before.get(turn, 0.0):
            self.early.append(call)
        await asyncio.sleep(self.delay_s)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            call.fault = "auth"
            wrong = request.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = refuse(401, "invalid_api_key", f"Incorrect API key provided: {wrong}.")
        elif unknown := find_unknown(body, self.lacks, self.unknown_status):
            call.fault, answer = unknown
        else:
            answer = await self._misbehave(call, request)
        answer.headers.update(self.headers)
        call.ended_at = time.monotonic()
        return answer

    def _draw(self, turn: str) -> str:
        """Return the fault of this call: a function of seed, turn and how often it was asked."""
        self._n_of_turn[turn] += 1
        chance = random.Random(f"{self.seed}|{turn}|{self._n_of_turn[turn]}").random()
        for name, rate in self.rates.items():
            if chance < rate:
                return name
            chance -= rate
        return ""

    async def _misbehave(self, call: Call, request: web.Request) -> web.StreamResponse:
        says = self.echoes
        if self.breaks_after is not None and self.n_samples[call.turn] >= self.breaks_after:
            call.fault = "server"
        if call.fault == "rate_limit":
            self._not_before[call.turn] = time.monotonic() + float(self.retry_after)
            return refuse(429, "rate_limit_exceeded", f"Slow down. {says}", {"Retry-After": self.retry_after})
        if call.fault == "quota":
            return refuse(429, "insufficient_quota", f"You exceeded your current quota. {says}")
        if call.fault == "unknown_model":
            return refuse(404, "model_not_found", f"The model does not exist. {says}")
        if call.fault == "server":
            return refuse(500, "server_error", f"Something broke. {says}")
        if call.fault == "garbage":
            return web.Response(text="{not json", content_type="application/json")
        if call.fault == "hang":
            await self._ending.wait()
        if call.fault == "drop" and request.transport:
            request.transport.abort()
        return web.json_response(complete(self, call))
