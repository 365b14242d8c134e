"""What the rules that rank share: the best of an axis first, then the best of the rest on the other."""

from __future__ import annotations

from tasks.selection_config import DEFAULT_AXIS, AxisName

LETTERS: dict[AxisName, str] = {"sensibility": "S", "rationality": "R"}
BY_CONTENT = "turn_key, dialogue_id, utterance_idx"
"""Ties are broken by what a turn says, never by where its row stands; equal texts by where they are said."""

SUBSET = """CASE
    WHEN first_place <= n_first THEN axis
    WHEN second_place <= n_second THEN other
    ELSE 'discard'
END"""
REASON = """CASE
    WHEN first_place <= n_first THEN why_first
    WHEN second_place <= n_second THEN why_second
    ELSE 'not among the best'
END"""


def rank(turns: str, axis: AxisName | None, sizes: tuple[int, int], n: int) -> str:
    """Return SQL that gives each open turn of `turns` its place on the axis, and the rest theirs on the other.

    `turns` is SQL with `s`, `r` and `is_open`; `n` is how many are open.
    """
    axis = axis or DEFAULT_AXIS
    other: AxisName = "rationality" if axis == "sensibility" else "sensibility"
    n_first, n_second = sizes
    first = f"{LETTERS[axis]} among the best {n_first:,} of {n:,}"
    second = f"{LETTERS[other]} among the best {n_second:,} of the other {n - n_first:,}"
    constants = (
        f"{n_first} AS n_first, {n_second} AS n_second, '{axis}' AS axis, '{other}' AS other, "
        f"'{first}' AS why_first, '{second}' AS why_second"
    )
    placed = (
        f"SELECT *, {constants}, row_number() OVER "  # noqa: S608 - our own expressions and whole numbers
        f"(PARTITION BY is_open ORDER BY {_column(axis)} DESC, {BY_CONTENT}) AS first_place FROM ({turns})"
    )
    return (
        f"SELECT *, row_number() OVER (PARTITION BY is_open, first_place <= n_first "  # noqa: S608 - as above
        f"ORDER BY {_column(other)} DESC, {BY_CONTENT}) AS second_place FROM ({placed})"
    )


def _column(axis: AxisName) -> str:
    return LETTERS[axis].lower()
