"""The lines of a text file, one at a time and never more than 8 MiB, whatever bytes the file holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from tasks.dialogues.rejected import Reason

MAX_LINE_BYTES = 8 * 2**20
MAX_RAW_CHARS = 64 * 2**10  # of a line that is too long; all others stand in quarantine as a whole


class Line(NamedTuple):
    """A line that is not blank, without its line end; with a problem, `text` is its printable form."""

    number: int
    end: int
    """Byte offset in the file after this line."""
    text: str
    problem: Reason | None


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that are not blank; only a line feed ends a line, a byte order mark is dropped."""
    number = end = 0
    with path.open("rb") as file:
        while chunk := file.readline(MAX_LINE_BYTES):
            number += 1
            end += len(chunk)
            if len(chunk) == MAX_LINE_BYTES and not chunk.endswith(b"\n"):
                end += _skip_rest_of_line(file)
                text = chunk[:MAX_RAW_CHARS].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
                yield Line(number, end, text, Reason.TOO_LONG)
                continue
            text, problem = decode_line(chunk)
            if number == 1:
                text = text.removeprefix("\ufeff")
            if text.strip():
                yield Line(number, end, text, problem)


def decode_line(chunk: bytes) -> tuple[str, Reason | None]:
    """Return a line as text without its line end, and what is wrong with it."""
    chunk = chunk.removesuffix(b"\n").removesuffix(b"\r")
    try:
        text = chunk.decode("utf-8")
    except UnicodeDecodeError:
        return chunk.decode("utf-8", "backslashreplace").replace("\0", "\\x00"), Reason.UNDECODABLE
    if "\0" in text:
        return text.replace("\0", "\\x00"), Reason.NUL_BYTE
    return text, None


def _skip_rest_of_line(file: IO[bytes]) -> int:
    """Read on to the end of the line and return how many bytes that was."""
    n_bytes = 0
    while rest := file.readline(MAX_LINE_BYTES):
        n_bytes += len(rest)
        if rest.endswith(b"\n"):
            break
    return n_bytes
