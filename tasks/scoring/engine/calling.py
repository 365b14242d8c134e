"""One call to an OpenAI-compatible endpoint: every outcome becomes an attempt, none an exception."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.schema import digest_of
from tasks.scoring.engine.headers import Limits, read_limits, read_wait
from tasks.scoring.engine.outcomes import classify_refusal, read_completion, read_message, scrub
from tasks.scoring.ledger.journal import Attempt

if TYPE_CHECKING:
    import httpx2
    import openai

TRICKLE_S = 1.0
"""The client's timeout ends silence; a response that comes byte by byte is ended this much later."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """An attempt, how long the endpoint asks us to wait, the limits it tells, and what it says of a refusal."""

    attempt: Attempt
    wait_s: float | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    message: str = ""


def make_client(base_url: str | None, api_key: str, timeout_s: float, max_connections: int) -> openai.AsyncOpenAI:
    """Return a client on the aiohttp transport with its own retries off: ours are the only layer."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    return openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=timeout_s,
        http_client=openai.DefaultAioHttpClient(timeout=timeout_s, limits=limits),
    )


class CallTimer:
    """Makes the attempts of one call: they share its turn, its request and its clock."""

    def __init__(self, turn_key: str, request: dict[str, Any], method: str) -> None:
        self.turn_key, self.request_key, self.method = turn_key, digest_of(request), method
        self.sent_at, self._started = time.time(), time.perf_counter()

    def finish(self, **values: Any) -> Attempt:
        """Return the attempt, now that it ended."""
        latency = time.perf_counter() - self._started
        return Attempt(self.turn_key, self.request_key, self.sent_at, latency, method=self.method, **values)


async def call_endpoint(client: openai.AsyncOpenAI, timer: CallTimer, request: dict[str, Any]) -> CallResult:
    """Send one chat completion request and return what came of it. Never raises for a failed call.

    The response is read as plain JSON: the client's typed one costs as much CPU as all the rest of the call.
    """
    import aiohttp
    import httpx2
    import openai

    try:
        async with asyncio.timeout(_read_timeout(client) + TRICKLE_S):
            response = await client.post("/chat/completions", body=request, cast_to=httpx2.Response)
    except TimeoutError:
        return _fail(timer, "timeout", "it did not end in time")
    except openai.APITimeoutError as error:
        # the aiohttp transport calls every failure to connect, a refused one too, a timeout
        is_connecting = type(error.__cause__).__name__ == "ConnectTimeout"
        return _fail(timer, "connection" if is_connecting else "timeout", str(error.__cause__))
    except openai.APIStatusError as error:
        return _read_refusal(error, timer, client.api_key)
    except (openai.APIError, aiohttp.ClientError, OSError) as error:  # the transport lets some of its own through
        return _fail(timer, "connection", str(error))
    except ValueError as error:  # nothing was sent: the request cannot be written as HTTP
        return _fail(timer, "invalid_request", scrub(str(error), client.api_key))
    try:
        payload = json.loads(response.content)
    except (ValueError, RecursionError) as error:  # a body that is not JSON, or a tower of brackets
        return _fail(timer, "server", str(error), http_status=200)
    return CallResult(timer.finish(**read_completion(payload)), limits=read_limits(response.headers))


def _read_timeout(client: openai.AsyncOpenAI) -> float:
    return client.timeout if isinstance(client.timeout, int | float) else 0.0


def _fail(timer: CallTimer, error_class: str, message: str, http_status: int | None = None) -> CallResult:
    return CallResult(timer.finish(error_class=error_class, http_status=http_status), message=message)


def _read_refusal(error: openai.APIStatusError, timer: CallTimer, key: str) -> CallResult:
    headers: httpx2.Headers = error.response.headers
    payload = _read_json(error.response)
    error_class, _ = classify_refusal(error.status_code, payload)
    text = scrub(read_message(payload, error.response.text), key)[:2000]
    attempt = timer.finish(http_status=error.status_code, error_class=error_class, reply=text)
    return CallResult(attempt, read_wait(headers), read_limits(headers), text)


def _read_json(response: httpx2.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None
