"""How much memory a training will need, found out from shapes alone before the model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import psutil

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts.arguments import split_step
from tasks.experts.bases import choose_device
from tasks.experts.encoding import MASKED
from tasks.experts.lesson import Lesson
from tasks.experts.ranks import count_processes, is_sharded
from tasks.experts.runtime import Runtime
from tasks.experts.targets import MLP_LINEARS

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GB = 1e9
CGROUP = Path("/sys/fs/cgroup")
# What the backward pass of one decoder layer keeps of a token, in numbers: about so many of the hidden size, more for
# each adapted linear of the attention, and of the MLP's inner size. Fitted to peaks measured with Gemma 3 270M on a
# CPU, 2.75 and 2.13 GB beside the weights, which come out as 2.70 and 2.07.
HIDDEN_KEPT, HIDDEN_KEPT_OF_ATTENTION, INNER_KEPT = 16, 4, 6
LOGITS_KEPT = 3
"""Logits, their softmax and its gradient, float32 each; and on a CPU the product packs the head's weights once more."""
ADAPTER_BYTES = 16
"""Of one trained weight: itself, its gradient and two moments, float32 each."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes by what they are for."""

    weights: int
    adapters: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.adapters + self.activations + self.logits


def check_memory(
    shape: PreTrainedModel,
    lesson: Lesson,
    config: ExpertConfig,
    targets: Sequence[str],
    runtime: Runtime,
    n_adapters: int = 1,
) -> MemoryEstimate:
    """Return what a training will need; `shape` is the base without weights. Raises ConfigError if it is not free."""
    device = choose_device(runtime.device)
    estimate = estimate_memory(shape, lesson, config, targets, device, n_adapters)
    free = measure_free(device)
    if estimate.total > free:
        parts = {"weights": estimate.weights, "activations": estimate.activations, "logits": estimate.logits}
        told = ", ".join(f"{name} {size / GB:.1f}" for name, size in parts.items())
        raise ConfigError(
            f"Training {config.base_model!r} needs about {estimate.total / GB:.1f} GB ({told}), "
            f"and {free / GB:.1f} GB are free on {device}.",
            where=f"expert.batch_size={config.batch_size}, expert.micro_batch_size={config.micro_batch_size}",
            do="lower expert.micro_batch_size or expert.max_length, take a smaller base, or free memory",
        )
    return estimate


def estimate_memory(
    shape: PreTrainedModel,
    lesson: Lesson,
    config: ExpertConfig,
    targets: Sequence[str],
    device: str,
    n_adapters: int = 1,
) -> MemoryEstimate:
    """Return the bytes at the worst step: float32 on a CPU, bfloat16 with checkpointed layers on a GPU."""
    of, size = shape.config.get_text_config(), 4 if device == "cpu" else 2
    n_hidden = HIDDEN_KEPT + HIDDEN_KEPT_OF_ATTENTION * len(set(targets) - set(MLP_LINEARS))
    per_layer = n_hidden * of.hidden_size + INNER_KEPT * of.intermediate_size
    n_kept = of.num_hidden_layers * per_layer
    if device != "cpu":
        n_kept = of.num_hidden_layers * of.hidden_size + per_layer
    n_cells, n_labels = find_largest(lesson.ordered, split_step(config)[0])
    n_trained = sum(
        config.lora_r * (module.in_features + module.out_features)
        for path, module in shape.named_modules()
        if path.rsplit(".", 1)[-1] in targets
    )
    n_shards = count_processes() if is_sharded() else 1
    return MemoryEstimate(
        weights=size * sum(weight.numel() for weight in shape.parameters()) // n_shards,
        adapters=ADAPTER_BYTES * n_trained * n_adapters,
        activations=size * n_cells * n_kept,
        # on a GPU in tiles, which are small
        logits=4 * of.vocab_size * (LOGITS_KEPT * n_labels + of.hidden_size) if device == "cpu" else 0,
    )


def find_largest(ordered: pl.DataFrame, micro_batch: int) -> tuple[int, int]:
    """Return the most tokens, padding included, and the most labels of one forward pass."""
    labels = pl.col("labels").list.eval(pl.element() != MASKED).list.sum()
    sizes = ordered.select(
        batch=pl.int_range(pl.len()) // micro_batch, length=pl.col("input_ids").list.len(), n_labels=labels
    )
    passes = sizes.group_by("batch").agg(cells=pl.col("length").max() * pl.len(), n_labels=pl.col("n_labels").sum())
    return max(passes["cells"].to_list()), max(passes["n_labels"].to_list())


def measure_free(device: str) -> int:
    """Return the bytes that this process may still take: of the GPU, or of the machine and its container."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    free = psutil.virtual_memory().available
    try:
        most, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        counts = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except OSError:
        return free
    cached = int(counts.get("inactive_file", 0))  # pages of files that were read, given back when they are wanted
    return free if most == "max" else min(free, int(most) - int(used) + cached)
