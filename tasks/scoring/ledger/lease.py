"""One payer at a time: a run holds its judge's lease while it scores; a second run is told who holds it.

The lease is a lock of the operating system on a file beside the journal: the kernel frees it when its
owner dies, however it dies, so a killed run is taken over at once. The owner's card is for people.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import LeaseHeldError


@contextmanager
def hold_lease(folder: Path, judge: str, run_name: str) -> Iterator[None]:
    """Hold the lease of the judge whose journal is `folder`. Raises LeaseHeldError if another run has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock, card = FileLock(folder / "lease.lock"), folder / "lease.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LeaseHeldError(
            f"Another run is scoring with the judge {judge}: {_describe_owner(card)}.",
            where=str(folder),
            do="wait for it (`empathy status`), or use another judge",
        ) from None
    try:
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "run": run_name, "since": time.time()}
        card.write_text(json.dumps(owner), encoding="utf-8")
        yield
    finally:
        card.unlink(missing_ok=True)
        lock.release()


def _describe_owner(card: Path) -> str:
    try:
        owner = json.loads(card.read_text(encoding="utf-8"))
        age = time.time() - owner["since"]
        return f"run {owner['run']!r}, process {owner['pid']} on {owner['host']}, for {age:.0f} s"
    except (OSError, ValueError, KeyError, TypeError):
        return "its owner has not signed yet"
