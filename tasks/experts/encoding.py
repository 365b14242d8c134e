"""Training rows: turns as tokens, with labels on the response only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from tasks.chat import PromptFormat
from tasks.errors import UsageError
from tasks.experts.rendering import TurnEncoder
from tasks.experts.token_cache import SCHEMA, TokenCache

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
    rows: pl.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    prompt_format: PromptFormat,
    max_length: int,
    too_long: Literal["cut", "refuse"] = "cut",
    cache: TokenCache | None = None,
) -> TrainingRows:
    """Render and tokenise turns (dialogue_id, turn_key, prompt, completion).

    What is longer than `max_length` tokens loses the beginning of its context, never a token of its response, or is
    refused, as `too_long` says. A `cache` (of this tokenizer, format and length) keeps the tokens for the next model.
    Raises UsageError if there is no row, none that is left to learn from, or one that is too long and not to be cut.
    """
    encoder = TurnEncoder(tokenizer, prompt_format)

    def encode(row: Mapping[str, Any]) -> tuple[list[int], list[int], bool]:
        response = encoder.encode_response(row["prompt"], row["completion"][0]["content"])
        fitted = encoder.fit_prompt(row["prompt"], max_length - len(response)) if response else None
        return ([], [], bool(response)) if fitted is None else (fitted[0], response, fitted[1])

    if cache is None:
        tokens = pl.DataFrame([(b"", *encode(row)) for row in rows.iter_rows(named=True)], schema=SCHEMA, orient="row")
    else:
        tokens = cache.encode(rows, encode)
    refuse_unfit(tokens, max_length, is_cut_allowed=too_long == "cut")
    together = rows.select("dialogue_id", "turn_key").hstack(tokens)
    kept = together.filter(pl.col("response_ids").list.len() > 0)
    masked = pl.lit([MASKED], dtype=pl.List(pl.Int32)).list.first().repeat_by(pl.col("prompt_ids").list.len())
    frame = kept.with_columns(
        input_ids=pl.concat_list("prompt_ids", "response_ids"),
        labels=pl.concat_list(masked, "response_ids"),
    ).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    return TrainingRows(frame, int(kept["is_cut"].sum()), len(rows) - len(kept))


def refuse_unfit(tokens: pl.DataFrame, max_length: int, *, is_cut_allowed: bool) -> None:
    """Raise UsageError where no row can be learned from, or where rows are too long and are not to be cut."""
    if not (tokens["response_ids"].list.len() > 0).any():
        raise UsageError(
            f"There is nothing to learn from: of {len(tokens)} turns none has a response that fits.",
            where=f"expert.max_length={max_length}",
            do="select with other thresholds, or raise expert.max_length",
        )
    n_long = int(tokens["is_cut"].sum())
    if n_long and not is_cut_allowed:
        raise UsageError(
            f"{n_long:,} of {len(tokens):,} turns are longer than {max_length} tokens.",
            where=f"expert.max_length={max_length}, expert.too_long=refuse",
            do="raise expert.max_length, or let expert.too_long=cut drop the beginning of their context",
        )


def count_response_tokens(rows: pl.DataFrame) -> int:
    """Return how many tokens of the rows are learned from."""
    return int(rows["labels"].list.eval(pl.element() != MASKED).list.sum().sum())
