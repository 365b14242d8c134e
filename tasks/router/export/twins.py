"""The checkpoint that a block-routed mixture is: Mixtral for Llama-shaped bases, Qwen3-MoE for Qwen3.

Both route among all n experts (top n of n), and give every token gates that sum to one: Mixtral always, Qwen3-MoE
with `norm_topk_prob`. What is not routed is one weight: the base's, or with the mean of the experts' updates
added where they adapt attention, which is what the mixture computes there (METHOD.md, identity 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import UsageError
from tasks.router.compose import get_spec

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

SHARED_FIELDS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "rope_parameters",
    "attention_dropout", "tie_word_embeddings", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip


@dataclass(frozen=True)
class Twin:
    """A mixture-of-experts architecture that computes what a base with routed blocks does."""

    model_class: str
    config_class: str
    base_fields: tuple[str, ...]
    """Fields of the base's config that it takes over besides those all have."""
    expert_fields: tuple[str, str]
    """Its names for the number of experts and for their width."""
    fixed: Mapping[str, Any]
    refused: tuple[str, ...]
    """Fields of a base's config that it has no counterpart for, where they are set."""


MIXTRAL = Twin(
    model_class="MixtralForCausalLM",
    config_class="MixtralConfig",
    base_fields=("sliding_window",),
    expert_fields=("num_local_experts", "intermediate_size"),
    fixed={},
    refused=("attention_bias", "mlp_bias"),
)
QWEN3_MOE = Twin(
    model_class="Qwen3MoeForCausalLM",
    config_class="Qwen3MoeConfig",
    base_fields=("attention_bias",),
    expert_fields=("num_experts", "moe_intermediate_size"),
    fixed={"norm_topk_prob": True, "decoder_sparse_step": 1},
    refused=("use_sliding_window",),
)
TWINS = {"llama": MIXTRAL, "mistral": MIXTRAL, "qwen3": QWEN3_MOE}
"""By the base's model type."""


def find_twin(config: PreTrainedConfig, routing: str) -> Twin:
    """Return the twin of a mixture on a base. Raises UsageError where there is none."""
    twin = TWINS.get(config.model_type)
    if routing != "block":
        raise _no_twin("A mixture with linear routing has three gates a layer, and no ordinary checkpoint has them.")
    if twin is None:
        raise _no_twin(f"The base's architecture {config.model_type!r} has no mixture-of-experts twin.")
    if odd := [name for name in twin.refused if getattr(config, name, None)]:
        raise _no_twin(f"{twin.model_class} has nothing like the base's {', '.join(odd)}.")
    return twin


def build_twin(mixture: PreTrainedModel) -> PreTrainedModel:
    """Return the checkpoint of a composed model with block routing, float32, its experts merged.

    It is for saving: load it anew to run it. Raises UsageError for a mixture that has no twin.
    """
    import torch
    import transformers

    spec = get_spec(mixture)
    twin = find_twin(mixture.config, spec.routing)
    n = len(spec.experts)
    with torch.device("meta"):
        model = getattr(transformers, twin.model_class)(make_config(twin, mixture.config, n))
    model.load_state_dict({key: _take(mixture, key, n) for key in model.state_dict()}, assign=True)
    model.tie_weights()
    model.generation_config = mixture.generation_config
    return model


def make_config(twin: Twin, base: PreTrainedConfig, n_experts: int) -> PreTrainedConfig:
    """Return the twin's config: the base's, with its MLP as the width of each expert."""
    import transformers

    values = base.to_dict()
    fields = {name: values[name] for name in (*SHARED_FIELDS, *twin.base_fields) if name in values}
    count, width = twin.expert_fields
    experts = {count: n_experts, "num_experts_per_tok": n_experts, width: values["intermediate_size"]}
    return getattr(transformers, twin.config_class)(**fields, **experts, **twin.fixed)


def _take(mixture: PreTrainedModel, key: str, n_experts: int) -> Tensor:
    """Return one tensor of the twin from the mixture."""
    import torch

    from tasks.router.export.merging import merge_average, merge_block
    from tasks.router.routed_mlp import AveragedLinear, RoutedMLP

    layer, _, leaf = key.partition(".mlp.")
    if leaf == "gate.weight":
        block = mixture.get_submodule(f"{layer}.mlp")
        if isinstance(block, RoutedMLP):
            return block.router.weight.detach()
        return torch.zeros(
            n_experts, mixture.config.hidden_size
        )  # no expert is here: all are the base, any gate will do
    if leaf.startswith("experts."):
        experts = merge_block(mixture.get_submodule(f"{layer}.mlp"), n_experts)
        names = ("gate_proj", "up_proj") if leaf == "experts.gate_up_proj" else ("down_proj",)
        return torch.stack([torch.cat([weights[name] for name in names]) for weights in experts])
    path, _, leaf = key.rpartition(".")
    module = mixture.get_submodule(path)
    if isinstance(module, AveragedLinear):
        return merge_average(module) if leaf == "weight" else module.base_layer.get_parameter(leaf).detach()
    return module.get_parameter(leaf).detach().float()


def _no_twin(what: str) -> UsageError:
    return UsageError(what, where="--format moe", do="serve the mixture itself with `empathy serve mixture`")
