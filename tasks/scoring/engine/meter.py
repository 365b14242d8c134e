"""What the calls of this run used: for forecasts of the next call, for people, and to see a judge change."""

from __future__ import annotations

import time
from collections import deque

from tasks.progress import report_notice
from tasks.scoring.ledger.journal import Attempt

FIRST_TOKENS_OUT = 32.0
FIRST_TOKENS_PER_CHARACTER = 0.25
RATE_WINDOW_S = 10.0


class Meter:
    """Counts calls as they come back."""

    def __init__(self) -> None:
        self.n_limited = 0
        self.cost_usd = 0.0
        self._n_measured = self._characters = self._tokens_in = self._tokens_out = 0
        self._seen: list[str] = []
        self._came_at: deque[float] = deque()

    def note(self, attempt: Attempt, n_characters: int) -> None:
        """Count a call whose prompt had so many characters."""
        self.n_limited += attempt.error_class == "rate_limit"
        self.cost_usd += attempt.cost_usd or 0.0
        now = time.monotonic()
        self._came_at.append(now)
        while self._came_at[0] < now - RATE_WINDOW_S:
            self._came_at.popleft()
        if attempt.tokens_in and attempt.tokens_out is not None:
            self._n_measured += 1
            self._characters += n_characters
            self._tokens_in += attempt.tokens_in
            self._tokens_out += attempt.tokens_out
        if attempt.model or attempt.system_fingerprint:
            self._watch(attempt)

    @property
    def mean_tokens(self) -> float:
        """Tokens of a call, in and out together; 0 before any was measured."""
        return (self._tokens_in + self._tokens_out) / self._n_measured if self._n_measured else 0.0

    def expect_tokens(self, n_characters: int) -> float:
        """Return the tokens that a call will use: its prompt at the measured rate, and the measured reply's length."""
        if not self._n_measured:
            return n_characters * FIRST_TOKENS_PER_CHARACTER + FIRST_TOKENS_OUT
        return n_characters * self._tokens_in / max(1, self._characters) + self._tokens_out / self._n_measured

    def calls_per_s(self) -> float:
        """Return the calls a second over the last seconds."""
        if len(self._came_at) < 2:
            return 0.0
        return (len(self._came_at) - 1) / max(1e-3, time.monotonic() - self._came_at[0])

    def _watch(self, attempt: Attempt) -> None:
        """Tell people when another model answers than at first, once of each: its scores may not compare."""
        name = " ".join(filter(None, (attempt.model, attempt.system_fingerprint)))
        if name in self._seen:
            return
        if self._seen:
            report_notice(f"The endpoint changed in mid-run: it was {self._seen[-1] or 'unnamed'}, now it is {name}.")
        self._seen.append(name)
