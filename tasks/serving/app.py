"""The HTTP application: three paths, and every error in OpenAI's form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tasks.serving.access import check_key
from tasks.serving.answering import answer
from tasks.serving.api_error import ApiError
from tasks.serving.chat_request import parse_chat_request
from tasks.serving.replies import Reply, describe_model
from tasks.serving.request_log import RequestLog, note_facts
from tasks.serving.service import Service


def make_app(service: Service, key: SecretStr | None = None) -> ASGIApp:
    """Return the application; it starts and ends the service with itself."""

    @asynccontextmanager
    async def run_service(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.close)

    async def guard(request: Request) -> None:
        check_key(key, request.headers.get("authorization"))

    app = FastAPI(openapi_url=None, lifespan=run_service)  # no pages of its own: they load scripts from elsewhere
    app.add_exception_handler(ApiError, show_error)
    app.add_exception_handler(HTTPException, show_http_error)
    app.add_exception_handler(ClientDisconnect, show_gone)
    app.add_exception_handler(Exception, show_fault)
    guarded = APIRouter(prefix="/v1", dependencies=[Depends(guard)])
    add_paths(guarded, service)
    app.include_router(guarded)

    @app.get("/health")
    async def health() -> JSONResponse:
        is_up = service.engine.is_alive
        body = {"status": "ok" if is_up else "stopping", "model": service.name, **service.engine.count()}
        return JSONResponse(body, 200 if is_up else 503)

    return RequestLog(app)


def add_paths(router: APIRouter, service: Service) -> None:
    """Add the paths of OpenAI's API."""

    @router.get("/models")
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [describe_model(service.name, service.created)]}

    @router.get("/models/{name:path}")
    async def retrieve_model(name: str) -> dict[str, Any]:
        service.check_model(name)
        return describe_model(service.name, service.created)

    @router.post("/chat/completions")
    async def complete_chat(request: Request) -> Response:
        chat = parse_chat_request(await read_body(request, service))
        exchange = await service.open_exchange(chat)
        reply = Reply(service.name, service.fingerprint, len(exchange.job.prompt))
        note_facts(request.scope, id=reply.head["id"], stream=chat.stream, prompt_tokens=reply.n_prompt)
        has_usage = chat.stream_options is not None and chat.stream_options.include_usage
        return await answer(request, exchange, reply, is_streamed=chat.stream, has_usage=has_usage)


async def read_body(request: Request, service: Service) -> bytes:
    """Return the request's body. Raises ApiError: 415 if it is not said to be JSON, 413 if too large, 408 if too slow.

    A page in a browser may post anywhere without asking, but not with this content type.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "Send the header Content-Type: application/json.", code="unsupported_media_type")
    limit, body = service.limits.max_body_bytes, bytearray()
    try:
        async with asyncio.timeout(service.limits.request_timeout_s):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise ApiError(413, f"The request is larger than {limit} bytes.", code="request_too_large")
    except TimeoutError:
        raise ApiError(408, "The request did not arrive in time.", code="timeout") from None
    return bytes(body)


async def show_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with a refusal of ours."""
    assert isinstance(error, ApiError)  # noqa: S101 - it is what the handler is registered for
    note_facts(request.scope, finish=error.code, param=error.param and ascii(error.param))
    return JSONResponse(error.to_body(), error.status, headers=error.headers)


async def show_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer where there is no such path or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - likewise
    said = f"{request.method} is not a way to ask for this path: {error.detail}."
    return JSONResponse(ApiError(error.status_code, said).to_body(), error.status_code, headers=error.headers)


async def show_gone(request: Request, _: Exception) -> Response:
    """End the request of a client that went away before it had sent it."""
    note_facts(request.scope, finish="client_gone")
    return Response(status_code=400)


async def show_fault(request: Request, error: Exception) -> JSONResponse:
    """Answer where we failed; what happened is for the server's log, not for the client."""
    note_facts(request.scope, finish="fault", error=type(error).__name__)
    return JSONResponse(ApiError(500, "The server failed.", code="internal_error").to_body(), 500)
