"""One line of a batch's output or error file; nothing of it is trusted. OpenAI's form and that of `vllm run-batch`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from tasks.scoring.engine.outcomes import classify_refusal, read_completion, read_message, scrub

NEVER_RUN = {"batch_expired": "timeout", "request_timeout": "timeout", "batch_cancelled": "interrupted"}
"""Codes of requests that the endpoint did not come to, as the class of a call that had no answer."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of one request of a batch: its turn, the fields of its attempt, and what an error says to people."""

    turn_key: str
    values: dict[str, Any] = field(default_factory=dict)
    message: str = ""


def read_result(line: bytes, key: str = "") -> BatchResult | None:
    """Return what a line says, our key cut out of it; None where the line is no result."""
    try:
        row = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
        return None
    if not row.keys() & {"response", "error"}:
        return None
    response, error = row.get("response"), _unwrap(row.get("error"))
    if isinstance(response, dict) and "choices" in response:  # early versions of `vllm run-batch`
        response = {"status_code": 200, "body": response}
    if not isinstance(response, dict):
        return _read_unanswered(row["custom_id"], error, key)
    status, body = response.get("status_code"), response.get("body")
    if status == 200 and isinstance(body, dict):
        return BatchResult(row["custom_id"], read_completion(body))
    status = status if isinstance(status, int) and not isinstance(status, bool) else 500
    payload = body if isinstance(body, dict) else {"error": error}
    error_class, _ = classify_refusal(status, payload) if status != 200 else ("server", "")
    message = scrub(read_message(payload, str(body or error or ""))[:2000], key)
    return BatchResult(row["custom_id"], {"http_status": status, "error_class": error_class, "reply": message}, message)


def _read_unanswered(turn_key: str, error: Any, key: str) -> BatchResult:
    code = error.get("code") if isinstance(error, dict) else None
    message = scrub(read_message({"error": error}, "")[:2000], key)
    error_class = NEVER_RUN.get(code, "server") if isinstance(code, str) else "server"
    return BatchResult(turn_key, {"error_class": error_class, "reply": message}, message)


def _unwrap(error: Any) -> Any:
    """Return an error that stands inside an error."""
    inner = error.get("error") if isinstance(error, dict) else None
    return inner if isinstance(inner, dict) else error
