"""Small random models and random experts for the mixture's tests; the gates are made to differ from token to token."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

ALL_LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MLP_LINEARS = ALL_LINEARS[4:]
SHAPE = {
    "vocab_size": 96,
    "hidden_size": 48,
    "intermediate_size": 112,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,  # large enough for attention and gates to matter
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": None,
}


def build_model(architecture: str = "llama", **fields: Any) -> Any:
    """Return a small random model of an architecture, the same every time."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config, model = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM),
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
        "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM),
    }[architecture]
    extra = {"sliding_window": 8} if architecture in ("gemma3", "mistral") else {}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return model(config(**{**SHAPE, **extra, **fields})).eval()


@pytest.fixture
def build_base() -> Callable[[str], Any]:
    """A function that builds the same random model every time it is asked for an architecture."""
    return build_model


@pytest.fixture
def make_expert(build_base: Callable[[str], Any], tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a random LoRA adapter as PEFT does and returns its folder."""
    torch = pytest.importorskip("torch")
    peft = pytest.importorskip("peft")

    def make(name: str, targets: list[str] = ALL_LINEARS, architecture: str = "llama", **options: Any) -> Path:
        config = peft.LoraConfig(
            **{"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "task_type": "CAUSAL_LM", **options},
            target_modules=targets,
        )
        with torch.random.fork_rng():
            torch.manual_seed(sum(name.encode()))
            model = peft.get_peft_model(build_base(architecture), config)
            for key, value in model.named_parameters():
                if "lora_B" in key:
                    torch.nn.init.normal_(value, std=0.3)
        folder = tmp_path / "made" / f"{architecture}-{name}"
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def make_experts(make_expert: Callable[..., Path]) -> Callable[..., dict[str, Path]]:
    """A function that writes a sensibility and a rationality expert."""

    def make(targets: list[str] = ALL_LINEARS, architecture: str = "llama", **options: Any) -> dict[str, Path]:
        return {name: make_expert(name, targets, architecture, **options) for name in ("sensibility", "rationality")}

    return make


@pytest.fixture
def tokens() -> Any:
    """Two rows of random tokens, none of them padding: (2, 17)."""
    torch = pytest.importorskip("torch")
    return torch.randint(2, SHAPE["vocab_size"], (2, 17), generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The base model `tiny-llama`, built once."""
    pytest.importorskip("torch")
    from tasks.experts import prepare_base

    return prepare_base("tiny-llama", "", tmp_path_factory.mktemp("cache"))


def build_rows(n: int, start: int = 0) -> pl.DataFrame:
    """Return turns with contexts and responses of different lengths."""
    rows = []
    for at in range(start, start + n):
        prompt = [{"role": "user", "content": f"Day {at} was hard for me. " * (at % 3 + 1)}]
        response = "I am sorry to hear that. " + "Tell me more. " * (at % 4)
        rows.append(
            {
                "dialogue_id": f"d{at}",
                "turn_key": hashlib.sha256(f"turn {at}".encode()).hexdigest(),
                "prompt": prompt,
                "completion": [{"role": "assistant", "content": response.strip()}],
            }
        )
    return pl.DataFrame(rows)


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Twelve turns for the router stage."""
    return build_rows(12)


@pytest.fixture(scope="session")
def trained_experts(base: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both experts of the tiny model, as the experts stage makes them, on all seven linears."""
    from tasks.config import ExpertConfig
    from tasks.experts import Runtime, train_expert

    folders = {}
    for start, name in enumerate(("sensibility", "rationality")):
        folders[name] = tmp_path_factory.mktemp(name)
        config = ExpertConfig(
            base_model="tiny-llama",
            target_modules="paper",
            learning_rate=5e-3,
            batch_size=4,
            max_length=128,
            too_long="cut",
            seed=start,
        )
        train_expert(base, build_rows(8, 8 * start), config, folders[name], name, n_steps=3, runtime=Runtime("cpu"))
    return folders


@pytest.fixture(scope="session")
def get_small_base(base: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A function that returns a small random model of an architecture as a base in a folder, tokenizer and all."""
    from tasks.experts import load_base, prepare_base

    tokenizer = load_base(base, "cpu")[1]

    @cache
    def get(architecture: str) -> Any:
        folder = tmp_path_factory.mktemp(architecture)
        tokenizer.save_pretrained(folder)
        ids = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
        build_model(architecture, **ids).save_pretrained(folder)
        return prepare_base(str(folder), "", tmp_path_factory.mktemp("cache"))

    return get


@pytest.fixture(scope="session")
def get_trained(get_small_base: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A function that trains two experts on all seven linears of a small base and a mixture of them, once each.

    Its result has `base`, `folders` (of the experts) and `mixture` (a folder); gates and adapters were both trained.
    """
    from tasks.config import ExpertConfig, RouterConfig
    from tasks.experts import Runtime, train_expert
    from tasks.router import train_mixture

    settings = ExpertConfig(target_modules="paper", learning_rate=2e-2, batch_size=4, max_length=128, too_long="cut")

    @cache
    def get_experts(architecture: str) -> dict[str, Path]:
        folders = {}
        for start, name in enumerate(("sensibility", "rationality")):
            folders[name] = tmp_path_factory.mktemp(f"{architecture}-{name}")
            rows, config = build_rows(8, 8 * start), settings.model_copy(update={"seed": start})
            train_expert(
                get_small_base(architecture), rows, config, folders[name], name, n_steps=4, runtime=Runtime("cpu")
            )
        return folders

    @cache
    def get(architecture: str = "llama", routing: str = "block", train: str = "router+experts") -> Any:
        folder = tmp_path_factory.mktemp(f"{architecture}-{routing}")
        config = RouterConfig(routing=routing, train=train, init_std=0.5, expert_learning_rate=1e-2)
        found, experts = get_small_base(architecture), get_experts(architecture)
        train_mixture(found, experts, build_rows(12), config, settings, folder, n_steps=4, runtime=Runtime("cpu"))
        return SimpleNamespace(base=found, folders=experts, mixture=folder)

    return get
