"""An endpoint that enforces a rate as a token bucket, in a process of its own; prints its port.

`python limited.py REQUESTS_PER_MINUTE has_headers|no_headers`. GET /limit/N changes the limit while it runs, GET /log
gives [seconds since its start, whether taken] of every request.
"""

import asyncio
import sys
import time

from aiohttp import web
from loopback import REPLY  # beside this file

DELAY_S, BURST_S = 0.05, 1.0


class Limited:
    """The bucket and the log."""

    def __init__(self, per_minute: float, *, has_headers: bool) -> None:
        self.per_s, self.has_headers = per_minute / 60, has_headers
        self.tokens, self.filled_at = self.per_s * BURST_S, time.monotonic()
        self.started, self.log = time.monotonic(), []

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.per_s * BURST_S, self.tokens + (now - self.filled_at) * self.per_s)
        self.filled_at = now
        is_taken = self.tokens >= 1
        self.tokens -= is_taken
        self.log.append([now - self.started, is_taken])
        return is_taken

    def headers(self) -> dict[str, str]:
        if not self.has_headers:
            return {}
        missing = self.per_s * BURST_S - self.tokens
        return {
            "x-ratelimit-limit-requests": f"{self.per_s * 60:.0f}",
            "x-ratelimit-remaining-requests": f"{int(self.tokens)}",
            "x-ratelimit-reset-requests": f"{1000 * missing / self.per_s:.0f}ms",
        }

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        is_taken = self.take()
        headers = self.headers()
        if not is_taken:
            wait = {"Retry-After": "1"} if self.has_headers else {}
            error = {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}
            return web.json_response({"error": error}, status=429, headers={**headers, **wait})
        await asyncio.sleep(DELAY_S)
        return web.json_response(REPLY, headers=headers)

    async def change(self, request: web.Request) -> web.Response:
        self.take()
        self.log.pop()
        self.per_s = float(request.match_info["per_minute"]) / 60
        return web.json_response(time.monotonic() - self.started)

    async def show(self, _: web.Request) -> web.Response:
        return web.json_response(self.log)


async def main() -> None:
    limited = Limited(float(sys.argv[1]), has_headers=sys.argv[2] == "has_headers")
    app = web.Application()
    app.router.add_post("/v1/chat/completions", limited.answer)
    app.router.add_get("/limit/{per_minute}", limited.change)
    app.router.add_get("/log", limited.show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(600)  # it ends by itself if nobody ends it


if __name__ == "__main__":
    asyncio.run(main())
