"""A shard's right to pay: it lasts as long as the run that it is a part of holds the judge's lease.

The shard signs that it lives, so that a run whose shard went away with its machine has another do the rest; a shard
that can neither look nor sign stops before that run gives it up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.errors import ConfigError, LeaseHeldError
from tasks.scoring.ledger.lease import measure_age, read_clocks
from tasks.scoring.ledger.lease_card import Cards

LOOK_EVERY_S = 2.0
SIGN_EVERY_S = 10.0
PATIENCE_S = 60.0
"""With no look at the card, or no sign of life, for so long, nothing more is paid."""
GIVEN_UP_S = 100.0
"""With no sign of life for so long, a shard is given up: it has stopped itself before, its calls in flight ended."""
EXPIRES_S = 100.0
"""A card without a heartbeat for so long is a dead run's, or of a store that was away: clocks may differ, too."""


class Membership:
    """Belongs to the run whose name the card bears; safe to use from several threads."""

    def __init__(
        self, cards: Cards, token: str, judge: str, sign: Callable[[], bool], look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self.judge, self.token = judge, token
        self._cards, self._sign, self._look_every_s = cards, sign, look_every_s
        self._over_for = ""
        self._looked_at = self._signed_at = read_clocks()
        self._is_left = threading.Event()
        # two threads: a store that is asked patiently must not keep the other from looking
        self._threads = [
            threading.Thread(target=target, name="membership", daemon=True)
            for target in (self._keep_looking, self._keep_signing)
        ]

    def enter(self) -> None:
        """Find the run's card, and look at it from now on. Raises ConfigError where no run holds the judge."""
        self._begin()
        if self._over_for:
            raise ConfigError(
                f"The run that this shard is a part of does not let it ask the judge {self.judge}: {self._over_for}.",
                where=self._cards.place,
                do="shards on other machines need EMPATHY_JOURNAL, the s3:// URL of the journal that hosts share",
            )
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Look and sign no more."""
        self._is_left.set()

    def check(self) -> None:
        """Raise LeaseHeldError where the run has ended or another pays now, OSError if that cannot be found out.

        After an OSError the run has the shard scored by another run of it.
        """
        if self._over_for:
            raise LeaseHeldError(
                f"The run that this shard is a part of may no longer pay: {self._over_for}.",
                where=self._cards.place,
                do="run the scoring again: what was answered is kept",
            )
        silent_s = max(measure_age(self._looked_at), measure_age(self._signed_at))
        if silent_s > PATIENCE_S:
            raise OSError(f"{self._cards.place}: its store, or the run's heartbeat, was away for {silent_s:.0f} s")

    def _begin(self) -> None:
        """Look and sign once, with patience: the store may be away just now."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._look()
                return None if self._over_for else self._sign_once()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(self._look_every_s)

    def _keep_looking(self) -> None:
        while not self._over_for and not self._is_left.wait(self._look_every_s):
            try:
                self._look()
            except OSError:  # seen again, or not for so long that `check` says so
                continue

    def _keep_signing(self) -> None:
        while not self._over_for:
            with contextlib.suppress(OSError):
                self._sign_once()
            if self._is_left.wait(SIGN_EVERY_S):
                return

    def _sign_once(self) -> None:
        begun = read_clocks()  # before: the process may be stopped after any line
        if not self._sign():
            self._over_for = "it has given this shard to another run"
        self._signed_at = begun

    def _look(self) -> None:
        begun, sighting = read_clocks(), self._cards.read()
        if sighting is None:
            self._over_for = "it has ended"
        elif sighting.owner is not None and sighting.owner.token != self.token:
            self._over_for = f"the lease is another's, {sighting.describe()}"
        elif sighting.owner is not None and sighting.owner.is_gone():
            self._over_for = "its process is gone"
        elif sighting.age_s <= EXPIRES_S:  # else it is as if nobody had looked: the heartbeat may come again
            self._looked_at = begun


@contextmanager
def join_run(cards: Cards, token: str, judge: str, sign: Callable[[], bool]) -> Iterator[Membership]:
    """Belong to a run while it holds its judge; `sign` is called now and then, and says whether that run wants it.

    The run is known by its lease's token. Raises ConfigError where it does not hold the judge, OSError as cards do.
    """
    membership = Membership(cards, token, judge, sign)
    membership.enter()
    try:
        yield membership
    finally:
        membership.leave()
