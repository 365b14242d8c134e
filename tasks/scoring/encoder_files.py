"""The files of a sentence encoder of the BERT family, checked as they are read: whatever is not one is refused here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import ConfigError

FILES = ("model.safetensors", "tokenizer.json", "config.json")
MAX_TOKENS = 128
"""Longest text that is read, in tokens: turns are short, and the cost of a long one is bounded."""

Floats = NDArray[np.float32]
Size = Annotated[int, Field(ge=1, le=1_000_000)]


class EncoderConfig(BaseModel):
    """What the forward pass has to know beside the weights, by the names of config.json."""

    model_config = ConfigDict(protected_namespaces=(), frozen=True)

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Annotated[int, Field(ge=1, le=1000)]
    num_attention_heads: Size
    max_position_embeddings: Annotated[int, Field(ge=8, le=1_000_000)]
    layer_norm_eps: Annotated[float, Field(gt=0, lt=1)]

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read."""
        return min(MAX_TOKENS, self.max_position_embeddings)


def read_encoder(folder: Path) -> tuple[dict[str, Floats], EncoderConfig, Any]:
    """Return weights, config and tokenizer of a folder. Raises ConfigError where they are not those of an encoder."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise refuse(folder, f"The folder of the sentence encoder has no {missing[0]}.")
    config = read_config(folder)
    tokenizer = read_tokenizer(folder, config)
    weights = read_tensors(folder)
    n_known = max(tokenizer.get_vocab().values()) + 1
    check_tensors(folder, weights, config, n_known)
    return weights, config, tokenizer


def read_config(folder: Path) -> EncoderConfig:
    """Return the config of an encoder. Raises ConfigError where it is none, or that of another kind of model."""
    try:
        config = EncoderConfig.model_validate_json((folder / "config.json").read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        found = f", not {first['input']!r:.80}" if at and first["type"] != "missing" else ""
        what = f"The config.json of the sentence encoder is not that of a BERT: {at}: {first['msg']}{found}"
        raise refuse(folder, what.replace(": : ", ": ")) from None
    except OSError as error:
        raise refuse(folder, f"The config.json of the sentence encoder cannot be read: {error.strerror}.") from None
    if config.hidden_size % config.num_attention_heads:
        raise refuse(folder, "The config.json of the sentence encoder has heads that do not divide hidden_size.")
    return config


def read_tokenizer(folder: Path, config: EncoderConfig) -> Any:
    """Return the tokenizer, which cuts texts and pads none. Raises ConfigError where it is damaged or not installed."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise lack_packages() from None
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise refuse(folder, f"The tokenizer.json of the sentence encoder is damaged: {str(error)[:200]}") from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_tokens)
    if not tokenizer.encode("").ids:
        raise refuse(folder, "The tokenizer of the sentence encoder does not mark where a text begins, as BERT's does.")
    return tokenizer


def read_tensors(folder: Path) -> dict[str, Floats]:
    """Return the tensors of numbers in single precision. Raises ConfigError where the file is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / "model.safetensors")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        what = f"The model.safetensors of the sentence encoder is damaged, or of a type numpy lacks: {error!s:.200}"
        raise refuse(folder, what) from None
    return {
        name.removeprefix("bert."): value.astype(np.float32)
        for name, value in tensors.items()
        if value.dtype.kind == "f"
    }


def check_tensors(folder: Path, weights: dict[str, Floats], config: EncoderConfig, n_known: int) -> None:
    """Raise ConfigError where a tensor that the forward pass reads is not there, or has another shape."""
    width = config.hidden_size
    rows = {"word": n_known, "position": config.max_tokens, "token_type": 1}
    tables = {f"embeddings.{name}_embeddings.weight": (n_rows, width) for name, n_rows in rows.items()}
    for name, shape in (tables | list_shapes(config)).items():
        found = weights[name].shape if name in weights else None
        # a table of embeddings may have more rows than are ever looked up
        fits = found == shape or (name in tables and found and found[1:] == shape[1:] and found[0] >= shape[0])
        if not fits:
            has = "is not there" if found is None else f"has the shape {found}, not {shape}"
            raise refuse(folder, f"The weights of the sentence encoder are not those of its config.json: {name} {has}.")


def list_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the tensors beside the tables of embeddings."""
    width, inner = config.hidden_size, config.intermediate_size
    dense = dict.fromkeys((*(f"attention.self.{name}" for name in ("query", "key", "value")),
                           "attention.output.dense"), (width, width))  # fmt: skip
    dense |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
    shapes: dict[str, tuple[int, ...]] = {}
    norms = ["embeddings.LayerNorm"]
    for layer in range(config.num_hidden_layers):
        name = f"encoder.layer.{layer}"
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        for part, shape in dense.items():
            shapes |= {f"{name}.{part}.weight": shape, f"{name}.{part}.bias": shape[:1]}
    return shapes | {f"{norm}.{part}": (width,) for norm in norms for part in ("weight", "bias")}


def lack_packages() -> ConfigError:
    """Return the error where the packages of the extra `encoder` are not installed."""
    return ConfigError(
        "A sentence encoder needs the package tokenizers.", do="pip install 'efficient-empathy[encoder]'"
    )


def refuse(folder: Path, what: str) -> ConfigError:
    """Return the error for a folder that holds no encoder."""
    do = f"give a folder with {', '.join(FILES)}, the name of an installed package that holds one, or a hub id"
    return ConfigError(what, where=str(folder), do=do)
