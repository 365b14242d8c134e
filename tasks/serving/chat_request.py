"""A request for a chat completion: what is understood, what is harmless, and what is refused by its name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tasks.serving.api_error import ApiError, shorten

HARMLESS = {
    "metadata", "parallel_tool_calls", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user",
}  # fmt: skip
"""Parameters that change no response."""
NEUTRAL: dict[str, Any] = {
    "n": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "tool_choice": "none",
    "tools": [],
}
"""Parameters that are known to clients and not offered here, with the value that asks for nothing."""


def drop_nulls(value: Any) -> Any:
    """Return an object without its nulls: clients send them for what they do not set."""
    return {key: kept for key, kept in value.items() if kept is not None} if isinstance(value, dict) else value


def join_parts(content: Any) -> Any:
    """Return content that is given as a list of text parts as one text."""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise ValueError("only parts of type 'text' are understood")
    texts = [part.get("text") for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("every part needs a string 'text'")
    return "".join(texts)


def as_list(stop: Any) -> Any:
    """Return a single stop text as a list of one."""
    return [stop] if isinstance(stop, str) else stop


class Strict(BaseModel):
    """A part of a request: nothing unknown, and no type bent into another."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ChatMessage(Strict):
    """One message; other fields that a client echoes from a response may stand in it as null or empty."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(join_parts)]
    name: str | None = None


class StreamOptions(Strict):
    """What a stream carries besides the text."""

    include_usage: bool = False
    include_obfuscation: bool = False  # padding against eavesdroppers, which loopback and TLS do not need


class ChatRequest(Strict):
    """What `/v1/chat/completions` understands."""

    model: str
    messages: Annotated[list[Annotated[ChatMessage, BeforeValidator(drop_nulls)]], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.0
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=256)]], BeforeValidator(as_list), Field(max_length=4)
    ] = []
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool = False
    stream_options: Annotated[StreamOptions, BeforeValidator(drop_nulls)] | None = None


def parse_chat_request(body: bytes) -> ChatRequest:
    """Return the checked request. Raises ApiError (400) that names the first field that is wrong."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(sent, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    given = drop_nulls({name: value for name, value in sent.items() if name not in HARMLESS})
    for name, neutral in NEUTRAL.items():
        if name in given and not is_same(given.pop(name), neutral):
            said = f"{name!r} is not supported here: leave it out, or send {orjson.dumps(neutral).decode()}."
            raise ApiError(400, said, code="unsupported_parameter", param=name)
    try:
        request = ChatRequest.model_validate(given)
    except ValidationError as error:
        raise describe(error) from None
    check_fields(request)
    return request


def is_same(given: Any, neutral: Any) -> bool:
    """Say whether two JSON values are equal; true is not 1."""
    return isinstance(given, bool) == isinstance(neutral, bool) and bool(given == neutral)


def describe(error: ValidationError) -> ApiError:
    """Return the first thing that is wrong, by its path in the request and without its value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(shorten(str(part)) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"Unknown parameter: {path!r}.", code="unknown_parameter", param=path)
    if first["type"] == "missing":
        return ApiError(400, f"Missing required parameter: {path!r}.", code="missing_required_parameter", param=path)
    reason = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return ApiError(400, f"Invalid value for {path!r}: {reason}.", code="invalid_value", param=path)


def check_fields(request: ChatRequest) -> None:
    """Raise ApiError (400) for fields that are right one by one and wrong together."""
    if request.stream_options and not request.stream:
        raise ApiError(400, "'stream_options' needs 'stream': true.", code="invalid_value", param="stream_options")
    both = {request.max_tokens, request.max_completion_tokens} - {None}
    if len(both) > 1:
        said = "'max_tokens' and 'max_completion_tokens' mean the same and differ: send one of them."
        raise ApiError(400, said, code="invalid_value", param="max_tokens")
    roles = [message.role for message in request.messages]
    if roles[-1] != "user":
        at = f"messages.{len(roles) - 1}.role"
        raise ApiError(400, f"Invalid value for {at!r}: the last message is the user's.", "invalid_value", at)
    n_system = next(at for at, role in enumerate(roles) if role != "system")
    if "system" in roles[n_system:]:
        at = f"messages.{roles.index('system', n_system)}.role"
        said = f"Invalid value for {at!r}: system messages stand before all others."
        raise ApiError(400, said, code="invalid_value", param=at)
