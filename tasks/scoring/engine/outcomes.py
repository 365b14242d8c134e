"""What came of a call: a completion's fields, or the class of its refusal. Nothing of an endpoint's JSON is trusted."""

from __future__ import annotations

import re
from typing import Any

from tasks.scoring.expected import compact_logprobs

TOO_LONG = re.compile(r"context.?(length|size|window)|exceed_context|prompt is too long", re.IGNORECASE)
"""As OpenAI (a code), vLLM (in words) and llama.cpp (a type) say that a turn does not fit."""


def read_completion(payload: Any) -> dict[str, Any]:
    """Return the attempt's fields of a chat completion; what is not of the right type is left out."""
    payload = _dict(payload)
    choices = [_dict(choice) for choice in _list(payload.get("choices"))]
    first = choices[0] if choices else {}
    message, usage = _dict(first.get("message")), _dict(payload.get("usage"))
    refusal, content = message.get("refusal"), message.get("content")
    reply = content or refusal or ""
    finish_reason = first.get("finish_reason")
    error_class = None
    if not choices or not isinstance(reply, str):
        error_class = "server"
    elif refusal or finish_reason == "content_filter":
        error_class = "refusal"
    elif finish_reason == "length":
        error_class = "truncated"
    texts = [_read_text(choice) for choice in choices]
    return {
        "reply": reply if isinstance(reply, str) else str(reply),
        "http_status": 200,
        "error_class": error_class,
        "finish_reason": _only(str, finish_reason),
        "model": _only(str, payload.get("model")),
        "system_fingerprint": _only(str, payload.get("system_fingerprint")),
        "tokens_in": _count(usage.get("prompt_tokens")),
        "tokens_cached": _count(_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
        "tokens_out": _count(usage.get("completion_tokens")),
        "choices": texts if len(texts) > 1 else None,
        "logprobs": read_logprobs(first),
    }


def _read_text(choice: dict[str, Any]) -> str:
    """Return one of several replies; nothing of one that was cut off: the 1 at its end may have been a 10."""
    is_whole = choice.get("finish_reason") != "length"
    return _only(str, _dict(choice.get("message")).get("content")) or "" if is_whole else ""


def read_logprobs(choice: dict[str, Any]) -> list[Any] | None:
    """Return a choice's log-probabilities in the journal's compact form, or None where there are none of use."""
    content = _list(_dict(choice.get("logprobs")).get("content"))
    try:
        return compact_logprobs(content) if content else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def classify_refusal(status: int, payload: Any) -> tuple[str, str]:
    """Return (error class, code) of an HTTP error with its JSON body."""
    error = _dict(_dict(payload).get("error"))
    code = f"{error.get('code') or ''} {error.get('type') or ''}".lower()
    if (status == 403 and "invalid_request" in code) or (status >= 500 and "response_format" in str(error)):
        return "invalid_request", code  # OpenAI of log-probabilities, and servers that break on what they do not know
    if status == 402 or (status == 429 and ("quota" in code or "billing" in code)):
        return "quota", code
    if status in (401, 403):
        return "auth", code
    if status == 429:
        return "rate_limit", code
    if status in (408, 409, 425) or status >= 500:
        return "server", code
    if "content_filter" in code or "content_policy" in code:
        return "refusal", code
    if status == 413 or TOO_LONG.search(str(error or payload)):
        return "too_long", code
    return "invalid_request", code


def read_message(payload: Any, text: str) -> str:
    """Return what an error's body says to people, and which parameter it is about."""
    error = _dict(payload).get("error")
    said = _dict(error).get("message") or error or _dict(payload).get("message") or text
    param = _dict(error).get("param")
    return f"{said} (parameter: {param})" if isinstance(param, str) and param else str(said)


def scrub(text: str, key: str) -> str:
    """Remove our key, and anything that looks like one: endpoints echo wrong keys in their messages."""
    text = text.replace(key, "[key]") if len(key) >= 8 else text
    return re.sub(r"\b(sk|key|hf)[-_][\w*-]{6,}", "[key]", text)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _only(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
