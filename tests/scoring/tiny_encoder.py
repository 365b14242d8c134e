"""A sentence encoder of the BERT family, tiny and random, as a folder; and one that is a function of the words."""

import json
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "i", "am", "so", "sorry", "you", "should", "call", "what", "a", "day", "!"]
WIDTH, INNER, N_LAYERS, N_HEADS, N_POSITIONS = 16, 32, 2, 4, 24


def write_encoder(folder: Path, seed: int = 0) -> Path:
    """Write weights, tokenizer and config of a random encoder."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": INNER,
        "num_hidden_layers": N_LAYERS, "num_attention_heads": N_HEADS, "layer_norm_eps": 1e-12,
        "max_position_embeddings": N_POSITIONS, "type_vocab_size": 2, "vocab_size": len(WORDS),
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    draw = np.random.default_rng(seed)
    shapes = {f"embeddings.{name}_embeddings.weight": (n, WIDTH) for name, n in
              (("word", len(WORDS)), ("position", N_POSITIONS), ("token_type", 2))}  # fmt: skip
    shapes |= {f"embeddings.LayerNorm.{part}": (WIDTH,) for part in ("weight", "bias")}
    for layer in range(N_LAYERS):
        for name, (n_out, n_in) in {
            "attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER),
        }.items():  # fmt: skip
            shapes |= {f"encoder.layer.{layer}.{name}.weight": (n_out, n_in)}
            shapes |= {f"encoder.layer.{layer}.{name}.bias": (n_out,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"encoder.layer.{layer}.{name}.{part}": (WIDTH,) for part in ("weight", "bias")}
    weights = {name: draw.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    return folder


class WordEncoder:
    """A text's vector is the mean of random vectors of its words; it counts the texts it is asked for."""

    width, digest = 12, "ab" * 32

    def __init__(self) -> None:
        self.n_asked = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors, shape (n, width)."""
        self.n_asked += len(texts)
        vectors = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row] += np.random.default_rng(crc32(word.encode())).normal(size=self.width)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
