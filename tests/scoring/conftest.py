"""A judge's endpoint of our own on loopback: it counts every call and goes wrong by seed."""

import asyncio
import hashlib
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web


@dataclass
class Call:
    """One request as the server saw it."""

    turn: str
    at: float
    fault: str
    is_structured: bool
    body: dict[str, Any]


@dataclass
class FaultServer:
    """Speaks `/v1/chat/completions`; of each turn's calls, seeded shares get a fault instead of scores.

    Faults: rate_limit, server, malformed, drop, refusal, truncated, garbage, hang, quota, unknown_model. A
    wrong key is answered 401, a JSON schema 400 unless `knows_schema`.
    """

    rates: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    key: str = "sk-right"
    knows_schema: bool = True
    retry_after: str = "0.2"
    delay_s: float = 0.0
    answer: Callable[[str], str] | None = None
    calls: list[Call] = field(default_factory=list)
    early: list[Call] = field(default_factory=list)
    n_in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
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

    def start(self) -> "FaultServer":
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
        digest = hashlib.sha256(turn.encode()).digest()
        return digest[0] % 11, digest[1] % 11

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._count)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
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
        turn = user[: user.index("</response>") + len("</response>")]
        call = Call(turn, at, self._draw(turn), "response_format" in body, body)
        self.calls.append(call)
        if at < self._not_before.get(turn, 0.0):
            self.early.append(call)
        await asyncio.sleep(self.delay_s)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            call.fault = "auth"
            wrong = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return _refuse(401, "invalid_api_key", f"Incorrect API key provided: {wrong}.")
        if call.is_structured and not self.knows_schema:
            call.fault = "schema"
            return _refuse(400, "bad_request", "Unknown parameter: response_format of type json_schema")
        return await self._misbehave(call, request)

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
        if call.fault == "rate_limit":
            self._not_before[call.turn] = time.monotonic() + float(self.retry_after)
            return _refuse(429, "rate_limit_exceeded", "Slow down.", {"Retry-After": self.retry_after})
        if call.fault == "quota":
            return _refuse(429, "insufficient_quota", "You exceeded your current quota.")
        if call.fault == "unknown_model":
            return _refuse(404, "model_not_found", "The model does not exist.")
        if call.fault == "server":
            return _refuse(500, "server_error", "Something broke.")
        if call.fault == "garbage":
            return web.Response(text="{not json", content_type="application/json")
        if call.fault == "hang":
            await self._ending.wait()
        if call.fault == "drop" and request.transport:
            request.transport.abort()
        return web.json_response(self._complete(call))

    def _complete(self, call: Call) -> dict[str, Any]:
        sensibility, rationality = self.scores_of(call.turn)
        form = f"Evaluation Form (scores ONLY):\n- Rationality: {rationality}\n- Sensibility: {sensibility}"
        scores = json.dumps({"rationality": rationality, "sensibility": sensibility}) if call.is_structured else form
        message: dict[str, Any] = {"role": "assistant", "content": self.answer(call.turn) if self.answer else scores}
        if call.fault == "malformed":
            message["content"] = "Rather warm, I would say."
        if call.fault == "truncated":
            message["content"] = scores[:20]
        if call.fault == "refusal":
            message |= {"content": None, "refusal": "I cannot rate this."}
        finish_reason = "length" if call.fault == "truncated" else "stop"
        return {
            "id": "x", "object": "chat.completion", "created": 1, "model": "judge-2026", "system_fingerprint": "fp-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112,
                      "prompt_tokens_details": {"cached_tokens": 64}},
        }  # fmt: skip


def _refuse(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    error = {"error": {"message": message, "type": code, "code": code, "param": None}}
    return web.json_response(error, status=status, headers=headers)


@pytest.fixture
def fault_server() -> Iterator[Callable[..., FaultServer]]:
    """Start servers with faults; they end with the test."""
    servers = []

    def start(**options: Any) -> FaultServer:
        servers.append(FaultServer(**options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
