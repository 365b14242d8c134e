"""A sentence encoder of the BERT family, run with numpy: no torch, so that a judge may have one.

Texts of equal length in tokens are run together, so that nothing is padded and nothing masked. The forward pass is
that of Devlin et al. (arXiv 1810.04805) with mean pooling and unit length, as MiniLM of Sentence-Transformers has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.manifest import hash_file
from tasks.scoring.encoder_files import FILES, EncoderConfig, Floats, read_encoder

TOKENS_A_BATCH = 1024
"""Tokens run at once: more fall out of the processor's cache."""


class SentenceEncoder:
    """Turns texts into vectors of unit length."""

    def __init__(self, weights: dict[str, Floats], config: EncoderConfig, tokenizer: Any, folder: Path) -> None:
        self._weights, self._config, self._tokenizer, self.folder = weights, config, tokenizer, folder
        self.digest = hashlib.sha256("".join(hash_file(folder / name) for name in FILES).encode()).hexdigest()
        """The sha256 over the files that an embedding depends on."""
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    @classmethod
    def load(cls, folder: Path) -> SentenceEncoder:
        """Load an encoder's folder. Raises ConfigError where it holds none that is known, or a package is missing."""
        return cls(*read_encoder(folder), folder)

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
        for layer in range(self._config.num_hidden_layers):
            name = f"encoder.layer.{layer}"
            attended = self._apply(self._attend(hidden, f"{name}.attention.self"), f"{name}.attention.output.dense")
            hidden = self._normalise(hidden + attended, f"{name}.attention.output.LayerNorm")
            inner = gelu(self._apply(hidden, f"{name}.intermediate.dense"))
            hidden = self._normalise(hidden + self._apply(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        pooled = hidden.mean(axis=1)
        return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)

    def _attend(self, hidden: Floats, name: str) -> Floats:
        n_texts, n_tokens, width = hidden.shape
        n_heads = self._config.num_attention_heads
        heads = (n_texts, n_tokens, n_heads, width // n_heads)
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
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self._config.layer_norm_eps))
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
