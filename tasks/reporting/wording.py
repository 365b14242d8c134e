"""Numbers and texts as a person reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from tasks.reporting.blocks import Cell

ELLIPSIS = "…"
NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
"""Control characters, which SVG forbids, and marks that would turn the direction of the text around them."""
NARROW_SPACE = "\u202f"


def count_cell(n: int, note: str = "", swatch: str = "") -> Cell:
    """Return a whole number with thousands separators."""
    return Cell(f"{n:,}", n, note, swatch)


def share_cell(part: int, whole: int, note: str = "") -> Cell:
    """Return `part` of `whole` in percent with one decimal; a dash where there is no whole."""
    return Cell(share_text(part, whole), part / whole if whole else None, note)


def share_text(part: int, whole: int) -> str:
    """Return `part` of `whole` in percent with one decimal."""
    return f"{100 * part / whole:.1f}{NARROW_SPACE}%" if whole else "–"


def number_cell(value: float | None, digits: int = 2, note: str = "") -> Cell:
    """Return a number with fixed decimals; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return Cell("∞" if value == math.inf else "–")
    return Cell(f"{round(value, digits) + 0.0:,.{digits}f}", value, note)  # + 0.0 turns a negative zero into zero


def count_of(n: int, noun: str) -> str:
    """Return a count with its noun, which takes an s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def join_words(words: Sequence[str]) -> str:
    """Return words as one enumeration: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def clip(text: str, length: int = 280) -> str:
    """Return a text on one line, without what is not shown, cut at a word where it is too long."""
    line = " ".join(NOT_SHOWN.sub(" ", text).split())
    if len(line) <= length:
        return line
    return line[:length].rsplit(" ", 1)[0] + ELLIPSIS
