"""The journal: every reply, on disk before it is parsed. Segments and artifacts are the truth; the database is not.

A segment is a JSON Lines file `<journal>/<judge_id>/<run>-<chunk>-<n>.jsonl`. While it is written it ends
in `.open`; after 100 replies or one second the next one is opened, and it is synced and closed by a rename. A
killed run leaves an `.open` segment whose last line may be torn, with the NULs of its room behind: what is whole
in it counts.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from tasks.scoring.ledger.segment import RESERVED_BYTES, Segment, is_being_written

logger = logging.getLogger("empathy.journal")

SEGMENT_REPLIES = 100
SEGMENT_SECONDS = 1.0
MIN_ROOM_BYTES = RESERVED_BYTES // 4
"""With less room left, more is reserved before another call is paid for."""
MAX_CLOSING = 8
"""Segments on their way to the disk; a writer that is further ahead waits."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a judge, whatever came of it."""

    turn_key: str
    request_key: str
    sent_at: float
    """Unix time, seconds."""
    latency_s: float | None
    """None where a call waited in a queue: that says nothing of how fast the judge answers."""
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


def encode_attempt(attempt: Attempt) -> bytes:
    """Return an attempt as one line of JSON, its newline included."""
    try:
        return orjson.dumps(attempt, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits, is no reason to lose a reply
        return (json.dumps(to_row(attempt), ensure_ascii=False) + "\n").encode("utf-8", "replace")


def decode_attempt(line: bytes) -> Attempt:
    """Return the attempt of a line, fields of a later version left out.

    Raises ValueError, TypeError or AttributeError where there is none.
    """
    try:
        values = orjson.loads(line)
    except ValueError:
        values = json.loads(line)  # knows NaN, which the slow way of writing may have left
    try:
        return Attempt(**values)
    except TypeError:
        return Attempt(**{name: value for name, value in values.items() if name in ATTEMPT_FIELDS})


class SegmentWriter:
    """Appends attempts of one chunk; safe to use from several threads. Raises OSError if the disk refuses.

    A thread of its own brings closed segments to the disk: its errors are raised at the next call, and at the end.
    """

    def __init__(self, folder: Path, prefix: str, seconds: float = SEGMENT_SECONDS) -> None:
        self.folder, self.prefix, self.seconds = folder, prefix, seconds
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._segment: Segment | None = None
        self._number = _find_next_number(folder, prefix)
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._closing: deque[Future[None]] = deque()
        self._failure: BaseException | None = None

    def make_ready(self) -> None:
        """Have room for the replies of the calls in flight: to be called before each paid call, and cheap then."""
        with self._lock:
            self._raise_failure()
            if self._segment is None or self._is_due(self._segment):
                self._open_next()
            elif self._segment.room < MIN_ROOM_BYTES:
                self._segment.reserve(RESERVED_BYTES)

    def append(self, *attempts: Attempt) -> None:
        """Write attempts; when this returns they survive the death of the process."""
        lines = b"".join([encode_attempt(attempt) for attempt in attempts])
        with self._lock:
            self._find_segment().write(lines, len(attempts))
            self._raise_failure()

    def _is_due(self, segment: Segment) -> bool:
        is_old = segment.n_lines > 0 and time.monotonic() - segment.begun_at > self.seconds
        return is_old or segment.n_lines >= SEGMENT_REPLIES

    def _find_segment(self) -> Segment:
        """Return where to write a reply that was paid for: if need be the segment that is due, or one without room."""
        if self._segment is None or self._is_due(self._segment):
            try:
                return self._open_next()
            except OSError:
                self._segment = self._segment or self._create()
        return self._segment

    def _open_next(self) -> Segment:
        """Open the next segment; only then is the last one closed, whose room the calls in flight may need."""
        segment = self._create()
        try:
            segment.reserve(RESERVED_BYTES)
        except OSError:
            segment.discard()
            self._number -= 1
            raise
        self._close_segment()
        self._segment = segment
        return segment

    def _create(self) -> Segment:
        segment = Segment(self.folder / f"{self.prefix}-{self._number:05d}.jsonl.open")
        self._number += 1
        return segment

    def _close_segment(self) -> None:
        if self._segment is not None:
            if len(self._closing) >= MAX_CLOSING:
                wait([self._closing[0]])
            self._closing.append(self._closer.submit(self._segment.close))
        self._segment = None

    def _raise_failure(self) -> None:
        """Raise what went wrong in closing a segment, from then on always: the disk is not to be trusted."""
        while self._closing and self._closing[0].done():
            error = self._closing.popleft().exception()
            self._failure = self._failure or error
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            try:
                self._finish()
            except OSError as failure:
                if error is None:
                    raise
                logger.warning("a segment was not closed: %s", failure)

    def _finish(self) -> None:
        if self._segment is not None and not self._segment.n_lines:
            self._segment.discard()
            self._segment = None
        self._close_segment()
        self._closer.shutdown()
        self._raise_failure()


def _find_next_number(folder: Path, prefix: str) -> int:
    """Return the number after the last one taken: a segment must never be renamed over another."""
    pattern = re.compile(re.escape(prefix) + r"-(\d+)\.jsonl(\.open)?")
    found = (pattern.fullmatch(entry.name) for entry in os.scandir(folder))
    return max((int(match[1]) + 1 for match in found if match), default=0)


def list_segments(folder: Path) -> list[Path]:
    """Return the segments of a judge in the order of their names, open ones of dead runs among them."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.open")))


def segment_name(path: Path) -> str:
    """Return a segment's name, the same before and after it is closed."""
    return path.name.removesuffix(".open")


def close_left_segments(folder: Path) -> int:
    """Close what killed runs left open, its room cut off, and return how many; what is being written stays open."""
    left = [path for path in list_segments(folder) if path.suffix == ".open" and not is_being_written(path)]
    for path in left:
        with path.open("r+b") as file:
            file.truncate(len(file.read().rstrip(b"\x00")))
            os.fsync(file.fileno())
        path.rename(path.with_suffix(""))
    return len(left)


def read_segment(path: Path) -> Iterator[tuple[int, Attempt]]:
    """Yield (line number, attempt); a torn last line and the room behind it, left by a kill, are passed over.

    So is a line that the disk damaged, with a warning: its turn has no score and is asked again.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # its writer closed it a moment ago
        content = path.with_name(segment_name(path)).read_bytes()
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            attempt = decode_attempt(line)
        except (ValueError, TypeError, AttributeError):
            logger.warning("damaged journal line passed over: %s:%d", path, number)
            continue
        yield number, attempt
