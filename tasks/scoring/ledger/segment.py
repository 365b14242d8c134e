"""One segment of the journal while it is written: a file with room reserved beyond what stands in it.

Its writer holds a lock on it, which goes with the writer's life: nobody closes, or reads as whole, what may yet grow.

A full disk then refuses the reservation, before a call is paid for, and not the reply. The room is a tail of
NULs; it is cut off when the segment closes and stays behind when the process is killed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

RESERVED_BYTES = 1 << 20
CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


class Segment:
    """An open segment. Raises OSError if the disk refuses; not safe to use from several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_lines, self.begun_at = 0, 0.0
        self._length = self._end = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def room(self) -> int:
        """Return the bytes reserved that nothing is written in."""
        return self._end - self._length

    def reserve(self, n_bytes: int) -> None:
        """Have room for so many bytes; refused, the segment is as it was."""
        if n_bytes <= self.room:
            return
        end = self._length + n_bytes
        try:
            _allocate(self._fd, self._end, end - self._end)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._end = end

    def write(self, lines: bytes, n_lines: int) -> None:
        """Hand lines to the operating system: all of them or, where there is no room, none."""
        self.reserve(len(lines))
        n_written = os.pwrite(self._fd, lines, self._length)
        while n_written < len(lines):
            n_written += os.pwrite(self._fd, lines[n_written:], self._length + n_written)
        if not self.n_lines:
            self.begun_at = time.monotonic()
        self.n_lines += n_lines
        self._length += len(lines)

    def close(self) -> None:
        """Cut the room off, bring the lines to the disk, and take the name of a closed segment."""
        try:
            os.ftruncate(self._fd, self._length)
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
        self.path.rename(self.path.with_suffix(""))

    def discard(self) -> None:
        """Leave nothing of a segment that nothing was written in."""
        os.close(self._fd)
        self.path.unlink()


def is_being_written(path: Path) -> bool:
    """Say whether a living process writes an open segment."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # closed a moment ago, or a file system without locks
        return False
    return False


def _allocate(fd: int, start: int, n_bytes: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS
        return write_nuls(fd, start, n_bytes)
    try:
        os.posix_fallocate(fd, start, n_bytes)
    except OSError as error:
        if error.errno not in CANNOT_RESERVE:
            raise
        write_nuls(fd, start, n_bytes)


def write_nuls(fd: int, start: int, n_bytes: int) -> None:
    """Occupy bytes of a file where the system cannot reserve them."""
    n_written = 0
    while n_written < n_bytes:
        n_written += os.pwrite(fd, bytes(n_bytes - n_written), start + n_written)
