"""Texts in a cell of a spreadsheet, where one that begins like a formula would be one."""

from __future__ import annotations

import re

_FORMULA = r"[=+@\uff1d\uff0b\uff0d\uff20]|-(?!\))"
"""What begins a formula, in its wide forms too; no formula begins as the second half of a wink does."""
_RISKY = re.compile(rf"(^|[;\t])(\s*)(?='*(?:{_FORMULA}))")
"""Where a cell begins, or would if the file were cut at semicolons: a European spreadsheet does that."""
_GUARDED = re.compile(rf"(^|[;\t])(\s*)'(?='*(?:{_FORMULA}))")


def guard_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe stands before what could be one."""
    return _RISKY.sub(r"\1\2'", text)


def unguard_cell(text: str) -> str:
    """Return the text that `guard_cell` was given."""
    return _GUARDED.sub(r"\1\2", text)
