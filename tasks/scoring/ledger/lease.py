"""One payer at a time: a run holds its judge's lease while it scores; a second run is told who holds it.

The lease is a card beside the journal with a heartbeat. One whose owner is dead - its process gone from
this host, or no heartbeat for a minute - is taken over at once; an owner that was stopped and wakes finds
out before it pays for another call.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from filelock import Timeout

from tasks.errors import LeaseHeldError
from tasks.scoring.ledger.lease_card import (
    CardFile,
    Cards,
    CardTakenError,
    Owner,
    Sighting,
    measure_start,
    name_process_space,
)

logger = logging.getLogger("empathy.lease")

HEARTBEAT_S = 10.0
EXPIRES_S = 60.0


class Rhythm(NamedTuple):
    """How a lease is kept, in seconds."""

    heartbeat_s: float
    patience_s: float
    """With no heartbeat for so long, nothing is paid before one has succeeded."""
    expires_s: float
    """With no heartbeat for so long, others may take the lease."""


REMOTE = Rhythm(HEARTBEAT_S, patience_s=60.0, expires_s=120.0)
"""An object store may refuse everybody for half a minute, and hosts' clocks may differ by as much."""


class Lease:
    """The right to pay for a judge's calls; `check` says whether it still stands."""

    def __init__(self, cards: Cards, judge: str, run_name: str, rhythm: Rhythm) -> None:
        self.judge = judge
        self._cards, self._rhythm = cards, rhythm
        self._owner = Owner(
            token=uuid.uuid4().hex, host=socket.gethostname(), process_space=name_process_space(), pid=os.getpid(),
            started_s=measure_start(psutil.Process()), run=run_name, since=time.time(),
        )  # fmt: skip
        self._lost_to = ""
        self._beaten_at = read_clocks()
        self._guard, self._is_over = threading.Lock(), threading.Event()
        self._heart = threading.Thread(target=self._keep_beating, name="lease heartbeat", daemon=True)

    @property
    def token(self) -> str:
        """What tells this lease from any other, of the same run too."""
        return self._owner.token

    def check(self) -> None:
        """Raise LeaseHeldError if another run may be paying now, OSError if that cannot be found out.

        To be called before every paid call: it costs nothing while the heartbeat is young.
        """
        if not self._lost_to and measure_age(self._beaten_at) >= self._rhythm.patience_s:
            self._beat()
        if self._lost_to:
            raise LeaseHeldError(
                f"The lease of the judge {self.judge} was lost while this process stood still: {self._lost_to}.",
                where=self._cards.place,
                do="run again when the other run has ended: nothing that was answered is paid for twice",
            )

    def acquire(self) -> None:
        """Sign the card and begin to beat. Raises LeaseHeldError while another run has the lease."""
        try:
            with self._cards.lock():
                self._beaten_at = read_clocks()
                sighting = self._cards.read()
                if sighting:
                    self._take_over(sighting)
                self._cards.write(self._owner)
        except (Timeout, CardTakenError):
            sighting = self._cards.read()
            raise self._refuse(sighting.describe() if sighting else "a process that stopped while signing") from None
        self._heart.start()

    def release(self) -> None:
        """Leave the lease to the next, if it is still ours."""
        self._is_over.set()
        self._heart.join()
        try:
            with self._cards.lock():
                sighting = self._cards.read()
                if sighting and self._is_ours(sighting):
                    self._cards.remove()
        except OSError as error:  # no reason to fail a run that is done: the next finds that we are gone
            logger.warning("the lease could not be given back: %s", error)

    def _take_over(self, sighting: Sighting) -> None:
        reason = sighting.why_free(self._rhythm.expires_s)
        if not reason:
            raise self._refuse(sighting.describe())
        logger.warning("taking over the lease of the judge %s: %s; %s", self.judge, reason, sighting.describe())

    def _is_ours(self, sighting: Sighting) -> bool:
        return sighting.owner is not None and sighting.owner.token == self._owner.token

    def _refuse(self, holder: str) -> LeaseHeldError:
        return LeaseHeldError(
            f"Another run is scoring with the judge {self.judge}: {holder}.",
            where=self._cards.place,
            do="wait for it (`empathy status`), or use another judge",
        )

    def _keep_beating(self) -> None:
        while not self._lost_to and not self._is_over.wait(self._rhythm.heartbeat_s):
            try:
                self._beat()
            except OSError as error:
                logger.warning("no heartbeat for the lease of the judge %s: %s", self.judge, error)

    def _beat(self) -> None:
        """Refresh the card if it is ours, else note whose it is."""
        with self._guard, self._cards.lock():
            begun = read_clocks()  # before the card is read: the process may be stopped after any line
            sighting = self._cards.read()
            if sighting and sighting.owner:
                if self._is_ours(sighting):
                    self._cards.refresh()
                else:
                    self._lost_to = sighting.describe()
            elif (
                measure_age(self._beaten_at) < self._rhythm.expires_s
            ):  # nobody may have taken it over: it was deleted, or damaged
                self._cards.write(self._owner)
            else:
                self._lost_to = "another run took it over and has ended"
            self._beaten_at = begun


def read_clocks() -> tuple[float, float]:
    """Return both clocks: neither alone counts both a suspended and a set one."""
    return time.monotonic(), time.time()


def measure_age(since: tuple[float, float]) -> float:
    """Return the seconds since both clocks were read, by the one that counts more."""
    return max(time.monotonic() - since[0], time.time() - since[1])


@contextmanager
def hold_lease(
    folder: Path, judge: str, run_name: str, *, heartbeat_s: float = HEARTBEAT_S, expires_s: float = EXPIRES_S
) -> Iterator[Lease]:
    """Hold the lease of the judge whose journal is `folder`.

    Raises LeaseHeldError if another run has it, OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with keep_lease(CardFile(folder), judge, run_name, Rhythm(heartbeat_s, 2 * heartbeat_s, expires_s)) as lease:
        yield lease


@contextmanager
def keep_lease(cards: Cards, judge: str, run_name: str, rhythm: Rhythm = REMOTE) -> Iterator[Lease]:
    """Hold the lease whose card is kept there. Raises LeaseHeldError if another run has it, OSError as `cards` does."""
    lease = Lease(cards, judge, run_name, rhythm)
    lease.acquire()
    try:
        yield lease
    finally:
        lease.release()
