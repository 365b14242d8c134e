"""Rows that a model continues together, a token a step; rows come and go while the others go on.

All rows end at the right edge: shorter ones are padded on the left, in the KV cache too, and masked there.
It works on tensors, so it imports torch when it is imported: import it inside functions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from tasks.errors import ConfigError


class DecodingBatch:
    """The KV cache of some rows and which of its columns are theirs: `mask` (rows, width)."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model: Any = model
        self.cache: Any = None
        self.mask = torch.zeros((0, 0), dtype=torch.long, device=model.device)
        odd = {type(layer).__name__ for layer in self._make_cache().layers if type(layer) not in LAYERS}
        if odd:
            raise ConfigError(
                f"{type(model).__name__} cannot be served: it keeps what it has read as {', '.join(sorted(odd))}.",
                do="serve a model whose layers are attention, over all tokens or in a sliding window",
            )

    @torch.inference_mode()
    def add(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Read new rows and put them behind the others; return the logits after each, (new rows, vocabulary)."""
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=self.model.device)
        cache = self._make_cache()
        logits = self._forward(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0), cache)
        if self.cache is None:
            self.cache, self.mask = cache, mask
        else:
            self.mask = torch.cat([pad_left(self.mask, width), pad_left(mask, self.mask.shape[1])])
            join_rows(self.cache, cache, self.mask.shape[1])
        return logits

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> Tensor:
        """Continue every row by its token; return the logits after it, (rows, vocabulary)."""
        ids = torch.tensor(tokens, device=self.model.device).unsqueeze(1)
        self.mask = functional.pad(self.mask, (0, 1), value=1)
        return self._forward(ids, self.mask, self.mask.sum(-1, keepdim=True) - 1, self.cache)

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, and the columns that only the dropped ones used."""
        if len(rows) == len(self.mask):
            return
        if not rows:
            self.cache, self.mask = None, self.mask[:0, :0]
            return
        index = torch.tensor(rows, device=self.mask.device)
        mask = self.mask[index]
        first_used = int(mask.any(0).int().argmax())
        self.mask = mask[:, first_used:]
        select_rows(self.cache, index, self.mask.shape[1])

    def _make_cache(self) -> DynamicCache:
        return DynamicCache(config=self.model.config.get_text_config(decoder=True))

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache) -> Tensor:
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()


LAYERS = (DynamicLayer, DynamicSlidingWindowLayer)
"""Memories that are a row of keys and values for each token, so that rows can be joined and parted."""


def join_rows(cache: Any, new: Any, width: int) -> None:
    """Put the rows of `new` behind those of `cache`; both are `width` columns wide afterwards."""
    for layer, other in zip(cache.layers, new.layers, strict=True):
        n_kept = max(layer.keys.shape[-2], other.keys.shape[-2])
        layer.keys = torch.cat([pad_columns(layer.keys, n_kept), pad_columns(other.keys, n_kept)])
        layer.values = torch.cat([pad_columns(layer.values, n_kept), pad_columns(other.values, n_kept)])
        set_width(layer, width)


def select_rows(cache: Any, rows: Tensor, width: int) -> None:
    """Keep these rows and the last `width` columns; a sliding window may hold fewer."""
    for layer in cache.layers:
        n_kept = min(width, layer.keys.shape[-2])
        layer.keys = layer.keys[rows, :, -n_kept:]
        layer.values = layer.values[rows, :, -n_kept:]
        set_width(layer, width)


def set_width(layer: DynamicLayer, width: int) -> None:
    """Tell a layer that forgets how many columns it has seen; the others count what they hold."""
    if isinstance(layer, DynamicSlidingWindowLayer):
        layer.cumulative_length = width


def pad_left(mask: Tensor, width: int) -> Tensor:
    """Return a mask (rows, n) that is at least `width` wide, zeros in front."""
    return functional.pad(mask, (max(0, width - mask.shape[1]), 0))


def pad_columns(states: Tensor, n: int) -> Tensor:
    """Return keys or values (rows, heads, columns, features) with zeros in front up to `n` columns."""
    return functional.pad(states, (0, 0, n - states.shape[-2], 0))
