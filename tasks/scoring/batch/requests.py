"""Requests as the lines of a batch file: the form that OpenAI's batch API and `vllm run-batch` read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

ENDPOINT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large one batch may be, and how often it is looked at."""

    most_requests: int = 50_000
    most_bytes: int = 200_000_000
    first_poll_s: float = 5.0
    longest_poll_s: float = 60.0


def encode_request(turn_key: str, body: dict[str, Any]) -> bytes:
    """Return one line of a batch file.

    The turn's key alone is the id: a turn stands once in a batch, and some endpoints take no more than its 64 signs.
    """
    line = {"custom_id": turn_key, "method": "POST", "url": ENDPOINT, "body": body}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class RequestFile:
    """A batch file while it is written; knows when it is full."""

    def __init__(self, path: Path, most_requests: int, most_bytes: int) -> None:
        self.path, self.n_requests, self.n_bytes = path, 0, 0
        self._most_requests, self._most_bytes = most_requests, most_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")

    def has_room_for(self, line: bytes) -> bool:
        """Say whether the line still fits; the first one always does."""
        if not self.n_requests:
            return True
        return self.n_requests < self._most_requests and self.n_bytes + len(line) <= self._most_bytes

    def write(self, line: bytes) -> None:
        """Add a line."""
        self._file.write(line)
        self.n_requests += 1
        self.n_bytes += len(line)

    def __enter__(self) -> RequestFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
