"""What the loopback endpoint answers: completions in the form that was asked for, and OpenAI's refusals."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection
from typing import Any

from aiohttp import web

MODEL_SAYS = "is not supported with this model."
CACHED = 64
SHARES = {0: 0.6, -1: 0.2, 1: 0.2}
"""How likely the neighbours of a score are, where log-probabilities are told."""


def choose_scores(turn: str) -> tuple[int, int]:
    """The scores (sensibility, rationality) of a turn."""
    digest = hashlib.sha256(turn.encode()).digest()
    return digest[0] % 11, digest[1] % 11


def expect(score: int) -> tuple[float, float]:
    """Mean and standard deviation of a score whose neighbours on the scale are as likely as we tell."""
    likely = spread_score(score)
    mean = sum(value * share for value, share in likely.items())
    return mean, math.sqrt(sum(share * (value - mean) ** 2 for value, share in likely.items()))


def spread_score(score: int) -> dict[int, float]:
    likely = {score + step: share for step, share in SHARES.items() if 0 <= score + step <= 10}
    return {value: share / sum(likely.values()) for value, share in likely.items()}


def count_tokens(body: dict[str, Any]) -> int:
    """About what a tokenizer makes of the messages: a token for each four bytes, some for the frame of each."""
    n_bytes = sum(len(message["content"].encode("utf-8", "replace")) for message in body["messages"])
    return n_bytes // 4 + 4 * len(body["messages"]) + (70 if "response_format" in body else 0)


def find_unknown(body: dict[str, Any], lacks: Collection[str], status: int = 400) -> tuple[str, web.Response] | None:
    """Return (what it is, our refusal) for the first parameter that an endpoint which lacks something refuses."""
    kind = body.get("response_format", {}).get("type", "")
    for name, form in (("schema", "json_schema"), ("json", "json_object")):
        if name in lacks and kind == form:
            message = f"Invalid parameter: 'response_format' of type '{form}' {MODEL_SAYS}"
            return name, refuse(status, "invalid_request_error", message, param="response_format")
    for name, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if name in lacks and name in body:
            message = f"Unsupported parameter: '{name}' {MODEL_SAYS} Use '{other}' instead."
            return name, refuse(status, "unsupported_parameter", message, param=name)
    if "temperature" in lacks and body.get("temperature", 1) != 1:
        message = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. "
        message += "Only the default (1) value is supported."
        return "temperature", refuse(status, "unsupported_value", message, param="temperature")
    if "logprobs" in lacks and body.get("logprobs"):  # a 403, of all statuses
        return "logprobs", refuse(
            403, "invalid_request_error", "You are not allowed to request logprobs from this model"
        )
    if "n" in lacks and body.get("n", 1) != 1:
        message = f"Unsupported value: 'n' does not support {body['n']} with this model."
        return "n", refuse(status, "unsupported_value", message, param="n")
    return None


def refuse(
    status: int, code: str, message: str, headers: dict[str, str] | None = None, param: str | None = None
) -> web.Response:
    """An error in OpenAI's form."""
    error = {"error": {"message": message, "type": code, "code": code, "param": param}}
    return web.json_response(error, status=status, headers=headers)


def complete(server: Any, call: Any) -> dict[str, Any]:
    """The completion for a call: as many choices as were asked for, the first of them with the call's fault."""
    n_choices = 1 if "n" in server.ignores else call.body.get("n", 1)
    completion: dict[str, Any] = {
        "id": "x", "object": "chat.completion", "created": 1, "model": server.model,
        "system_fingerprint": server.fingerprint,
        "choices": [_choose(server, call, index) for index in range(n_choices)],
    }  # fmt: skip
    if server.has_usage:
        n_in, n_out = count_tokens(call.body), server.tokens_out * n_choices
        completion["usage"] = {
            "prompt_tokens": n_in, "completion_tokens": n_out, "total_tokens": n_in + n_out,
            "prompt_tokens_details": {"cached_tokens": CACHED},
        }  # fmt: skip
    return completion


def _choose(server: Any, call: Any, index: int) -> dict[str, Any]:
    fault = call.fault if index == 0 else ""
    sensibility, rationality = choose_scores(call.turn)
    if fault == "":
        sensibility = min(10, sensibility + server.n_samples[call.turn] % server.spread)
        server.n_samples[call.turn] += 1
    reply = server.answer(call.turn) if server.answer else _write(call, sensibility, rationality)
    if fault == "malformed":
        reply = "Rather warm, I would say."
    if fault == "truncated":
        reply = reply[:20]
    message: dict[str, Any] = {"role": "assistant", "content": reply}
    if fault == "refusal":
        message |= {"content": None, "refusal": "I cannot rate this."}
    choice = {"index": index, "message": message, "finish_reason": "length" if fault == "truncated" else "stop"}
    if call.body.get("logprobs") and "logprobs" not in server.ignores:
        choice["logprobs"] = {"content": [_weigh(token) for token in re.findall(r"10|\d|\D+", reply)]}
    return choice


def _write(call: Any, sensibility: int, rationality: int) -> str:
    """The scores as they were asked for: a filled-in form, or an object with the keys of the schema or the prompt."""
    scores: dict[str, Any] = {"rationality": rationality, "sensibility": sensibility}
    if call.form == "plain" and "Evaluation Form" in call.prompt:
        return f"Evaluation Form (scores ONLY):\n- Rationality: {rationality}\n- Sensibility: {sensibility}"
    if call.form == "schema":
        names = call.body["response_format"]["json_schema"]["schema"]["required"]
    else:
        names = [
            name for name in ("rationality_evidence", *scores, "sensibility_evidence") if f'"{name}"' in call.prompt
        ]
    return json.dumps({name: scores.get(name, "They say so.") for name in names})


def _weigh(token: str) -> dict[str, Any]:
    likely = spread_score(int(token)) if token.isdigit() else {token: 1.0}
    listed = [{"token": str(each), "logprob": math.log(share), "bytes": None} for each, share in likely.items()]
    own = next(entry["logprob"] for entry in listed if entry["token"] == token)
    return {"token": token, "logprob": own, "bytes": None, "top_logprobs": listed}
