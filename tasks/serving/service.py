"""From a checked request to the events of its response: the place, the prompt, the limits, the job."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tasks.experts import TurnEncoder
from tasks.serving.api_error import ApiError, shorten
from tasks.serving.chat_request import ChatRequest
from tasks.serving.engine import Engine
from tasks.serving.job import Event, Job, Options
from tasks.serving.limits import Limits
from tasks.serving.prompts import encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel

UNBOUNDED = 1 << 30


class Exchange:
    """One request that was taken on: its job, and the events that come back from the engine's thread."""

    def __init__(self, job: Job, events: asyncio.Queue[Event], deadline: float, limits: Limits) -> None:
        self.job, self._events, self._deadline, self._limits = job, events, deadline, limits

    async def next_event(self) -> Event:
        """Return the next event; an ApiError (504) once the request's time is over."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._events.get()
        except TimeoutError:
            self.leave()
            said = f"The response took longer than {self._limits.request_timeout_s:g} s."
            return ApiError(504, said, code="timeout")

    def leave(self) -> None:
        """Say that nobody waits for more: the job leaves the engine at its next step."""
        self.job.is_cancelled = True


class Service:
    """A loaded model under the name it is served by, with its engine."""

    def __init__(
        self, name: str, model: PreTrainedModel, encoder: TurnEncoder, limits: Limits, fingerprint: str | None = None
    ) -> None:
        self.name, self.limits, self.fingerprint = name, limits, fingerprint
        self.created = int(time.time())
        self.engine = Engine(model, limits)
        self._encoder = encoder
        self._encoding = ThreadPoolExecutor(1, "encoding")  # one: a tokenizer is not for several threads at once
        self._room = getattr(model.config.get_text_config(), "max_position_embeddings", None) or UNBOUNDED

    def start(self) -> None:
        """Start generating."""
        self.engine.start()

    def close(self) -> None:
        """End both threads."""
        self.engine.close()
        self._encoding.shutdown(cancel_futures=True)

    def check_model(self, name: str) -> None:
        """Raise ApiError (404) for a model that is not the one served."""
        if name != self.name:
            said = f"The model {shorten(name)!r} is not served here; {self.name!r} is."
            raise ApiError(404, said, code="model_not_found", param="model")

    async def open_exchange(self, request: ChatRequest) -> Exchange:
        """Take a request on. Raises ApiError: 404, 429 or 503, and 400 for what goes beyond the limits."""
        self.check_model(request.model)
        wanted = self._check_tokens(request)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.limits.request_timeout_s
        self.engine.take_place()
        try:
            async with asyncio.timeout_at(deadline):
                ids = await loop.run_in_executor(self._encoding, encode_prompt, self._encoder, request.messages)
            options = self._make_options(request, self._fit(len(ids), wanted))
        except TimeoutError:
            self.engine.give_place_back()
            raise ApiError(504, "The prompt was not read in time.", code="timeout") from None
        except BaseException:
            self.engine.give_place_back()
            raise
        events: asyncio.Queue[Event] = asyncio.Queue()

        def deliver(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                loop.call_soon_threadsafe(events.put_nowait, event)

        job = Job(ids, options, self._decode, deliver)
        self.engine.submit(job)
        return Exchange(job, events, deadline, self.limits)

    def _decode(self, ids: list[int]) -> str:
        return str(self._encoder.tokenizer.decode(ids, skip_special_tokens=True))

    def _check_tokens(self, request: ChatRequest) -> int | None:
        """Return how many tokens are asked for, None where the request does not say."""
        wanted = request.max_tokens or request.max_completion_tokens
        if wanted and wanted > self.limits.max_tokens:
            param = "max_tokens" if request.max_tokens else "max_completion_tokens"
            said = f"Invalid value for {param!r}: {wanted} is over this server's limit of {self.limits.max_tokens}."
            raise ApiError(400, said, code="invalid_value", param=param)
        return wanted

    def _fit(self, n_prompt: int, wanted: int | None) -> int:
        """Return how long the response may become; raises ApiError (400) where prompt and response have no room."""
        reserved = wanted or 1
        limit = min(self.limits.max_prompt_tokens, self._room - reserved)
        if n_prompt > limit:
            said = f"The messages are {n_prompt} tokens long; at most {limit} go with a response of {reserved}."
            raise ApiError(400, said, code="context_length_exceeded", param="messages")
        return wanted or min(self.limits.default_tokens, self.limits.max_tokens, self._room - n_prompt)

    @staticmethod
    def _make_options(request: ChatRequest, max_tokens: int) -> Options:
        return Options(
            max_tokens=max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            stop=tuple(request.stop),
            is_streamed=request.stream,
        )
