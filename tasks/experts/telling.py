"""What a run's page says of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def describe_training(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the facts of a trained adapter or mixture, a row each: how much, how long, how well."""
    seconds = facts.get("train_seconds", facts.get("seconds"))
    said = {
        "turns": _count(facts.get("n_rows")),
        "tokens of responses": _count(facts.get("n_response_tokens")),
        "turns cut to the longest length": _count(facts.get("n_truncated")),
        "turns dropped": _count(facts.get("n_dropped")),
        "steps": _count(facts.get("n_steps")),
        "weights kept of step": _count(facts.get("kept_step")),
        "loss of the last step": None if facts.get("last_loss") is None else f"{facts['last_loss']:.4f}",
        "training time": None if seconds is None else f"{seconds / 60:.1f} min",
    }
    return [{"what": what, "value": value} for what, value in said.items() if value is not None]


def _count(n: int | None) -> str | None:
    return None if n is None else f"{n:,}"
