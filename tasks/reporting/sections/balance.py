"""How evenly the subsets spread over emotions, places in the dialogue and lengths, before and after the modifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.reporting.blocks import Block, Cell, Table
from tasks.reporting.chosen import Selection
from tasks.reporting.wording import number_cell
from tasks.schema import Subset

GROUPS = {"emotion": "Emotions", "place": "Places in the dialogue", "length": "Lengths"}
READING = (
    "Evenness is the entropy of a subset's turns over that of an even spread: 1 is even, 0 is all in one group. "
    "It counts the groups that the scored turns have."
)


def tabulate_balance(selection: Selection) -> list[Block]:
    """Return the evenness of each subset, beside what it was without modifiers where there are some."""
    balance: Mapping[str, Any] = selection.facts.get("balance") or {}
    after, before = balance.get("after"), balance.get("before")
    if not after or not before:
        return []
    is_changed = selection.config is not None and selection.config.has_modifiers
    rows = [
        [Cell(subset.value.capitalize(), swatch=subset.value)]
        + [make_cell(before[subset][group], after[subset][group], is_changed) for group in GROUPS]
        for subset in Subset
    ]
    caption = "Evenness, after the modifiers and before them" if is_changed else "Evenness"
    return [Table(caption, ("Subset", *GROUPS.values()), rows, note=READING)]


def make_cell(before: float | None, after: float | None, is_changed: bool) -> Cell:
    """Return the evenness after the modifiers, noted with that before them where there are some."""
    return number_cell(after, 3, note=f"before {number_cell(before, 3).text}" if is_changed else "")
