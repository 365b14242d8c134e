"""How many requests a second an endpoint takes: told by its headers, else found from what it refuses.

The rule is CUBIC's in spirit (Ha, Rhee, Xu 2008): after refusals fall a little below the rate that was being
accepted, stay near it, then probe beyond it in growing steps. One fall counts for all requests that were sent
before it: they could not know of it. Refusals whose share does not depend on the pace are chance, not a limit.
"""

from __future__ import annotations

import math
from collections import deque

EVIDENCE, EVIDENCE_S = 20, 2.0
"""Answers, or seconds, since the last fall before the next: fewer say nothing about a rate."""
WINDOW_S = 1.0
"""Over which requests sent and accepted are counted while probing."""
RAISED = 2.0
"""A probe that was accepted at this many times the ceiling found a higher limit, not the endpoint's burst."""
TELLING = 0.2
"""From this share of refusals on, what was accepted is the endpoint's rate; below, it is mostly ours."""
STEP_DOWN, STEEPEST = 0.93, 0.4
"""One fall takes the ceiling down to at most, and at least, these shares of it."""
DIP, DIP_S = 0.7, 2.0
"""Right after a fall: this share of the ceiling, so that the endpoint's bucket fills; then back within DIP_S."""
NEAR = 0.97
"""Share of the ceiling that is held between probes."""
HOLD_S = 11.0
DOUBLE_S = 1.5
"""From HOLD_S after a fall on, the rate doubles in this time until it is refused or no longer used."""
TOLD_SHARE = 0.985
"""Share of the limit that the endpoint's headers tell: our clock and its clock differ."""
SLOW = 2.0
"""A rate below which a window holds too few requests to say whether it is used."""
N_CHANCE, MOST_CHANCE = 3, 0.5
"""So many falls in a row, none held, that did not lower the share of refusals, nor was it above this: chance."""
FLOOR = 1 / 60


class Pace:
    """Requests a second, as a function of what came back; every method takes the time in seconds."""

    def __init__(self) -> None:
        self.told = math.inf
        self.ceiling = math.inf
        """The rate that was accepted when the endpoint last refused; infinite until it does."""
        self.rate = math.inf
        self._fell_at = self._advanced_at = -math.inf
        self._n_accepted = self._n_refused = 0
        self._falls: deque[tuple[float, float]] = deque(maxlen=N_CHANCE)
        """Share of refusals and requests accepted a second before each of the last falls that did not hold."""
        self._by_chance = 0.0
        self._accepted: deque[float] = deque()
        self._sent: deque[float] = deque()

    @property
    def is_by_chance(self) -> bool:
        """Whether refusals were found to come whatever the pace is."""
        return self._by_chance > 0

    def allowed(self, now: float) -> float:
        """Return the requests a second that may be sent now."""
        self._advance(now)
        return max(FLOOR, min(self.rate, self.told * TOLD_SHARE))

    def note_sent(self, now: float) -> None:
        """Count a request that leaves."""
        if not math.isfinite(self._fell_at):
            self._fell_at = now - 1e-3  # the first period begins with the first request
        self._sent.append(now)
        _forget(self._sent, now)

    def note_accepted(self, now: float) -> None:
        """Count a request that was not refused for its rate."""
        self._n_accepted += 1
        self._accepted.append(now)
        _forget(self._accepted, now)

    def note_refused(self, now: float, sent_at: float) -> bool:
        """Count a refusal for its rate of a request that left at `sent_at`; return whether the pace fell for it."""
        if sent_at <= self._fell_at:
            return False
        self._n_refused += 1
        n_answers, elapsed = self._n_refused + self._n_accepted, now - self._fell_at
        if n_answers < EVIDENCE and elapsed < EVIDENCE_S:
            return False
        share = self._n_refused / n_answers
        if elapsed >= HOLD_S:
            self._falls.clear()
        accepted_per_s = (self._n_accepted + 1) / elapsed
        is_limit = not self._is_by_chance(share, accepted_per_s)
        if is_limit:
            self._advance(now)
            self._lower(share, accepted_per_s, now)
            self.rate = DIP * self.ceiling
        else:
            self.ceiling = self.rate = math.inf
        self._fell_at = self._advanced_at = now
        self._n_accepted = self._n_refused = 0
        return is_limit

    def note_told(self, requests_per_s: float) -> None:
        """Take the limit that the endpoint's headers tell."""
        self.told = requests_per_s

    def note_raised(self) -> None:
        """Forget what was found: the endpoint's limit was raised, and what it takes now is not known."""
        self.ceiling = self.rate = math.inf

    def _lower(self, share: float, accepted_per_s: float, now: float) -> None:
        _forget(self._accepted, now)
        if self.rate > self.ceiling:  # a probe found the endpoint's burst, or, if that is much, a higher limit
            probed = len(self._accepted) / WINDOW_S
            self.ceiling = probed if probed > RAISED * self.ceiling else max(FLOOR, min(probed, 1.1 * self.ceiling))
        elif share >= TELLING or not math.isfinite(self.ceiling):
            least = STEEPEST * self.ceiling if math.isfinite(self.ceiling) else FLOOR
            self.ceiling = max(FLOOR, least, min(STEP_DOWN * self.ceiling, accepted_per_s))
        else:
            self.ceiling = max(FLOOR, STEP_DOWN * self.ceiling)

    def _is_by_chance(self, share: float, accepted_per_s: float) -> bool:
        """Say whether refusals come whatever the pace is: it fell, so did what was accepted, and their share did not.

        Under a limit what is accepted stays and the share falls. Chance is passed over until the share rises much.
        """
        if self._by_chance:
            if share < 2 * self._by_chance + 0.1:
                return True
            self._by_chance = 0.0
            self._falls.clear()
            return False
        self._falls.append((share, accepted_per_s))
        first_share, first_accepted = self._falls[0]
        is_futile = share >= 0.6 * first_share and accepted_per_s <= 0.8 * first_accepted
        if len(self._falls) == N_CHANCE and max(self._falls)[0] <= MOST_CHANCE and is_futile:
            self._by_chance = sum(fall[0] for fall in self._falls) / N_CHANCE
        return bool(self._by_chance)

    def _advance(self, now: float) -> None:
        if not math.isfinite(self.ceiling):
            return
        since, step = now - self._fell_at, now - self._advanced_at
        self._advanced_at = now
        if since < HOLD_S:
            share = min(1.0, since / DIP_S)
            self.rate = self.ceiling * (DIP + (NEAR - DIP) * share)
        elif self._is_used(now):
            self.rate *= 2 ** (min(step, 1.0) / DOUBLE_S)

    def _is_used(self, now: float) -> bool:
        """Say whether the pace is what limits us: growing what is not used would grow for ever."""
        _forget(self._sent, now)
        return len(self._sent) / WINDOW_S > 0.5 * self.rate or self.rate < SLOW


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] < now - WINDOW_S:
        times.popleft()
