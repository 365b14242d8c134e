"""Which of a training's processes this one is; alone, where `accelerate` did not start it."""

from __future__ import annotations

import os


def count_processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Say whether this is the process that writes files."""
    return os.environ.get("RANK", "0") == "0"


def is_sharded() -> bool:
    """Say whether each process holds a part of the model only (FSDP)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"
