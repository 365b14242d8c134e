"""LoRA adapters as plain tensors: PEFT folders read for the mixture, and written back as PEFT folders.

Reading the two files ourselves keeps the mixture free of PEFT's multi-adapter machinery, and an expert taken
from a mixture is still an adapter that every server of LoRA adapters knows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from torch import Tensor

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PREFIX = "base_model.model."
A_SUFFIX, B_SUFFIX = ".lora_A.weight", ".lora_B.weight"

# Fields of an adapter's config that leave its mathematics W x + scale * B A x as it is, or that are handled
# here. Whatever else is set (DoRA, biases, saved modules, a future variant) is refused, not ignored.
PLAIN_FIELDS = {
    "auto_mapping", "base_model_name_or_path", "bias", "ensure_weight_tying", "exclude_modules", "inference_mode",
    "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core",
    "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "target_modules", "task_type",
    "use_rslora",
}  # fmt: skip
PLAIN_INITS = (True, False, "gaussian", "orthogonal", "eva")  # PiSSA and its like change the base's weights


class LowRank(NamedTuple):
    """One linear's update in PEFT's layout: `a` (r, in), `b` (out, r)."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True)
class Adapter:
    """One expert: its PEFT config and, by the path of the linear in the base model, its weights in float32."""

    config: Mapping[str, Any]
    weights: Mapping[str, LowRank]

    def scale_of(self, rank: int) -> float:
        """Return what B A x is multiplied by: alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA."""
        alpha = float(self.config["lora_alpha"])
        return alpha / math.sqrt(rank) if self.config.get("use_rslora") else alpha / rank


def read_adapter(folder: Path) -> Adapter:
    """Return the LoRA adapter in a PEFT folder (safetensors only).

    Raises ArtifactError if the folder holds no readable adapter, ConfigError if it is more than plain LoRA.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, SafetensorError) as error:
        raise ArtifactError(
            f"There is no readable adapter here: {error}",
            where=str(folder),
            do=f"an expert is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}: train it with `empathy train`",
        ) from None
    check_plain_lora(config, folder)
    paths = [key.removeprefix(PREFIX).removesuffix(A_SUFFIX) for key in tensors if key.endswith(A_SUFFIX)]
    expected = {PREFIX + path + suffix for path in paths for suffix in (A_SUFFIX, B_SUFFIX)}
    odd = sorted(expected ^ tensors.keys())
    if odd or not paths:
        raise ConfigError(
            f"The adapter does not consist of pairs of lora_A and lora_B: {', '.join(odd[:3]) or 'it is empty'}.",
            where=str(folder / WEIGHTS_FILE),
            do="train the expert with LoRA on linear layers only",
        )

    def take(path: str) -> LowRank:
        a, b = (tensors[PREFIX + path + suffix].to(torch.float32) for suffix in (A_SUFFIX, B_SUFFIX))
        return LowRank(a, b)

    return Adapter(config, {path: take(path) for path in sorted(paths)})


def write_adapter(adapter: Adapter, folder: Path) -> None:
    """Write an adapter as the PEFT folder that `read_adapter` and `PeftModel.from_pretrained` read."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for path, update in adapter.weights.items():
        tensors[PREFIX + path + A_SUFFIX] = update.a.contiguous()
        tensors[PREFIX + path + B_SUFFIX] = update.b.contiguous()
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    text = json.dumps(adapter.config, indent=2, sort_keys=True)
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")


def check_plain_lora(config: Mapping[str, Any], folder: Path) -> None:
    """Raise ConfigError naming every field by which an adapter is more than W x + scale * B A x."""
    odd = {key for key, value in config.items() if value and key not in PLAIN_FIELDS}
    if config.get("peft_type") != "LORA":
        odd.add("peft_type")
    if config.get("bias", "none") != "none":
        odd.add("bias")
    if config.get("init_lora_weights", True) not in PLAIN_INITS:
        odd.add("init_lora_weights")
    if odd:
        listing = ", ".join(f"{key}={config.get(key)!r}" for key in sorted(odd))
        raise ConfigError(
            f"The adapter is not plain LoRA, and a mixture cannot carry it exactly: {listing}.",
            where=str(folder / CONFIG_FILE),
            do="train the expert without these options",
        )
