"""The tensors of a GGUF file, read without its vocabulary.

The `gguf` package parses every string of the vocabulary into arrays (36 s for Gemma's 262,144 tokens); what is
needed here is the table of tensors behind it. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
ALIGNMENT = 32  # unless `general.alignment` says otherwise


class Cursor:
    """A place in a byte buffer that moves as values are read."""

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer, self.at = buffer, 0

    def read(self, layout: str) -> tuple[Any, ...]:
        """Return the values of a struct layout (little-endian) and move behind them."""
        values = struct.unpack_from(f"<{layout}", self.buffer, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def read_string(self) -> str:
        """Return a string with its 64-bit length before it."""
        (length,) = self.read("Q")
        self.at += length
        return self.buffer[self.at - length : self.at].decode()

    def read_value(self, kind: int) -> Any:
        """Return a single value of a metadata type; an array is walked over and not returned."""
        if kind == STRING:
            return self.read_string()
        if kind != ARRAY:
            return self.read(FIXED[kind])[0]
        element, count = self.read("IQ")
        if element in FIXED:
            self.at += count * struct.calcsize(FIXED[element])
            return None
        for _ in range(count):
            (length,) = self.read("Q")
            self.at += length
        return None


def read_tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the dequantised values (float32, in torch's order of dimensions) of every tensor.

    Raises ValueError if the file is not GGUF version 3.
    """
    import numpy as np
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        table, start = _read_table(Cursor(buffer))
        for name, shape, kind_id, offset in table:
            kind = GGMLQuantizationType(kind_id)
            block, block_bytes = GGML_QUANT_SIZES[kind]
            row = shape[-1] // block * block_bytes
            raw = np.frombuffer(buffer, np.uint8, prod(shape[:-1]) * row, start + offset).copy()
            yield name, dequantize(raw.reshape(*shape[:-1], row), kind).reshape(shape)


def _read_table(cursor: Cursor) -> tuple[list[tuple[str, tuple[int, ...], int, int]], int]:
    """Return (name, shape, type, offset) of every tensor, and where the tensors' bytes begin."""
    magic, version, n_tensors, n_fields = cursor.read("4sIQQ")
    if magic != b"GGUF" or version != 3:
        raise ValueError(f"not a GGUF file of version 3 (magic {magic!r}, version {version})")
    alignment = ALIGNMENT
    for _ in range(n_fields):
        key = cursor.read_string()
        value = cursor.read_value(cursor.read("I")[0])
        alignment = value if key == "general.alignment" else alignment
    table = []
    for _ in range(n_tensors):
        name = cursor.read_string()
        (n_dimensions,) = cursor.read("I")
        *dimensions, kind, offset = cursor.read(f"{n_dimensions}QIQ")
        table.append((name, tuple(reversed(dimensions)), kind, offset))
    return table, -(-cursor.at // alignment) * alignment
