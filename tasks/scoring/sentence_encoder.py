"""A sentence encoder of the BERT family, run with numpy: no torch, so that a judge may have one.

Texts of equal length in tokens are run together, so that nothing is padded and nothing masked. The forward pass is
that of Devlin et al. (arXiv 1810.04805) with mean pooling and unit length, as MiniLM of Sentence-Transformers has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import ConfigError
from tasks.manifest import hash_file

FILES = ("model.safetensors", "tokenizer.json", "config.json")
MAX_TOKENS = 128
"""Longest text that is read, in tokens: turns are short, and the cost of a long one is bounded."""
TOKENS_A_BATCH = 1024
"""Tokens run at once: more fall out of the processor's cache."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """What the forward pass has to know beside the weights."""

    n_layers: int
    n_heads: int
    epsilon: float


class SentenceEncoder:
    """Turns texts into vectors of unit length."""

    def __init__(self, weights: dict[str, Floats], shape: Shape, tokenizer: Any, folder: Path) -> None:
        self._weights, self._shape, self._tokenizer, self.folder = weights, shape, tokenizer, folder
        self.digest = hashlib.sha256("".join(hash_file(folder / name) for name in FILES).encode()).hexdigest()
        """The sha256 over the files that an embedding depends on."""
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    @classmethod
    def load(cls, folder: Path) -> SentenceEncoder:
        """Load an encoder's folder. Raises ConfigError where it holds none that is known, or a package is missing."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise _refuse(folder, f"The folder of the sentence encoder has no {missing[0]}.")
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ConfigError(
                "A sentence encoder needs the package tokenizers.", do="pip install 'efficient-empathy[encoder]'"
            ) from None
        from safetensors.numpy import load_file

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise _refuse(folder, f"The sentence encoder is of the type {config.get('model_type')!r}, not BERT.")
        tensors = {name.removeprefix("bert."): value for name, value in load_file(folder / FILES[0]).items()}
        weights = {name: value.astype(np.float32) for name, value in tensors.items() if value.dtype.kind == "f"}
        tokenizer = Tokenizer.from_file(str(folder / FILES[1]))
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(MAX_TOKENS, config["max_position_embeddings"]))
        shape = Shape(config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"])
        return cls(weights, shape, tokenizer, folder)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one vector of unit length for each text, shape (n, width); an empty text has one as well."""
        ids = [np.array(coded.ids, np.int64) for coded in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(texts), self.width), np.float32)
        for rows in group_by_length([len(one) for one in ids]):
            vectors[rows] = self._embed(np.stack([ids[row] for row in rows]))
        return vectors

    def _embed(self, ids: NDArray[np.int64]) -> Floats:
        """Return the vectors of texts of one length; `ids` has the shape (texts, tokens)."""
        weights = self._weights
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        hidden += weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normalise(hidden, "embeddings.LayerNorm")
        for layer in range(self._shape.n_layers):
            name = f"encoder.layer.{layer}"
            attended = self._apply(self._attend(hidden, f"{name}.attention.self"), f"{name}.attention.output.dense")
            hidden = self._normalise(hidden + attended, f"{name}.attention.output.LayerNorm")
            inner = gelu(self._apply(hidden, f"{name}.intermediate.dense"))
            hidden = self._normalise(hidden + self._apply(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        pooled = hidden.mean(axis=1)
        return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)

    def _attend(self, hidden: Floats, name: str) -> Floats:
        n_texts, n_tokens, width = hidden.shape
        heads = (n_texts, n_tokens, self._shape.n_heads, width // self._shape.n_heads)
        query, key, value = (
            self._apply(hidden, f"{name}.{part}").reshape(heads).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(heads[-1]))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ value).transpose(0, 2, 1, 3).reshape(n_texts, n_tokens, width)

    def _apply(self, hidden: Floats, name: str) -> Floats:
        flat = hidden.reshape(-1, hidden.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return flat.reshape(*hidden.shape[:-1], -1)

    def _normalise(self, hidden: Floats, name: str) -> Floats:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self._shape.epsilon))
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def group_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the rows of texts of one length, at most TOKENS_A_BATCH tokens together (or one text)."""
    rows_of: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        rows_of.setdefault(length, []).append(row)
    for length, rows in sorted(rows_of.items()):
        step = max(1, TOKENS_A_BATCH // length)
        for start in range(0, len(rows), step):
            yield rows[start : start + step]


def gelu(values: Floats) -> Floats:
    """Return the exact GELU, x Phi(x) (Hendrycks and Gimpel, arXiv 1606.08415)."""
    from scipy.special import erf

    return values * (np.float32(0.5) * (1 + erf(values * np.float32(np.sqrt(0.5)))))


def _refuse(folder: Path, what: str) -> ConfigError:
    do = f"give a folder with {', '.join(FILES)}, the name of an installed package that holds one, or a hub id"
    return ConfigError(what, where=str(folder), do=do)
