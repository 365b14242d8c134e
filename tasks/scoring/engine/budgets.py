"""Budgets a minute: a bucket that refills steadily, is charged before a call and corrected after it."""

from __future__ import annotations

import math

BURST_S = 0.1
"""What may be used at once, in seconds of the budget; at least one call may."""


class Bucket:
    """So many units a second; it may be overdrawn by one charge, and then has to refill."""

    def __init__(self, per_second: float = math.inf) -> None:
        self.per_second = per_second
        self._level, self._filled_at = 0.0, 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until something may be charged again."""
        if not math.isfinite(self.per_second):
            return 0.0
        self._fill(now)
        return max(0.0, -self._level / self.per_second)

    def charge(self, now: float, amount: float) -> None:
        """Take an amount; a negative one is given back."""
        if math.isfinite(self.per_second):
            self._fill(now)
            self._level -= amount

    def set_rate(self, now: float, per_second: float) -> None:
        """Refill at another rate from now on."""
        if per_second != self.per_second:
            if math.isfinite(self.per_second):
                self._fill(now)
            else:
                self._level, self._filled_at = 0.0, now
            self.per_second = per_second

    def _fill(self, now: float) -> None:
        elapsed, self._filled_at = max(0.0, now - self._filled_at), now
        self._level = min(self.per_second * BURST_S, self._level + elapsed * self.per_second)
