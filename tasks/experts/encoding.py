"""Training rows: turns as tokens, with labels on the response only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks.chat import PromptFormat
from tasks.errors import UsageError
from tasks.experts.rendering import TurnEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MASKED = -100
"""Label of a token that is no part of the loss."""
COLUMNS: dict[str, pl.DataType] = {
    "dialogue_id": pl.String(),
    "turn_key": pl.String(),
    "input_ids": pl.List(pl.Int64),
    "labels": pl.List(pl.Int64),
}


@dataclass(frozen=True)
class TrainingRows:
    """Rows a model can learn from: `frame` has dialogue_id, turn_key, input_ids and labels (lists of int)."""

    frame: pl.DataFrame
    n_truncated: int
    """Rows whose context was cut at its beginning."""
    n_dropped: int
    """Rows left out: their response is empty, or leaves no room for a context."""


def to_training_rows(
    rows: pl.DataFrame, tokenizer: PreTrainedTokenizerBase, prompt_format: PromptFormat, max_length: int
) -> TrainingRows:
    """Render and tokenise turns (dialogue_id, turn_key, prompt, completion).

    What is longer than `max_length` tokens loses the beginning of its context, never a token of its response.
    Raises UsageError if there is no row, or none that is left to learn from.
    """
    encoder = TurnEncoder(tokenizer, prompt_format)
    kept: list[dict[str, Any]] = []
    n_truncated = 0
    for row in rows.iter_rows(named=True):
        response = encoder.encode_response(row["prompt"], row["completion"][0]["content"])
        fitted = encoder.fit_prompt(row["prompt"], max_length - len(response)) if response else None
        if fitted is None:
            continue
        prompt, is_cut = fitted
        n_truncated += is_cut
        tokens = {"input_ids": prompt + response, "labels": [MASKED] * len(prompt) + response}
        kept.append({"dialogue_id": row["dialogue_id"], "turn_key": row["turn_key"], **tokens})
    if not kept:
        raise UsageError(
            f"There is nothing to learn from: of {len(rows)} turns none has a response that fits.",
            where=f"expert.max_length={max_length}",
            do="select with other thresholds, or raise expert.max_length",
        )
    return TrainingRows(pl.DataFrame(kept, schema=COLUMNS), n_truncated, len(rows) - len(kept))


def count_response_tokens(rows: pl.DataFrame) -> int:
    """Return how many tokens of the rows are learned from."""
    return int(rows["labels"].list.eval(pl.element() != MASKED).list.sum().sum())
