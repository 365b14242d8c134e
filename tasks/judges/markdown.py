"""Tables as the cards of judges have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def write_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
