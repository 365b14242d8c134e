"""Who holds a lease: a card beside the journal whose time of change is its owner's last heartbeat.

Ages are by the clock of the file system that holds the card, so that hosts need not agree on the time.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, PositiveInt

MUTEX_TIMEOUT_S = 10.0
"""The mutex is held for milliseconds: whoever waits longer meets a process that was stopped within it."""
MAX_CARD_BYTES = 65_536
START_TOLERANCE_S = 2.0


class Owner(BaseModel):
    """The process that signed a card."""

    model_config = ConfigDict(frozen=True)

    token: str
    host: str
    process_space: str
    """What a pid is unique in."""
    pid: PositiveInt
    started_s: float
    """When the process started, seconds since its host did: a pid alone proves nothing, for pids are used again."""
    run: str
    since: float
    """Unix time, seconds, by the clock of the owner's host."""

    def is_gone(self) -> bool:
        """Say whether the process is known to have ended; of another host's nothing is known."""
        if self.process_space != name_process_space():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return process.num_threads() <= 1  # not while its other threads are still dying
            return abs(measure_start(process) - self.started_s) > START_TOLERANCE_S
        except psutil.AccessDenied:
            return False
        except (psutil.NoSuchProcess, OverflowError):
            return True


@functools.cache
def name_process_space() -> str:
    """Name what a pid is unique in: a host since its last start, and on it a container's own table of processes."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - not a path
    return " ".join(parts)


def measure_start(process: psutil.Process) -> float:
    """Return when a process started, in seconds since its host did (Unix time would move when the clock is set)."""
    return process.create_time() - psutil.boot_time()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A card as it was found."""

    owner: Owner | None
    """None where the card cannot be read."""
    age_s: float
    """Since the last heartbeat."""

    def why_free(self, expires_s: float) -> str:
        """Say why the lease may be taken over; nothing while its owner may live."""
        if abs(self.age_s) > expires_s:  # a heartbeat far in the future would block for ever
            return f"its last heartbeat was {self.age_s:.0f} s ago"
        if self.owner and self.owner.is_gone():
            return "its process is gone"
        return ""

    def describe(self) -> str:
        """Say who holds the lease, for a person."""
        if self.owner is None:
            return f"its owner has not signed yet, last heartbeat {self.age_s:.0f} s ago"
        since = "some time"
        with contextlib.suppress(ValueError, OverflowError, OSError):
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.owner.since))
        return (
            f"run {self.owner.run!r}, process {self.owner.pid} on {self.owner.host}, since {since}, "
            f"last heartbeat {self.age_s:.0f} s ago"
        )


class CardTakenError(OSError):
    """Somebody else signed a card in the moment that we did."""


class Cards(Protocol):
    """Where a card is kept; it is read, checked and written while `lock()` is held. All raise OSError."""

    place: str
    """The journal that the card is of, for a person."""

    def lock(self) -> AbstractContextManager[object]:
        """Return the mutex, to be entered."""

    def read(self) -> Sighting | None:
        """Return the card as it stands, None where there is none."""

    def write(self, owner: Owner) -> None:
        """Put the owner's card in the place of any other."""

    def refresh(self) -> None:
        """Note a heartbeat of the owner who wrote last."""

    def remove(self) -> None:
        """Leave the lease to the next."""


class CardFile:
    """The card of one journal in its folder. Raises OSError if the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._card, self._mutex = folder / "lease.json", folder / "lease.lock"

    def lock(self) -> FileLock:
        """Return the mutex, to be entered; its Timeout is an OSError."""
        return FileLock(self._mutex, timeout=MUTEX_TIMEOUT_S)

    def read(self) -> Sighting | None:
        """Return the card as it stands, None where there is none."""
        try:
            with self._card.open("rb") as file:  # opening asks a network file system anew: a bare stat may be cached
                beaten_at, content = os.fstat(file.fileno()).st_mtime, file.read(MAX_CARD_BYTES)
        except FileNotFoundError:
            return None
        except OSError:  # another user's, or no file at all: its time still tells
            beaten_at, content = self._card.stat().st_mtime, b""
        os.utime(self._mutex)
        age_s = self._mutex.stat().st_mtime - beaten_at
        try:
            return Sighting(Owner.model_validate_json(content), age_s)
        except ValueError:
            return Sighting(None, age_s)

    def write(self, owner: Owner) -> None:
        """Put the owner's card in the place of any other, whole or not at all."""
        fresh = self._card.with_suffix(".json.new")
        fresh.write_text(owner.model_dump_json(), encoding="utf-8")
        fresh.replace(self._card)

    def refresh(self) -> None:
        """Note a heartbeat."""
        os.utime(self._card)

    def remove(self) -> None:
        """Leave the lease to the next."""
        self._card.unlink()
