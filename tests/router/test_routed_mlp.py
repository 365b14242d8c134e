"""The mixture in LoRA space is exactly the dense mixture of merged experts that the paper describes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tasks.router import compose_mixture  # noqa: E402 - after the skip
from tasks.router.routed_mlp import Router  # noqa: E402 - likewise

MLP_LINEARS = ["gate_proj", "up_proj", "down_proj"]


def merge(base: Any, folder: Path) -> Any:
    return peft.PeftModel.from_pretrained(base, folder).merge_and_unload().eval()


def get_logits(model: Any, tokens: Any, **inputs: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=tokens, **inputs).logits


def write_greedily(model: Any, tokens: Any, **options: Any) -> list[list[int]]:
    mask = torch.ones_like(tokens)
    made = model.generate(input_ids=tokens, attention_mask=mask, max_new_tokens=24, do_sample=False, **options)
    return made.tolist()


def average(states: list[dict[str, Any]], key: str) -> Any:
    return torch.stack([state[key] for state in states]).mean(0)


def build_mixtral(base: Any, experts: list[Any], mixture: Any) -> Any:
    """The Mixtral checkpoint of the merged experts, all that is not routed averaged, with the mixture's gates."""
    config = base.config.to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "hidden_act",
             "rope_parameters", "pad_token_id", "bos_token_id", "eos_token_id")  # fmt: skip
    model = transformers.MixtralForCausalLM(
        transformers.MixtralConfig(
            **{name: config[name] for name in names},
            num_local_experts=2,
            num_experts_per_tok=2,
            sliding_window=None,
            tie_word_embeddings=False,
        )
    )
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


class DenseMixture(torch.nn.Module):
    """The paper's released form: full weights of every expert, mixed by a gate of this one linear."""

    def __init__(self, linears: list[Any], router: Any) -> None:
        super().__init__()
        self.linears, self.router = torch.nn.ModuleList(linears), router

    def forward(self, x: Any) -> Any:
        gates = torch.nn.functional.linear(x, self.router.weight).softmax(-1)
        return sum(gates[..., i : i + 1] * linear(x) for i, linear in enumerate(self.linears))


class OneHot(torch.nn.Module):
    """A gate that always chooses one expert."""

    def __init__(self, expert: int) -> None:
        super().__init__()
        self.expert = expert

    def forward(self, x: Any) -> Any:
        return torch.nn.functional.one_hot(torch.full(x.shape[:1], self.expert), 2).float()


def test_block_routing_is_the_mixtral_checkpoint_of_the_merged_experts(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tokens: Any
) -> None:
    folders = make_experts()
    mixture = compose_mixture(build_base(), folders, "block", init_std=1.0, seed=5)
    mixtral = build_mixtral(build_base(), [merge(build_base(), f) for f in folders.values()], mixture)

    expected, found = get_logits(mixtral, tokens), get_logits(mixture, tokens)

    assert expected.std() > 0.1  # a model that says something
    assert (expected - found).abs().max() <= 1e-4
    assert write_greedily(mixtral, tokens) == write_greedily(mixture, tokens)


def test_linear_routing_is_the_dense_mixture_of_each_linear(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tokens: Any
) -> None:
    folders = make_experts()
    mixture = compose_mixture(build_base(), folders, "linear", init_std=1.0, seed=5)
    experts = [merge(build_base(), folder) for folder in folders.values()]
    dense = build_base()
    states = [expert.state_dict() for expert in experts]
    dense.load_state_dict({key: average(states, key) for key in dense.state_dict()})
    for i, layer in enumerate(dense.model.layers):
        for name in MLP_LINEARS:
            linears = [getattr(expert.model.layers[i].mlp, name) for expert in experts]
            setattr(layer.mlp, name, DenseMixture(linears, getattr(mixture.model.layers[i].mlp, name).router))

    expected, found = get_logits(dense, tokens), get_logits(mixture, tokens)

    assert (expected - found).abs().max() <= 1e-4
    assert write_greedily(dense, tokens) == write_greedily(mixture, tokens)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("routing", ["block", "linear"])
@pytest.mark.parametrize(("expert", "name"), [(0, "sensibility"), (1, "rationality")])
def test_a_gate_that_chooses_one_expert_makes_the_mixture_that_expert(
    architecture: str,
    routing: str,
    expert: int,
    name: str,
    build_base: Callable[..., Any],
    make_experts: Callable[..., dict[str, Path]],
    tokens: Any,
) -> None:
    folders = make_experts(MLP_LINEARS, architecture)
    mixture = compose_mixture(build_base(architecture), folders, routing, init_std=1.0, seed=5)
    for path in [path for path, module in mixture.named_modules() if isinstance(module, Router)]:
        mixture.set_submodule(path, OneHot(expert))
    alone = peft.PeftModel.from_pretrained(build_base(architecture), folders[name]).eval()

    assert (get_logits(alone, tokens) - get_logits(mixture, tokens)).abs().max() <= 1e-4


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("routing", ["block", "linear"])
def test_cached_generation_is_uncached_generation(
    architecture: str,
    routing: str,
    build_base: Callable[..., Any],
    make_experts: Callable[..., dict[str, Path]],
    tokens: Any,
) -> None:
    folders = make_experts(architecture=architecture)
    mixture = compose_mixture(build_base(architecture), folders, routing, init_std=1.0, seed=5)

    assert write_greedily(mixture, tokens, use_cache=False) == write_greedily(mixture, tokens)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("routing", ["block", "linear"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_is_answered_as_if_it_were_alone(
    architecture: str,
    routing: str,
    side: str,
    build_base: Callable[..., Any],
    make_experts: Callable[..., dict[str, Path]],
    tokens: Any,
) -> None:
    folders = make_experts(architecture=architecture)
    mixture = compose_mixture(build_base(architecture), folders, routing, init_std=1.0, seed=5)
    real = slice(6, None) if side == "left" else slice(None, -6)
    mask = torch.zeros_like(tokens)
    mask[0], mask[1, real] = 1, 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)

    together = get_logits(mixture, tokens * mask, attention_mask=mask, position_ids=positions)

    assert (together[:1] - get_logits(mixture, tokens[:1])).abs().max() <= 1e-4
    assert (together[1:, real] - get_logits(mixture, tokens[1:, real])).abs().max() <= 1e-4


def test_experts_of_different_rank_scale_and_reach_are_mixed_exactly(
    build_base: Callable[..., Any], make_expert: Callable[..., Path], tokens: Any
) -> None:
    folders = {
        "sensibility": make_expert("sensibility", ["up_proj", "q_proj"], r=3, lora_alpha=7),
        "rationality": make_expert("rationality", r=8, use_rslora=True),
    }
    mixture = compose_mixture(build_base(), folders, "block", init_std=1.0, seed=5)
    mixtral = build_mixtral(build_base(), [merge(build_base(), f) for f in folders.values()], mixture)

    assert (get_logits(mixtral, tokens) - get_logits(mixture, tokens)).abs().max() <= 1e-4


def test_gates_are_float32_and_the_base_keeps_its_type_under_bfloat16(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tokens: Any
) -> None:
    base = build_base().to(torch.bfloat16)
    mixture = compose_mixture(base, make_experts(), "block", init_std=1.0, seed=5)
    seen = []
    router = mixture.model.layers[0].mlp.router
    router.register_forward_hook(lambda _router, _inputs, gates: seen.append(gates))

    logits = get_logits(mixture, tokens)
    with torch.autocast("cpu", torch.bfloat16):
        get_logits(mixture, tokens)

    assert torch.bfloat16 == logits.dtype
    assert {torch.float32} == {gates.dtype for gates in seen} | {router.weight.dtype}
