"""What one training sees, decided before a model is loaded: its rows as tokens, in order, and those it is tried on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tasks.config import ExpertConfig, RouterConfig
from tasks.experts.bases import Base
from tasks.experts.batches import order_rows
from tasks.experts.encoding import TrainingRows, count_response_tokens, to_training_rows
from tasks.experts.runtime import Runtime
from tasks.experts.token_cache import TokenCache
from tasks.schema import digest_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Lesson:
    """Rows of tokens for one training."""

    encoded: TrainingRows
    """Every turn once."""
    ordered: pl.DataFrame
    """n_steps x batch_size rows: each run of `batch_size` is one step."""
    valid: pl.DataFrame | None
    """Turns of another split that the loss is measured on meanwhile; None where nobody looks."""
    n_steps: int

    def count(self) -> dict[str, int]:
        """Return what is trained on: `n_rows` different turns, and tokens of all steps together."""
        return {
            "n_rows": len(self.list_seen()),
            "n_tokens": int(self.ordered["input_ids"].list.len().sum()),
            "n_response_tokens": count_response_tokens(self.ordered),
            "n_truncated": self.encoded.n_truncated,
            "n_dropped": self.encoded.n_dropped,
        }

    def list_seen(self) -> pl.DataFrame:
        """Return dialogue_id and turn_key of every turn that is trained on, sorted."""
        return self.ordered.select("dialogue_id", "turn_key").unique().sort("dialogue_id", "turn_key")


def prepare_lesson(
    rows: pl.DataFrame,
    valid: pl.DataFrame | None,
    base: Base,
    tokenizer: PreTrainedTokenizerBase,
    config: ExpertConfig,
    how_long: ExpertConfig | RouterConfig,
    n_steps: int | None,
    runtime: Runtime,
) -> Lesson:
    """Tokenise the turns and put them in order; `how_long` says steps and seed where `n_steps` does not.

    Raises UsageError if there is nothing to learn from, or turns are too long.
    """
    cache = find_cache(base, tokenizer, config, runtime)
    encoded = to_training_rows(rows, tokenizer, config.prompt_format, config.max_length, config.too_long, cache)
    n_planned = math.ceil(len(encoded.frame) * how_long.epochs / config.batch_size)
    steps = n_steps or how_long.max_steps or n_planned
    ordered = order_rows(encoded.frame, steps, config.batch_size, how_long.seed)
    tried = None
    if config.n_evaluations and valid is not None:
        tried = to_training_rows(valid, tokenizer, config.prompt_format, config.max_length, "cut", cache).frame
    return Lesson(encoded, ordered, tried, steps)


def find_cache(
    base: Base, tokenizer: PreTrainedTokenizerBase, config: ExpertConfig, runtime: Runtime
) -> TokenCache | None:
    """Return the cache of turns as this base and this config tokenise them, if the runtime has one."""
    if runtime.token_cache is None:
        return None
    template = digest_of({"template": str(tokenizer.chat_template)})
    return TokenCache.at(
        runtime.token_cache,
        base=base.digest,
        template=template,
        prompt_format=config.prompt_format,
        max_length=config.max_length,
    )
