"""The card of a lease in an object store, for runs on several hosts; its owner's last heartbeat is when it was put.

A store has no mutex. Whoever signs waits a moment and reads what stands there: of two that signed at once the later
one is the owner, and the other is told. Ages are the store's time against this host's clock, so that clocks of hosts
may differ by half a minute.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from tasks.remote import QUICK, open_url, reach
from tasks.scoring.ledger.lease_card import CardTakenError, Owner, Sighting

SETTLE_S = 1.0
"""Longer than any other takes from finding the place free to having signed."""


class RemoteCard:
    """The card of one judge's journal in a store. Raises OSError where the store cannot be reached."""

    def __init__(self, folder: str) -> None:
        """Name the judge's folder in the shared journal, an s3:// URL."""
        self.place = folder
        self._fs, path = open_url(folder, QUICK)
        self._card = f"{path}/lease.json"
        self._owner: Owner | None = None

    def lock(self) -> AbstractContextManager[object]:
        """Return nothing that is held: see the module."""
        return nullcontext()

    def read(self) -> Sighting | None:
        """Return the card as it stands, None where there is none."""
        with reach(self.place):
            try:
                beaten_at = self._fs.info(self._card, refresh=True)["LastModified"]
                content = self._fs.cat_file(self._card)
            except FileNotFoundError:
                return None
        age_s = (datetime.now(UTC) - beaten_at).total_seconds()
        try:
            return Sighting(Owner.model_validate_json(content), age_s)
        except ValueError:
            return Sighting(None, age_s)

    def write(self, owner: Owner) -> None:
        """Put the owner's card in the place of any other. Raises CardTakenError where another did so after it."""
        self._owner = owner
        with reach(self.place):
            try:  # where nobody stands yet, the store itself lets only one of two in
                mode = "overwrite" if self._fs.exists(self._card) else "create"
                self._fs.pipe_file(self._card, owner.model_dump_json().encode(), mode=mode)
            except FileExistsError:
                raise CardTakenError(f"{self.place}: another run signed the lease a moment before") from None
        time.sleep(SETTLE_S)
        sighting = self.read()
        if sighting is None or sighting.owner is None or sighting.owner.token != owner.token:
            raise CardTakenError(f"{self.place}: another run signed the lease at the same time")

    def refresh(self) -> None:
        """Note a heartbeat."""
        if self._owner is not None:
            with reach(self.place):
                self._fs.pipe_file(self._card, self._owner.model_dump_json().encode())

    def remove(self) -> None:
        """Leave the lease to the next."""
        with reach(self.place):
            self._fs.rm_file(self._card)
