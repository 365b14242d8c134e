"""How often and when a call is tried again, and when nobody is there to be asked: the one retry layer."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tasks.scoring.reasons import TRANSIENT

MAX_TRANSIENT_TRIES = 6
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
LONGEST_WAIT_S = 120.0
"""An endpoint that asks for a longer wait gets the turn in the next run: nobody waits for hours unseen."""
SILENT = ((30, 20.0), (8, 60.0))
"""So many calls in a row over so many seconds without an answer are an outage; 5xx is none."""
REFUSED = ((20, 300.0),)
"""The same for calls that are answered 429, or with nonsense: limits of a minute are waited for, those of a day not."""


def choose_wait(n_tries: int, asked_s: float | None, first_backoff_s: float = FIRST_BACKOFF_S) -> float:
    """Return the seconds before the next try: never less than the endpoint asks for, else exponential with jitter."""
    if asked_s is not None:
        return asked_s + random.uniform(0.01, 0.25)  # noqa: S311 - jitter
    return min(LONGEST_BACKOFF_S, first_backoff_s * 2 ** (n_tries - 1)) * random.uniform(0.5, 1.5)  # noqa: S311


class Yield:
    """Sees that an endpoint's replies give no score at all, so that a run stops before it has paid for every turn."""

    FIRST_TURNS = 30

    def __init__(self) -> None:
        self.n_ended = self.n_scored = 0

    def note(self, *, is_scored: bool) -> bool:
        """Count a turn that came to its end; return whether none of the first turns has a score."""
        self.n_ended += 1
        self.n_scored += is_scored
        return self.n_scored == 0 and self.n_ended >= self.FIRST_TURNS


class Outage:
    """Sees that an endpoint does nobody any good, so that a run stops instead of trying every turn for nothing."""

    def __init__(
        self, silent: Sequence[tuple[int, float]] = SILENT, refused: Sequence[tuple[int, float]] = REFUSED
    ) -> None:
        self._silence, self._refusal = Streak(silent), Streak(refused)

    def note(self, now: float, http_status: int | None, error_class: str | None) -> bool:
        """Count a call that came back at `now` (seconds); return whether this is an outage."""
        is_silent = self._silence.note(now, is_failure=http_status is None or http_status >= 500)
        is_refused = self._refusal.note(now, is_failure=error_class in TRANSIENT)
        return is_silent or is_refused


class Streak:
    """Failures in a row, which are too many when they are so many over so many seconds."""

    def __init__(self, most: Sequence[tuple[int, float]]) -> None:
        self._most = most
        self._n, self._since = 0, 0.0

    def note(self, now: float, *, is_failure: bool) -> bool:
        """Count a call, and return whether these are too many."""
        if not is_failure:
            self._n = 0
            return False
        if self._n == 0:
            self._since = now
        self._n += 1
        return any(self._n >= n and now - self._since >= seconds for n, seconds in self._most)
