"""How many calls may be in flight: slow start, then additive increase and multiplicative decrease (AIMD).

The limit grows in rounds, and only when it was reached: a round is as many answers as the limit. It shrinks when
the endpoint refuses or leaves many calls without an answer, and when latency rose without more answers a second
coming of it: then the calls only queue on the other side.
"""

from __future__ import annotations

from math import ceil
from statistics import median

FIRST_LIMIT = 8
DECREASE = 0.75
QUEUEING_DECREASE = 0.9
INCREASE = 0.05
BROKEN_SHARE = 0.1
MIN_LOST, LOST_SHARE = 3, 0.15
"""So many calls without an answer, and this share of the limit, in one round are not chance."""
HEADROOM = 1.5
ROUND_S = 0.25
"""A round lasts at least this long: shorter ones measure noise."""
DRIFT = 1.003
"""The shortest latency is forgotten this fast, a round: endpoints do slow down for good."""
RISEN = 1.5
"""Latency this many times the shortest round's counts as risen."""
GAIN = 1.1
"""Answers a second this many times the round before count as more."""


class Concurrency:
    """The limit of calls in flight as a function of what came back; every method takes the time in seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = min(most, FIRST_LIMIT)
        self.is_slow_start = True
        self.latency_s = 0.0
        """Median of the last round."""
        self._shrunk_at = float("-inf")
        self._shortest = float("inf")
        self._throughput = 0.0
        self._began_at = 0.0
        self._latencies: list[float] = []
        self._is_full = False
        self._n_lost = self._n_broken = 0

    def note_answered(self, now: float, latency_s: float, n_in_flight: int) -> None:
        """Count a call that came back with a reply; `n_in_flight` counts it too."""
        if self._began_at == 0.0:
            self._began_at = now - latency_s
        self._latencies.append(latency_s)
        self._is_full |= n_in_flight >= self.limit
        if len(self._latencies) >= self.limit and now - self._began_at >= ROUND_S:
            self._end_round(now)

    def note_refused(self, now: float, sent_at: float, accepted_per_s: float = 0.0) -> None:
        """Shrink for a call that left at `sent_at` and was refused: once for all sent before.

        Never below what `accepted_per_s` calls a second keep in flight (Little's law): the pace sees to those.
        """
        self.is_slow_start = False
        if sent_at > self._shrunk_at:
            self._shrink(now, DECREASE, ceil(HEADROOM * accepted_per_s * self.latency_s))

    def start_again(self) -> None:
        """Grow as fast as at first: what the limit fell for was chance."""
        self.is_slow_start = True

    def note_lost(self, now: float, sent_at: float) -> None:
        """Count a call that nobody answered; shrink where these are many of a round, for one in a hundred is chance.

        Not for those that left before the limit last fell.
        """
        if sent_at <= self._shrunk_at:
            return
        self._n_lost += 1
        if self._n_lost >= max(MIN_LOST, LOST_SHARE * self.limit):
            self.is_slow_start = False
            self._shrink(now, DECREASE, 1)

    def note_broken(self) -> None:
        """Count a call at which the endpoint broke (5xx): where that is many calls of a round, it does not grow."""
        self._n_broken += 1

    def _shrink(self, now: float, factor: float, least: int) -> None:
        self.limit = max(1, int(self.limit * factor), min(self.limit, least))
        self._shrunk_at = now
        self._begin_round(now)

    def _end_round(self, now: float) -> None:
        latency, throughput = median(self._latencies), len(self._latencies) / (now - self._began_at)
        self.latency_s = latency
        self._shortest = min(self._shortest * DRIFT, latency)
        is_queueing = latency > RISEN * self._shortest and throughput < GAIN * self._throughput
        self._throughput = max(throughput, self._throughput * 0.9)
        if is_queueing and self._is_full:
            self.is_slow_start = False
            self._shrink(now, QUEUEING_DECREASE, 1)
            return
        if self._is_full and self._n_broken < BROKEN_SHARE * len(self._latencies):
            step = self.limit if self.is_slow_start else max(1, round(self.limit * INCREASE))
            self.limit = min(self.most, self.limit + step)
        self._begin_round(now)

    def _begin_round(self, now: float) -> None:
        self._began_at = now
        self._latencies = []
        self._is_full = False
        self._n_lost = self._n_broken = 0
