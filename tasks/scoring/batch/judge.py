"""The LLM judge by way of the batch API: a chunk becomes one batch or a few, and its turns' scores come in a day."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from tasks.config import ScoringConfig
from tasks.errors import StoppedShortError
from tasks.progress import report_progress
from tasks.scoring.batch.api import BatchApi
from tasks.scoring.batch.parts import Entry
from tasks.scoring.batch.requests import BatchLimits
from tasks.scoring.batch.rounds import Rounds, Tally
from tasks.scoring.batch.settling import Settler
from tasks.scoring.engine.asking import Question
from tasks.scoring.engine.calling import make_client
from tasks.scoring.engine.dialect import find_memory
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import SegmentWriter
from tasks.scoring.ledger.pricing import Price
from tasks.scoring.planning import PlannedTurn

OnDone = Callable[[int], None]


class BatchJudge:
    """Scores turns through an endpoint's batch API; its scores are those of the judge that is asked live."""

    def __init__(
        self, identity: JudgeIdentity, scoring: ScoringConfig, endpoint: tuple[str | None, str],
        price: Price | None, memory: Path, may_call: Callable[[], None] = lambda: None,
        limits: BatchLimits = BatchLimits(),  # noqa: B008 - frozen
    ) -> None:  # fmt: skip
        """Connect to `endpoint` (address, key); `may_call` raises where this process may not pay any more."""
        self.limits, self.tally = limits, Tally()
        self.settler = Settler(identity, price, scoring.max_cost_usd, find_memory(memory, identity))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="batches", daemon=True)
        self._thread.start()
        self._client = make_client(*endpoint, scoring.timeout_s, max_connections=8)
        where = f"{identity.endpoint_alias}, model {identity.model}"
        self._api = BatchApi(self._client, where, may_call)

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        """Submit the turns and wait until each has a score or a reason.

        The replies stand in segments named after their batch, not in the writer's: a run that goes on with a
        batch finds there what it has taken already. Raises EndpointError where the endpoint refuses a batch or a
        request, StoppedShortError where the budget is used or nobody answers, OSError where the journal cannot be
        written, LeaseHeldError where another run pays now; what was submitted is collected by the next run.
        """
        self._wait(self._score(turns, writer.folder, on_done))

    def resume(self, journal: Path) -> None:
        """Bring the batches that former runs left to their end. Raises what `score_chunk` does."""

        def on_done(n_turns: int) -> None:
            if not n_turns:  # after each look
                tally = self.tally
                report_progress("collect former batches", sum(tally.completed.values()), tally.n_requests)

        self._wait(self._score((), journal, on_done))

    def take_finished(self, journal: Path) -> None:
        """Take the results of batches that have ended. Raises StoppedShortError while others are under way."""
        self._wait(self._take_finished(journal))

    def describe(self) -> dict[str, object]:
        """Return what people watch: batches and requests that came back, cost."""
        tally = self.tally
        shown: dict[str, object] = {
            "batches": f"{tally.n_ended} of {tally.n_batches}",
            "requests": f"{sum(tally.completed.values()):,} of {tally.n_requests:,}",
        }
        return shown | ({"USD": f"{self.settler.meter.cost_usd:.4f}"} if self.settler.price else {})

    def close(self) -> None:
        """Wait for no batch any more, close the connections and end the loop's thread."""
        self._wait(self._end_calls())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _end_calls(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._client.close()

    def _open_rounds(self, journal: Path, on_done: OnDone) -> Rounds:
        return Rounds(self._api, self.settler, self.limits, journal, on_done, self.tally)

    async def _score(self, turns: Sequence[PlannedTurn], journal: Path, on_done: OnDone) -> None:
        rounds = self._open_rounds(journal, on_done)
        try:
            await rounds.adopt()
            cared_for = self.tally.answered | rounds.list_turns()
            new = [planned for planned in turns if planned.turn.turn_key not in cared_for]
            rounds.fresh.extend(Entry(Question(planned, n_samples=planned.n_samples)) for planned in new)
            await rounds.run()
        finally:
            rounds.disown()

    async def _take_finished(self, journal: Path) -> None:
        rounds = self._open_rounds(journal, lambda _: None)
        try:
            await rounds.adopt()
            await rounds.look()
        finally:
            rounds.disown()
        if rounds.open:
            n_turns = sum(len(entries) for _, entries in rounds.open.values())
            raise StoppedShortError(
                f"{len(rounds.open)} batches with {n_turns:,} turns of this judge are under way: a live call for one "
                "of them would be paid for twice.",
                where=str(journal / "batches"),
                do="let `--judge openai-batch` wait for them, or cancel them at the endpoint, then run this again",
            )
