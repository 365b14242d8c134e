"""The mixture computed the dense way, by PEFT's merging and transformers' own layers: what ours is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

MLP_LINEARS = ("gate_proj", "up_proj", "down_proj")
FIELDS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "hidden_act",
          "rope_parameters", "pad_token_id", "bos_token_id", "eos_token_id")  # fmt: skip


def merge(base: Any, folder: Path) -> Any:
    """The base with an expert merged into it by PEFT."""
    return peft.PeftModel.from_pretrained(base, folder).merge_and_unload().eval()


def get_logits(model: Any, tokens: Any, **inputs: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=tokens, **inputs).logits


def write_greedily(model: Any, tokens: Any, **options: Any) -> list[list[int]]:
    mask = torch.ones_like(tokens)
    options = {"attention_mask": mask, "max_new_tokens": 24, "min_new_tokens": 24, "do_sample": False, **options}
    return model.generate(input_ids=tokens, **options).tolist()


def build_twin(base: Any, experts: list[Any], mixture: Any) -> Any:
    """The Mixtral or Qwen3-MoE checkpoint of merged experts, what is not routed averaged, with the mixture's gates."""
    config = {name: base.config.to_dict()[name] for name in FIELDS}
    n = {"num_experts_per_tok": 2, "tie_word_embeddings": False}
    if base.config.model_type == "qwen3":
        width = {"num_experts": 2, "moe_intermediate_size": config.pop("intermediate_size"), "norm_topk_prob": True}
        model = transformers.Qwen3MoeForCausalLM(transformers.Qwen3MoeConfig(**config, **n, **width))
    else:
        twin = transformers.MixtralConfig(**config, **n, num_local_experts=2, sliding_window=None)
        model = transformers.MixtralForCausalLM(twin)
    states = [expert.state_dict() for expert in experts]
    weights = {}
    for key in model.state_dict():
        layer, _, leaf = key.partition(".mlp.")
        if leaf == "gate.weight":
            weights[key] = mixture.get_submodule(f"{layer}.mlp.router").weight.data
        elif leaf == "experts.gate_up_proj":
            halves = [torch.cat([s[f"{layer}.mlp.{n}_proj.weight"] for n in ("gate", "up")]) for s in states]
            weights[key] = torch.stack(halves)
        elif leaf == "experts.down_proj":
            weights[key] = torch.stack([s[f"{layer}.mlp.down_proj.weight"] for s in states])
        else:
            weights[key] = average(states, key)
    model.load_state_dict(weights)
    return model.eval()


def build_dense(base: Any, experts: list[Any], mixture: Any) -> Any:
    """The base with a dense mixture at every linear of an MLP, and the mean of the experts everywhere else."""
    states = [expert.state_dict() for expert in experts]
    base.load_state_dict({key: average(states, key) for key in base.state_dict()})
    for i, layer in enumerate(base.model.layers):
        for name in MLP_LINEARS:
            linears = [getattr(expert.model.layers[i].mlp, name) for expert in experts]
            setattr(layer.mlp, name, DenseMixture(linears, getattr(mixture.model.layers[i].mlp, name).router))
    return base.eval()


def average(states: list[dict[str, Any]], key: str) -> Any:
    return torch.stack([state[key] for state in states]).mean(0)


class DenseMixture(torch.nn.Module):
    """The paper's released form: full weights of every expert, mixed by a gate of this one linear."""

    def __init__(self, linears: list[Any], router: Any) -> None:
        super().__init__()
        self.linears, self.router = torch.nn.ModuleList(linears), router

    def forward(self, x: Any) -> Any:
        gates = torch.nn.functional.linear(x, self.router.weight).softmax(-1)
        return sum(gates[..., i : i + 1] * linear(x) for i, linear in enumerate(self.linears))
