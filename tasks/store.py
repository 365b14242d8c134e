"""The DuckDB index of one host. It takes one process at a time: open it, change it, close it.

The journal and the artifacts are the truth; nothing is lost with this file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from tasks.errors import StoreError

if TYPE_CHECKING:
    from tasks.settings import Settings

SCHEMA_VERSION = 3
MIGRATIONS = {
    2: (
        "ALTER TABLE subsets ALTER COLUMN sensibility_threshold DROP NOT NULL",
        "ALTER TABLE subsets ALTER COLUMN rationality_threshold DROP NOT NULL",
    ),
}
"""What makes the next version of a version's tables. What is not here needs `empathy rebuild`."""

_TURNS = threading.RLock()
"""Threads of one process take turns, as processes do: DuckDB would let the second one's commit fail."""


class Store:
    """The database file; every use is one short transaction."""

    def __init__(self, path: Path, lock_timeout_s: float = 60.0) -> None:
        self.path, self.lock_timeout_s = path, lock_timeout_s

    @classmethod
    def from_settings(cls, settings: Settings) -> Store:
        """Open the database of the machine's home."""
        return cls(settings.database, settings.lock_timeout_s)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection; what was done is committed at the end, or undone if anything was raised.

        Waits up to `lock_timeout_s` for another process's transaction to end. Raises StoreError if
        the lock is not freed, the file is damaged or cannot be written, or is of a newer version.
        """
        with _TURNS:
            connection = self._connect()
            try:
                connection.begin()
                self._prepare_schema(connection)
                yield connection
                self._commit(connection)
            except BaseException:
                with suppress(duckdb.TransactionException):  # a commit that failed has ended it
                    connection.rollback()
                raise
            finally:
                connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self.lock_timeout_s
        while True:
            try:
                connection = duckdb.connect(str(self.path))
                connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, amid our JSON
                return connection
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error):
                    raise self._unusable(error) from None
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"The database is in use by another process (waited {self.lock_timeout_s:.0f} s).",
                        where=str(self.path),
                        do="wait for that run, or see `empathy status`",
                    ) from None
                time.sleep(0.05)
            except duckdb.Error as error:
                raise self._unusable(error) from None

    def _commit(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.commit()
        except duckdb.Error as error:
            raise StoreError(
                f"The database cannot be written: {str(error).splitlines()[0]}",
                where=str(self.path),
                do="see that the disk has room and the folder can be written, then run the same again",
            ) from None

    def _unusable(self, error: Exception) -> StoreError:
        reason = str(error).splitlines()[0]
        return StoreError(
            f"The database cannot be opened: {reason}",
            where=str(self.path),
            do="if it is damaged, `empathy rebuild` makes it anew from journal and artifacts",
        )

    def _prepare_schema(self, connection: duckdb.DuckDBPyConnection) -> None:
        known = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name = 'schema_version'"
        ).fetchone()
        if not known or not known[0]:
            connection.execute((resources.files("tasks") / "schema.sql").read_text(encoding="utf-8"))
            connection.execute("INSERT INTO schema_version VALUES (?)", [SCHEMA_VERSION])
            return
        (version,) = connection.execute("SELECT max(version) FROM schema_version").fetchone() or (0,)
        while version in MIGRATIONS:
            for change in MIGRATIONS[version]:
                connection.execute(change)
            version += 1
            connection.execute("UPDATE schema_version SET version = $version", {"version": version})
        if version != SCHEMA_VERSION:
            again = "`empathy rebuild` makes it anew from journal and artifacts"
            raise StoreError(
                f"The database has schema version {version}; this program knows {SCHEMA_VERSION}.",
                where=str(self.path),
                do=again if version < SCHEMA_VERSION else f"use the program that wrote it, or {again}",
            )
