"""The journal: every reply, on disk before it is parsed. Segments and artifacts are the truth; the database is not.

A segment is a JSON Lines file `<journal>/<judge_id>/<run>-<chunk>-<n>.jsonl`. While it is written it ends
in `.open`; after 100 replies or one second it is synced and closed by a rename. A killed run leaves an
`.open` segment whose last line may be torn: what is whole in it counts.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

logger = logging.getLogger("empathy.journal")

SEGMENT_REPLIES = 100
SEGMENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a judge, whatever came of it."""

    turn_key: str
    request_key: str
    sent_at: float
    """Unix time, seconds."""
    latency_s: float
    reply: str | None = None
    http_status: int | None = None
    error_class: str | None = None
    """Why there is no usable reply; None where the call succeeded (the reply may still not parse)."""
    finish_reason: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    """What the call cost at the prices of its day; None where the price, or whether it was charged, is not known."""
    method: str = "point"
    choices: list[str] | None = None
    """All the replies of one call that was asked for several (`reply` is the first of them)."""
    logprobs: list[Any] | None = None
    """The reply's tokens, [token, {candidate: log-probability}], candidates only where a number stands."""


ATTEMPT_FIELDS = tuple(field.name for field in fields(Attempt))


def to_row(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt's fields by name (`dataclasses.asdict` copies deeply, at ten times the cost)."""
    return {name: getattr(attempt, name) for name in ATTEMPT_FIELDS}


class SegmentWriter:
    """Appends attempts of one chunk; safe to use from several threads. Raises OSError if the disk refuses."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file: Any = None
        self._n_segments = len(list(folder.glob(f"{prefix}-*.jsonl*")))
        self._n_lines, self._opened_at = 0, 0.0

    def append(self, *attempts: Attempt) -> None:
        """Write attempts; when this returns they survive the death of the process."""
        lines = "".join(json.dumps(to_row(attempt), ensure_ascii=False) + "\n" for attempt in attempts)
        with self._lock:
            if self._file is None:
                self._open_segment()
            self._file.write(lines.encode("utf-8", "replace"))  # half a surrogate pair is no reason to lose a reply
            self._file.flush()
            self._n_lines += len(attempts)
            if self._n_lines >= SEGMENT_REPLIES or time.monotonic() - self._opened_at > SEGMENT_SECONDS:
                self._close_segment()

    def _open_segment(self) -> None:
        self._path = self.folder / f"{self.prefix}-{self._n_segments:05d}.jsonl.open"
        self._file = self._path.open("xb")
        self._n_segments += 1
        self._n_lines, self._opened_at = 0, time.monotonic()

    def _close_segment(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._path.rename(self._path.with_suffix(""))

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._file is not None:
                self._close_segment()


def list_segments(folder: Path) -> list[Path]:
    """Return the segments of a judge in the order of their names, open ones of dead runs among them."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.open")))


def segment_name(path: Path) -> str:
    """Return a segment's name, the same before and after it is closed."""
    return path.name.removesuffix(".open")


def read_segment(path: Path) -> Iterator[tuple[int, Attempt]]:
    """Yield (line number, attempt); a torn last line, left by a kill, is passed over.

    So is a line that the disk damaged, with a warning: its turn has no score and is asked again.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                values = json.loads(line)
                attempt = Attempt(**{key: value for key, value in values.items() if key in ATTEMPT_FIELDS})
            except (ValueError, TypeError, AttributeError):
                logger.warning("damaged journal line passed over: %s:%d", path, number)
                continue
            yield number, attempt
