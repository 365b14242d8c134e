"""Which linears of a base an adapter changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config import ExpertConfig
from tasks.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

MLP_LINEARS = ("gate_proj", "up_proj", "down_proj")
TARGET_MODULES = {
    "composable": MLP_LINEARS,
    "paper": ("q_proj", "k_proj", "v_proj", "o_proj", *MLP_LINEARS),
}


def list_targets(model: nn.Module, config: ExpertConfig) -> tuple[str, ...]:
    """Return the names of the linears that the config adapts. Raises ConfigError if the model lacks one of them."""
    targets = TARGET_MODULES[config.target_modules]
    found = {path.rsplit(".", 1)[-1] for path, _ in model.named_modules()}
    if missing := [target for target in targets if target not in found]:
        raise ConfigError(
            f"{type(model).__name__} has no {', '.join(missing)}: only Llama-shaped models can be trained.",
            where=f"expert.target_modules={config.target_modules}",
            do="use a base model of the Llama, Mistral, Qwen or Gemma families",
        )
    return targets
