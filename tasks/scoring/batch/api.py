"""The endpoint's files and batches: each step patient with what passes, and plain about what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from tasks.errors import EndpointError, StoppedShortError
from tasks.scoring.batch.requests import ENDPOINT
from tasks.scoring.engine import waits
from tasks.scoring.engine.fatal import ADVICE
from tasks.scoring.engine.headers import read_wait
from tasks.scoring.engine.outcomes import classify_refusal, read_message, scrub
from tasks.scoring.reasons import TRANSIENT

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

Result = TypeVar("Result")

TRANSFER_TIMEOUT_S = 600.0
"""For 200 MB either way."""
PATIENT_TRIES = 60
"""For what is paid already: with 30 s between tries, half an hour without an answer."""
CLOCK_SLACK_S = 86_400
"""Batches are listed newest first; those that are this much older than a file were not made of it."""


class BatchApi:
    """Talks to one endpoint. Every step raises EndpointError where it is refused, StoppedShortError where nobody
    answers, and whatever `may_call` raises where this process may not go on.
    """

    def __init__(self, client: openai.AsyncOpenAI, where: str, may_call: Callable[[], None]) -> None:
        self.client, self.where, self.may_call = client, where, may_call

    async def upload(self, path: Path) -> str:
        """Upload a batch file and return its id."""

        async def send() -> str:
            with path.open("rb") as file:
                uploaded = await self.client.files.create(
                    file=(path.name, file), purpose="batch", timeout=TRANSFER_TIMEOUT_S
                )
            return uploaded.id

        return await self._try(send, waits.MAX_TRANSIENT_TRIES)

    async def create(self, file_id: str, since: float, metadata: dict[str, str]) -> Batch:
        """Create the batch of a file. One that a failed try may have made is looked for first: it is paid for once."""
        n_tries = 0

        async def send() -> Batch:
            nonlocal n_tries
            n_tries += 1
            found = await self._look_for(file_id, since) if n_tries > 1 else None
            return found or await self.client.batches.create(
                input_file_id=file_id,
                endpoint=cast(Literal["/v1/chat/completions"], ENDPOINT),
                completion_window="24h",
                metadata=metadata,
            )

        return await self._try(send, waits.MAX_TRANSIENT_TRIES)

    async def find(self, file_id: str, since: float) -> Batch | None:
        """Return the batch of a file that was uploaded at `since` (Unix time) or later, if there is one."""
        return await self._try(lambda: self._look_for(file_id, since), PATIENT_TRIES)

    async def look(self, batch_id: str) -> Batch:
        """Return how a batch stands."""
        return await self._try(lambda: self.client.batches.retrieve(batch_id), PATIENT_TRIES)

    async def download(self, file_id: str, target: Path) -> None:
        """Bring a file's content to `target`."""

        async def send() -> None:
            partial = target.with_suffix(".partial")
            streaming = self.client.files.with_streaming_response
            async with streaming.content(file_id, timeout=TRANSFER_TIMEOUT_S) as response:
                with partial.open("wb") as file:
                    async for data in response.iter_bytes():
                        file.write(data)
            partial.replace(target)

        await self._try(send, PATIENT_TRIES)

    async def _look_for(self, file_id: str, since: float) -> Batch | None:
        async for batch in self.client.batches.list(limit=100):
            if batch.input_file_id == file_id:
                return batch
            if (batch.created_at or since) < since - CLOCK_SLACK_S:
                return None
        return None

    async def _try(self, send: Callable[[], Awaitable[Result]], most_tries: int) -> Result:
        import httpx2
        import openai

        n_tries = 0
        while True:
            self.may_call()
            wait_s = None
            try:
                return await send()
            except openai.APIStatusError as error:
                wait_s, says = self._read_refusal(error), str(error)
            except (openai.APIError, httpx2.HTTPError, ConnectionError, TimeoutError) as error:
                says = f"{type(error).__name__} {error}"
            n_tries += 1
            if n_tries >= most_tries:
                raise StoppedShortError(
                    f"The endpoint's batch API does not answer: {scrub(says, self.client.api_key)[:300]}",
                    where=self.where,
                    do="run the same again: batches that were submitted go on meanwhile, and are not paid for twice",
                )
            await asyncio.sleep(waits.choose_wait(n_tries, wait_s, waits.FIRST_BACKOFF_S))

    def _read_refusal(self, error: openai.APIStatusError) -> float | None:
        """Return how long to wait before the next try. Raises EndpointError where none would help."""
        payload: Any = {"error": error.body}
        error_class, _ = classify_refusal(error.status_code, payload)
        if error_class in TRANSIENT:
            return read_wait(error.response.headers)
        message = scrub(read_message(payload, error.response.text), self.client.api_key)
        missing = "check the address (--base-url); one without a batch API: --batch-file writes for `vllm run-batch`"
        raise EndpointError(
            f"The endpoint's batch API refuses us ({error_class}, HTTP {error.status_code}): {message[:300]}",
            where=self.where,
            do=ADVICE.get(error_class, missing),
        ) from None
