"""What goes back to the client, in the shapes of OpenAI's API."""

from __future__ import annotations

import time
import uuid
from typing import Any

import orjson

from tasks.serving.job import Finish

DONE = b"data: [DONE]\n\n"


class Reply:
    """The reply to one request: its id and time stand in every part of it."""

    def __init__(self, model: str, fingerprint: str | None, n_prompt: int) -> None:
        self.n_prompt = n_prompt
        self.head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
        }

    def complete(self, text: str, finish: Finish) -> dict[str, Any]:
        """Return the whole response as one object."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish.reason}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.count(finish)}

    def count(self, finish: Finish) -> dict[str, int]:
        """Return the usage."""
        total = self.n_prompt + finish.n_tokens
        return {"prompt_tokens": self.n_prompt, "completion_tokens": finish.n_tokens, "total_tokens": total}

    def chunk(self, delta: dict[str, str], reason: str | None = None, **usage: Any) -> bytes:
        """Return a part of a streamed response as a server-sent event."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return to_event({**self.head, "object": "chat.completion.chunk", "choices": [choice], **usage})

    def usage_chunk(self, finish: Finish) -> bytes:
        """Return the part that carries the usage and no text."""
        head = {**self.head, "object": "chat.completion.chunk"}
        return to_event({**head, "choices": [], "usage": self.count(finish)})


def to_event(body: dict[str, Any]) -> bytes:
    """Return an object as a server-sent event."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


def describe_model(name: str, created: int) -> dict[str, Any]:
    """Return a model as `/v1/models` lists it."""
    return {"id": name, "object": "model", "created": created, "owned_by": "efficient-empathy"}
