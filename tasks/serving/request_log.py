"""One structured log line for each request, without a word of what was said."""

from __future__ import annotations

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("empathy.serving")
FACTS = "empathy.facts"
"""Where in a request's scope its facts are kept for the line."""
QUIET_PATHS = ("/health",)


class RequestLog:
    """Wraps an application; a probe's line is for debugging only."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and log how that went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        facts: dict[str, Any] = {}
        scope[FACTS] = facts
        started = time.monotonic()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts["status"] = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
            line = {
                "event": "request",
                "method": scope["method"],
                "path": ascii(scope["path"][:128]),
                **facts,
                "total_ms": round((time.monotonic() - started) * 1000),
            }
            logger.log(level, " ".join(f"{key}={value}" for key, value in line.items()), extra={"facts": line})


def note_facts(scope: MutableMapping[str, Any], **facts: object) -> None:
    """Add facts to the request's line."""
    scope.get(FACTS, {}).update(facts)
