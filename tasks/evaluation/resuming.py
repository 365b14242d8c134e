"""The finished batches of one system's evaluation, kept until its artifact is there: a killed run repeats one batch."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.errors import StoppedShortError
from tasks.schema import canonical_json


@dataclass(frozen=True)
class FinishedBatches:
    """Where an evaluation keeps what it has computed, and how long it may run; no result depends on it.

    A batch is known by the tokens that went in, so whoever plans other batches finds none and computes its own.
    The folder belongs to one recipe: model, limits and prompts are the same for all that stands in it.
    """

    folder: Path
    max_minutes: float | None = None
    started_s: float = field(default_factory=time.monotonic)

    def find(self, kind: str, tokens: Sequence[Sequence[int]]) -> list[Any] | None:
        """Return the values of a batch, one a row, or None if it is not there whole."""
        key = _key_of(kind, tokens)
        try:
            part = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            values = part["values"]
            is_ours = part["key"] == key and part["sha256"] == _hash(values) and len(values) == len(tokens)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return list(values) if is_ours else None

    def keep(self, kind: str, tokens: Sequence[Sequence[int]], values: Sequence[Any]) -> None:
        """Write the values of a batch (one a row, as JSON knows them) under its name in one step."""
        key = _key_of(kind, tokens)
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{key}-{uuid.uuid4().hex[:8]}"
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"key": key, "sha256": _hash(values), "values": values}, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / f"{key}.json")

    def stop_if_time_is_up(self, step: str, n_done: int, n_rows: int) -> None:
        """Raise StoppedShortError if the time is up and rows are left."""
        if self.max_minutes is None or n_done >= n_rows or time.monotonic() - self.started_s < 60 * self.max_minutes:
            return
        raise StoppedShortError(
            f"{step}: the {self.max_minutes:g} minutes are up after {n_done:,} of {n_rows:,} turns.",
            where=str(self.folder),
            do="run the same command again: it goes on from there",
        )

    def clear(self) -> None:
        """Remove them: the artifact holds all."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _key_of(kind: str, tokens: Sequence[Sequence[int]]) -> str:
    return hashlib.sha256(canonical_json([kind, tokens])).hexdigest()


def _hash(values: Sequence[Any]) -> str:
    return hashlib.sha256(canonical_json(values)).hexdigest()
