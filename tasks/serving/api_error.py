"""A request that is not answered, as a client of OpenAI's API expects to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KIND_OF = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
SHOWN_CHARACTERS = 64


class ApiError(Exception):
    """An HTTP status with OpenAI's four fields: message, type, param and code."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers = dict(headers or {})

    def to_body(self) -> dict[str, Any]:
        """Return the error as JSON."""
        kind = KIND_OF.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def shorten(text: str) -> str:
    """Return what is shown of a name that a client sent."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
