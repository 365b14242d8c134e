"""The batches of one chunk: submitted as they fit, looked at until they end, what is left asked again."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import EndpointError, StoppedShortError
from tasks.scoring.batch.api import BatchApi
from tasks.scoring.batch.collecting import Collector
from tasks.scoring.batch.parts import Entry, Part, PartStore
from tasks.scoring.batch.requests import BatchLimits, RequestFile
from tasks.scoring.batch.settling import Settler
from tasks.scoring.engine.dialect import Dialect
from tasks.scoring.engine.fatal import describe_budget
from tasks.scoring.engine.outcomes import scrub
from tasks.scoring.ledger.journal import Attempt

if TYPE_CHECKING:
    from openai.types import Batch

ENDED = ("completed", "failed", "expired", "cancelled")
QUEUE_FULL = "token_limit_exceeded"
"""The endpoint holds only so many tokens in waiting: the batch did not begin, and fits later or in pieces."""
POLL_GROWTH = 1.5


@dataclass(slots=True)
class Tally:
    """The batches and requests of a run, all its chunks together: what people watch, and who cares for which part."""

    n_batches: int = 0
    n_ended: int = 0
    n_requests: int = 0
    completed: dict[str, int] = field(default_factory=dict)
    """Requests with a result, by part."""
    under_way: set[str] = field(default_factory=set)
    """Parts that are submitted, or about to be, and have not ended."""
    owned: set[str] = field(default_factory=set)
    """Parts that some chunk of this process brings to their end."""
    answered: set[str] = field(default_factory=set)
    """Turns that came to an end."""


class Rounds:
    """Brings the questions of one chunk to their end. The parts on disk say at any moment what is paid for."""

    def __init__(
        self, api: BatchApi, settler: Settler, limits: BatchLimits, journal: Path, on_done: Callable[[int], None],
        tally: Tally,
    ) -> None:  # fmt: skip
        self.api, self.settler, self.limits, self.journal = api, settler, limits, journal
        self.on_done, self.tally = on_done, tally
        self.store = PartStore(journal / "batches")
        self.fresh: deque[Entry] = deque()
        self.again: deque[Entry] = deque()
        self.open: dict[str, tuple[Part, dict[str, Entry]]] = {}
        self._sources: list[Part] = []
        """Parts whose questions stand in `again`: theirs is the record of that until another part has them."""
        self._owned: set[str] = set()
        self._most_requests = limits.most_requests
        self._n_others: dict[str, int] = {}
        """How many parts were under way when a part was submitted."""
        self._crowded_at = 0
        """With this many parts under way the endpoint's queue was full; 0: it was not."""
        self._poll_s = limits.first_poll_s

    async def adopt(self) -> None:
        """Take over the parts that a killed run left: batches to wait for, and questions to ask again.

        Fresh questions that were never submitted are dropped: the plan has them, if they are still wanted.
        """
        again: dict[str, Entry] = {}
        for part in self.store.list_open():
            if part.name in self.tally.owned:
                continue
            self._own(part)
            if part.status == "uploaded":  # killed before its batch's id was kept, or before there was one
                batch = await self.api.find(part.file_id, part.submitted_at)
                if batch is not None:
                    self._note_batch(part, batch)
            entries = {entry.turn_key: entry for entry in self.store.read_entries(part)}
            if part.status == "submitted":
                self._open(part, entries)
            else:
                again |= {key: entry for key, entry in entries.items() if entry.question.n_useless}
                self._sources.append(part)
        self.again.extend(again.values())
        if self._sources:
            self._note_left()

    def list_turns(self) -> set[str]:
        """Return the turns that are under way, or to be asked again."""
        return {key for _, entries in self.open.values() for key in entries} | {entry.turn_key for entry in self.again}

    async def run(self) -> None:
        """Submit, wait and ask again until nothing is left.

        Raises StoppedShortError where the budget is used, EndpointError where a batch or a request is refused.
        """
        await self.look()
        while True:
            await self._submit()
            if not self.open and not self._is_crowded():
                break
            await asyncio.sleep(self._poll_s)
            self._poll_s = min(self.limits.longest_poll_s, self._poll_s * POLL_GROWTH)
            await self.look()
        if self.fresh or self.again:
            raise describe_budget(self.settler.spending)

    def disown(self) -> None:
        """Leave what is not at its end to another try."""
        self.tally.owned -= self._owned
        self.tally.under_way -= self.open.keys()

    async def look(self) -> None:
        """Look at every open batch once and take what has ended. Raises what went wrong, all being kept."""
        for part, entries in list(self.open.values()):
            batch = await self._find_out(part)
            if batch.request_counts:
                self.tally.completed[part.name] = batch.request_counts.completed
            if batch.status in ENDED:
                self._poll_s = self.limits.first_poll_s
                await self._end(part, batch, entries)
            self.on_done(0)
        if self.settler.failure:
            raise self.settler.failure

    async def _find_out(self, part: Part) -> Batch:
        try:
            return await self.api.look(part.batch_id)
        except EndpointError as error:
            gone = "if the batch is gone for good, delete this file: its turns are then asked, and paid for, again"
            raise EndpointError(
                error.what, str(self.store.path_of(part.name, ".json")), f"{error.do}; {gone}"
            ) from None

    async def _submit(self) -> None:
        """Submit what fits: what was never asked first, and what is asked again when no batch is open."""
        queue = self.fresh or (deque() if self.open else self.again)
        while queue and not self._is_crowded() and (part := self._write(queue)) is not None:
            part.file_id = await self.api.upload(self.store.path_of(part.name, ".requests.jsonl"))
            part.status, part.submitted_at = "uploaded", time.time()
            self.store.save(part)
            judge = {"judge": self.settler.identity.judge_id, "part": part.name}
            self._note_batch(part, await self.api.create(part.file_id, part.submitted_at, judge))

    def _is_crowded(self) -> bool:
        return 0 < self._crowded_at <= len(self.tally.under_way)

    def _write(self, queue: deque[Entry]) -> Part | None:
        """Write the next part; None where the budget has no room for its first question."""
        name, entries = self.store.make_name(), {}
        path = self.store.path_of(name, ".requests.jsonl")
        with RequestFile(path, self._most_requests, self.limits.most_bytes) as file:
            while queue:
                line = self.settler.make_line(queue[0])
                if not file.has_room_for(line) or not self.settler.reserve(queue[0]):
                    break
                file.write(line)
                entry = queue.popleft()
                entries[entry.turn_key] = entry
        if not entries:
            path.unlink()
            return None
        part = Part(name, len(entries), asdict(self.settler.speech.dialect))
        self.store.write_entries(part, entries.values())
        self.store.save(part)
        if queue is self.again:
            self._note_left()
        self._own(part)
        self._open(part, entries)
        return part

    def _own(self, part: Part) -> None:
        self._owned.add(part.name)
        self.tally.owned.add(part.name)

    def _note_left(self) -> None:
        """Keep what is still to be asked again in one of the parts it came from; the others are done."""
        for part in self._sources[1:]:
            self._retire(part, ())
        first = self._sources[:1]
        self._sources = []
        for part in first:
            self._retire(part, self.again)

    def _retire(self, part: Part, again: Iterable[Entry]) -> None:
        """Note that a part's results are journalled, and which questions its replies left open."""
        left = [entry for entry in again if entry.question.n_useless]
        if left:
            self.store.write_entries(part, left)
            self._sources.append(part)
        part.status = "journalled" if left else "done"
        self.store.save(part)

    def _open(self, part: Part, entries: dict[str, Entry]) -> None:
        self.open[part.name] = part, entries
        self._n_others[part.name] = len(self.tally.under_way)
        self.tally.under_way.add(part.name)
        self.tally.n_batches += 1
        self.tally.n_requests += len(entries)

    def _note_batch(self, part: Part, batch: Batch) -> None:
        part.status, part.batch_id = "submitted", batch.id
        self.store.save(part)

    async def _end(self, part: Part, batch: Batch, entries: dict[str, Entry]) -> None:
        asked_in, again = Dialect(**part.dialect), []

        def settle(entry: Entry, attempt: Attempt, message: str) -> None:
            if self.settler.settle(entry, attempt, message, asked_in):
                self.tally.answered.add(entry.turn_key)
                self.on_done(1)
            else:
                again.append(entry)

        if batch.status == "failed":
            self._take_back(part, batch, entries)
        else:
            collector = Collector(self.api, self.settler, self.journal, settle)
            scratch = self.store.path_of(part.name, ".results.jsonl")
            await collector.collect(batch, entries, part.submitted_at, scratch)
            self.again.extend(again)
        part.says = part.says or batch.status
        self._retire(part, again or (entries.values() if batch.status == "failed" else ()))
        del self.open[part.name]
        self.tally.under_way.discard(part.name)
        self.tally.n_ended += 1
        self.tally.completed[part.name] = part.n_requests

    def _take_back(self, part: Part, batch: Batch, entries: dict[str, Entry]) -> None:
        """Have the questions of a batch that never began: to be asked later, or not at all."""
        for entry in entries.values():
            self.settler.release(entry)
        errors = (batch.errors and batch.errors.data) or []
        says = scrub("; ".join(str(error.message or error.code) for error in errors[:3]), self.api.client.api_key)
        part.says = says[:500] or "failed"
        is_full = any(error.code == QUEUE_FULL for error in errors)
        n_others = self._n_others[part.name]
        if not is_full:
            self.settler.failure = self.settler.failure or EndpointError(
                f"The endpoint refuses batch {batch.id}: {part.says}", where=self.api.where,
                do="mend what it says (--model, --base-url, the plan's limits); nothing of this batch was paid for",
            )  # fmt: skip
            return
        if not n_others and len(entries) == 1:
            self.settler.failure = self.settler.failure or StoppedShortError(
                f"The endpoint's queue of batches is full: {part.says}", where=self.api.where,
                do="run the same again when it has room",
            )  # fmt: skip
            return
        if n_others:
            self._crowded_at = min(n_others, self._crowded_at or n_others)
        else:
            self._most_requests = max(1, len(entries) // 2)
        self.again.extend(entry for entry in entries.values() if entry.question.n_useless)
        self.fresh.extendleft(entry for entry in entries.values() if not entry.question.n_useless)
