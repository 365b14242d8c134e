"""One call to an OpenAI-compatible endpoint: every outcome becomes an attempt, none an exception."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tasks.schema import digest_of
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.prompting import SCORE_SCHEMA

if TYPE_CHECKING:
    import openai

MAX_OUTPUT_TOKENS = 64
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class CallResult:
    """An attempt, how long the endpoint asks us to wait, and whether it refused the JSON schema."""

    attempt: Attempt
    retry_after_s: float | None = None
    refused_schema: bool = False
    message: str = ""


def make_client(base_url: str | None, api_key: str) -> openai.AsyncOpenAI:
    """Return a client on the aiohttp transport with its own retries off: ours are the only layer."""
    import openai

    return openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=TIMEOUT_S,
        http_client=openai.DefaultAioHttpClient(timeout=TIMEOUT_S),
    )


async def call_endpoint(
    client: openai.AsyncOpenAI, turn_key: str, request: dict[str, Any], *, is_structured: bool
) -> CallResult:
    """Send one chat completion request and return what came of it. Never raises for a failed call."""
    import openai

    sent_at, started = time.time(), time.perf_counter()
    options = {**request, "response_format": SCORE_SCHEMA} if is_structured else request

    def attempt(**values: Any) -> Attempt:
        latency = time.perf_counter() - started
        return Attempt(turn_key, digest_of(request), sent_at, latency, **values)

    try:
        completion = await client.chat.completions.create(**options)
    except openai.APITimeoutError as error:
        # the aiohttp transport calls every failure to connect, a refused one too, a timeout
        is_connecting = type(error.__cause__).__name__ == "ConnectTimeout"
        return CallResult(
            attempt(error_class="connection" if is_connecting else "timeout"), message=str(error.__cause__)
        )
    except openai.APIStatusError as error:
        return _read_refusal(error, attempt, client.api_key, is_structured=is_structured)
    except (openai.APIError, OSError) as error:
        return CallResult(attempt(error_class="connection"), message=str(error))
    except ValueError as error:  # a body that is not JSON
        return CallResult(attempt(http_status=200, error_class="server"), message=str(error))
    return CallResult(attempt(**_read_completion(completion)))


def _read_completion(completion: Any) -> dict[str, Any]:
    """Return the attempt's fields of a completion; the client does not check its shape, so every value is."""
    choices = getattr(completion, "choices", None)
    choice: Any = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    usage = getattr(completion, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    refusal = getattr(message, "refusal", None)
    reply = getattr(message, "content", None) or refusal or ""
    finish_reason = getattr(choice, "finish_reason", None)
    error_class = None
    if message is None or not isinstance(reply, str):
        error_class = "server"
    elif refusal or finish_reason == "content_filter":
        error_class = "refusal"
    elif finish_reason == "length":
        error_class = "truncated"
    return {
        "reply": reply if isinstance(reply, str) else str(reply),
        "http_status": 200,
        "error_class": error_class,
        "finish_reason": _only(str, finish_reason),
        "model": _only(str, getattr(completion, "model", None)),
        "system_fingerprint": _only(str, getattr(completion, "system_fingerprint", None)),
        "tokens_in": _only(int, getattr(usage, "prompt_tokens", None)),
        "tokens_cached": _only(int, getattr(details, "cached_tokens", None)),
        "tokens_out": _only(int, getattr(usage, "completion_tokens", None)),
    }


def _only(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


def _read_refusal(error: openai.APIStatusError, attempt: Any, key: str, *, is_structured: bool) -> CallResult:
    status, text = error.status_code, scrub(error.message, key)
    code = str(error.code or "")
    if status == 402 or (status == 429 and ("quota" in code or "billing" in code)):
        error_class = "quota"
    elif status in (401, 403):
        error_class = "auth"
    elif status == 429:
        error_class = "rate_limit"
    elif status in (408, 409) or status >= 500:
        error_class = "server"
    elif "content_filter" in code or "content_policy" in code:
        error_class = "refusal"
    elif status == 413 or "context_length" in code:
        error_class = "too_long"
    else:
        error_class = "invalid_request"
    refused_schema = is_structured and error_class == "invalid_request" and mentions_schema(text)
    made = attempt(http_status=status, error_class=error_class, reply=text)
    return CallResult(made, read_retry_after(error.response.headers), refused_schema, text)


def mentions_schema(text: str) -> bool:
    """Say whether a refusal is about the response format rather than about us."""
    return bool(re.search(r"response_format|json_schema|structured|schema", text, re.IGNORECASE))


def read_retry_after(headers: Any) -> float | None:
    """Return the seconds an endpoint asks us to wait, from `retry-after-ms` or `retry-after` (seconds or a date)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers[name]) * unit
        except KeyError:
            continue
        except ValueError:
            wait = _seconds_until(headers[name])
        if 0 <= wait < 86_400:
            return wait
    return None


def _seconds_until(date: str) -> float:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return math.nan


def scrub(text: str, key: str) -> str:
    """Remove our key, and anything that looks like one: endpoints echo wrong keys in their messages."""
    text = text.replace(key, "[key]") if len(key) >= 8 else text
    return re.sub(r"\b(sk|key|hf)[-_][\w*-]{6,}", "[key]", text)
