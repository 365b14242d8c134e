"""Events of a response as HTTP: one JSON object or a stream, and what happens when the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tasks.serving.api_error import ApiError
from tasks.serving.job import Event, Finish, Piece
from tasks.serving.replies import DONE, Reply, to_event
from tasks.serving.request_log import note_facts
from tasks.serving.service import Exchange

T = TypeVar("T")
CLIENT_GONE = 499
"""Status in the log for a client that went away; nobody receives it."""


class ClientGoneError(Exception):
    """The client closed the connection before it had its response."""


async def race_client(request: Request, work: Awaitable[T]) -> T:
    """Return what `work` gives. Raises ClientGoneError as soon as the client is gone."""
    working, gone = asyncio.ensure_future(work), asyncio.create_task(wait_until_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


async def wait_until_gone(request: Request) -> None:
    """Return when the client has closed the connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def collect(exchange: Exchange) -> tuple[str, Finish]:
    """Return the whole text of a response and how it ended. Raises ApiError if it failed."""
    pieces: list[str] = []
    while isinstance(event := await exchange.next_event(), Piece):
        pieces.append(event.text)
    if isinstance(event, ApiError):
        raise event
    return "".join([*pieces, event.text]), event


class EventStream(StreamingResponse):
    """A streamed response; however it ends, its job does not outlive it."""

    def __init__(self, request: Request, exchange: Exchange, reply: Reply, first: Event, has_usage: bool) -> None:
        self.request, self.exchange, self.reply, self.has_usage = request, exchange, reply, has_usage
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # a proxy must not collect it
        super().__init__(self._write(first), headers=headers, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        note_facts(scope, finish="client_gone")  # unless it comes to another end
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.exchange.leave()

    async def _write(self, event: Event) -> AsyncIterator[bytes]:
        usage = {"usage": None} if self.has_usage else {}
        yield self.reply.chunk({"role": "assistant", "content": ""}, **usage)
        while isinstance(event, Piece):
            yield self.reply.chunk({"content": event.text}, **usage)
            event = await self.exchange.next_event()
        if isinstance(event, ApiError):
            note_facts(self.request.scope, finish=event.code)
            yield to_event(event.to_body())
            return
        if event.text:
            yield self.reply.chunk({"content": event.text}, **usage)
        yield self.reply.chunk({}, event.reason, **usage)
        if self.has_usage:
            yield self.reply.usage_chunk(event)
        note_facts(self.request.scope, finish=event.reason, completion_tokens=event.n_tokens)
        yield DONE


async def answer(request: Request, exchange: Exchange, reply: Reply, *, is_streamed: bool, has_usage: bool) -> Response:
    """Return the response to a request that was taken on. Raises ApiError if there is none to begin with."""
    try:
        if is_streamed:
            first = await race_client(request, exchange.next_event())
            if isinstance(first, ApiError):
                raise first
            return EventStream(request, exchange, reply, first, has_usage)
        text, finish = await race_client(request, collect(exchange))
        note_facts(request.scope, finish=finish.reason, completion_tokens=finish.n_tokens)
        return JSONResponse(reply.complete(text, finish))
    except ClientGoneError:
        exchange.leave()
        note_facts(request.scope, finish="client_gone")
        return Response(status_code=CLIENT_GONE)
    except BaseException:
        exchange.leave()
        raise
