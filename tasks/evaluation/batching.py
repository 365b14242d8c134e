"""Which rows go through a model together: like lengths, and never more than memory is meant to hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

UNLIMITED = 1 << 30


def plan_batches(lengths: Sequence[int], max_rows: int, max_cells: int) -> list[list[int]]:
    """Return indices of rows in batches, longest rows first (what does not fit fails at once).

    A batch has at most `max_rows` rows and, padded to its longest, at most `max_cells` tokens; a row
    that is longer than that stands alone, a row of length 0 nowhere. Rows of one length keep their order.
    """
    batches: list[list[int]] = []
    for index in sorted((row for row, length in enumerate(lengths) if length), key=lambda row: -lengths[row]):
        last = batches[-1] if batches else []
        fits = bool(last) and len(last) < max_rows and (len(last) + 1) * lengths[last[0]] <= max_cells
        if fits:
            last.append(index)
        else:
            batches.append([index])
    return batches


def count_positions(model: PreTrainedModel) -> int:
    """Return how many tokens a model was made for; a very large number if its config does not say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or UNLIMITED
