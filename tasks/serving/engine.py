"""The one thread that generates: whoever waits joins the rows in generation, whoever is done or gone leaves them.

Places bound what the server has taken on: those in generation and those that wait. A place is given back by the
engine once a submitted job has ended, whatever ended it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.serving.api_error import ApiError
from tasks.serving.job import Event, Job
from tasks.serving.limits import Limits

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from tasks.serving.decoding import DecodingBatch

logger = logging.getLogger("empathy.serving")
MAX_CELLS = 16_384
"""Tokens of prompts, padding included, that are read at once."""
LONGEST_RETRY_S = 60
IDLE_WAIT_S = 0.5


class Engine:
    """A model in generation; `model.generation_config.eos_token_id` lists what ends a response (as load_base sets)."""

    def __init__(self, model: PreTrainedModel, limits: Limits) -> None:
        from tasks.serving.decoding import DecodingBatch

        self.limits = limits
        self.end_ids = frozenset(model.generation_config.eos_token_id)
        self._batch: DecodingBatch = DecodingBatch(model)
        self._running: list[Job] = []
        self._waiting: deque[Job] = deque()
        self._n_places = 0
        self._mean_s = 1.0
        self._changed = threading.Condition()
        self._is_closed = False
        self._stop_at = math.inf
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)

    def start(self) -> None:
        """Start generating."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether requests are taken and answered."""
        return self._thread.is_alive() and self._stop_at == math.inf

    def count(self) -> dict[str, int]:
        """Return how many responses are in generation, and how many other places are taken."""
        n_running = len(self._running)
        return {"running": n_running, "waiting": max(0, self._n_places - n_running)}

    def take_place(self) -> None:
        """Take a place for a job. Raises ApiError: 429 where there is none left, 503 while shutting down."""
        if self._stop_at < math.inf:
            raise shutting_down()
        with self._changed:
            n_before = self._n_places
            if n_before < self.limits.max_batch + self.limits.max_waiting:
                self._n_places += 1
                return
        wait_s = min(LONGEST_RETRY_S, math.ceil(self._mean_s * n_before / self.limits.max_batch))
        said = f"Too many requests: {self.limits.max_batch} are being answered and {self.limits.max_waiting} wait."
        raise ApiError(429, said, code="queue_full", headers={"Retry-After": str(max(1, wait_s))})

    def give_place_back(self) -> None:
        """Give back a place for which no job is submitted."""
        with self._changed:
            self._n_places -= 1

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn; its events are delivered from the engine's thread."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def begin_shutdown(self) -> None:
        """Refuse what comes and what waits; what is in generation has `shutdown_timeout_s` left. Takes no lock, so
        a signal handler may call it.
        """
        self._stop_at = min(self._stop_at, time.monotonic() + self.limits.shutdown_timeout_s)

    def close(self) -> None:
        """End at the next step, failing what is left."""
        with self._changed:
            self._stop_at = -math.inf
            self._is_closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=self.limits.shutdown_timeout_s)

    def _run(self) -> None:
        while not self._is_closed:
            try:
                self._take_turn()
            except Exception as error:
                logger.error("event=generation_failed error=%s", type(error).__name__, exc_info=error)
                self._end_all(self._running, ApiError(500, "The generation failed.", code="generation_failed"))
                self._running = []
                self._batch.keep([])
        self._end_all([*self._running, *self._waiting], shutting_down())

    def _take_turn(self) -> None:
        """Continue every row by a token, and let those that wait join while there is room."""
        is_late = time.monotonic() > self._stop_at
        self._end_all([job for job in self._running if job.is_cancelled or is_late], shutting_down())
        self._drop_ended()
        if self._running:
            self._accept(self._running, self._batch.step([job.tokens[-1] for job in self._running]))
            self._drop_ended()
        new = self._collect()
        if new:
            self._running = [*self._running, *new]
            self._accept(new, self._batch.add([job.prompt for job in new]))
            self._drop_ended()

    def _collect(self) -> list[Job]:
        """Return the jobs whose turn has come; wait a while for one if there is nothing else to do."""
        new: list[Job] = []
        with self._changed:
            if not self._waiting and not self._running:
                self._changed.wait(IDLE_WAIT_S)
            gone = [job for job in self._waiting if job.is_cancelled or self._stop_at < math.inf]
            if gone:
                self._waiting = deque(job for job in self._waiting if job not in gone)
            while self._waiting and self._fits(new, self._waiting[0]):
                new.append(self._waiting.popleft())
        self._end_all(gone, shutting_down())
        return new

    def _fits(self, new: Sequence[Job], job: Job) -> bool:
        """Say whether a job may join in this turn: there is a row for it, and its prompt can be read with theirs."""
        longest = max(len(other.prompt) for other in (*new, job))
        has_row = len(self._running) + len(new) < self.limits.max_batch
        return has_row and (not new or longest * (len(new) + 1) <= MAX_CELLS)

    def _accept(self, jobs: Sequence[Job], logits: Tensor) -> None:
        """Give each job its next token, and end those that are complete by it."""
        from tasks.serving.sampling import pick_tokens

        for job, token in zip(jobs, pick_tokens(logits, jobs), strict=True):
            finish = job.take(token, self.end_ids)
            if finish:
                self._mean_s += 0.1 * (time.monotonic() - job.submitted_at - self._mean_s)
                self._end_all([job], finish)

    def _drop_ended(self) -> None:
        """Free the rows of jobs that have ended."""
        rows = [row for row, job in enumerate(self._running) if not job.is_ended]
        self._batch.keep(rows)
        self._running = [self._running[row] for row in rows]

    def _end_all(self, jobs: Sequence[Job], event: Event) -> None:
        """Give the jobs' places back and tell who asked; nothing happens to a job that has ended already."""
        for job in jobs:
            if not job.is_ended:
                job.is_ended = True
                self.give_place_back()
                job.deliver(event)


def shutting_down() -> ApiError:
    """Return what is told to whoever is not answered any more (nobody, where the client is gone)."""
    return ApiError(503, "The server is shutting down.", code="shutting_down")
