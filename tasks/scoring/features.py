"""What the distilled judge sees of a turn: hashed n-grams, and measures of its surface.

Pure, and numpy only. There is no vocabulary: an n-gram is known by its bucket, so that no text can be
read back from a model fitted on these features. Characters (by code point) and words (by CRC-32) roll
through the same hash, a whole batch of turns at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tasks.schema import Turn, normalise_text
from tasks.scoring.surface import SURFACE_MEASURES, WORD, measure_surface

PLAIN_QUOTES = str.maketrans("‘’“”", "''\"\"")
MAX_CHARS = 2000
"""Longest part of a response (its start) and of a context (its end) that is read: bounds a turn's cost."""

BUCKETS_PER_BLOCK = 100_000
SURFACE_WEIGHT = 0.1
ROLL = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xD6E8FEB86659FD93)
HALF = np.uint64(32)

Codes = tuple[NDArray[np.uint64], NDArray[np.int64]]
"""The units of a batch in order (characters or words) as numbers, and the row each belongs to."""


@dataclass(frozen=True)
class Block:
    """One family of n-grams with its own buckets; `weight` is its share in a turn's squared norm."""

    shortest: int
    longest: int
    weight: float


BLOCKS = {
    "response words": Block(1, 3, 1.0),
    "response characters": Block(2, 5, 1.0),
    "context characters": Block(2, 5, 0.4),
}
N_BUCKETS = BUCKETS_PER_BLOCK * len(BLOCKS)


@dataclass(frozen=True)
class TurnFeatures:
    """Features of n turns: the occurrences of n-grams as (row, bucket) pairs, and the surface measures."""

    row: NDArray[np.int64]
    bucket: NDArray[np.int64]
    surface: NDArray[np.float32]
    """Shape (n, number of measures)."""


def extract_features(turns: Sequence[Turn]) -> TurnFeatures:
    """Return the features of `turns`; a row depends on its own turn only, and on no more than its turn key."""
    said = [[clean_text(text) for _, text in turn.context] for turn in turns]
    contexts = [" ".join(texts).lower()[-MAX_CHARS:] for texts in said]
    responses = [clean_text(turn.response)[:MAX_CHARS] for turn in turns]
    words = [WORD.findall(text.lower()) for text in responses]
    codes = {
        "response words": hash_words(words),
        "response characters": number_characters(responses),
        "context characters": number_characters(contexts),
    }
    surface = [measure_surface(*parts) for parts in zip(said, responses, words, strict=True)]
    row, bucket = find_ngrams(codes)
    return TurnFeatures(row, bucket, np.array(surface, np.float32).reshape(len(turns), len(SURFACE_MEASURES)))


def clean_text(text: str) -> str:
    """Return the text with white space, composition and quotation marks folded."""
    return normalise_text(text).translate(PLAIN_QUOTES)


def hash_words(texts: Sequence[Sequence[str]]) -> Codes:
    """Return the words of all texts as 32-bit hashes."""
    hashes = [crc32(word.encode("utf-8", "surrogatepass")) for words in texts for word in words]
    return np.array(hashes, np.uint64), repeat_rows([len(words) for words in texts])


def number_characters(texts: Sequence[str]) -> Codes:
    """Return the characters of all texts as code points."""
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(joined, np.uint32).astype(np.uint64), repeat_rows([len(text) for text in texts])


def repeat_rows(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return each row's number as often as the row has units."""
    return np.repeat(np.arange(len(lengths)), np.array(lengths, np.int64))


def find_ngrams(codes: dict[str, Codes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (row, bucket) of every n-gram of every block."""
    pairs = [
        (rows, buckets + position * BUCKETS_PER_BLOCK)
        for position, (name, block) in enumerate(BLOCKS.items())
        for rows, buckets in roll_ngrams(*codes[name], block)
    ]
    return np.concatenate([rows for rows, _ in pairs]), np.concatenate([buckets for _, buckets in pairs])


def roll_ngrams(
    units: NDArray[np.uint64], owners: NDArray[np.int64], block: Block
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, a length at a time, the rows and buckets of the block's n-grams; none spans two rows."""
    rolled = units
    for length in range(1, block.longest + 1):
        if length > 1:
            rolled = rolled[:-1] * ROLL + units[length - 1 :]  # unsigned 64 bits wrap around on purpose
        if length >= block.shortest:
            first, last = owners[: len(rolled)], owners[length - 1 :]
            inside = first == last
            mixed = rolled[inside]
            mixed = (mixed ^ (mixed >> HALF)) * MIX >> HALF
            yield first[inside], (mixed * np.uint64(BUCKETS_PER_BLOCK) >> HALF).astype(np.int64)


def weigh_ngrams(
    row: NDArray[np.int64],
    bucket: NDArray[np.int64],
    count: NDArray[np.float32] | float,
    idf: NDArray[np.float32],
    n_rows: int,
) -> NDArray[np.float32]:
    """Return count * idf for each (row, bucket), each block of a row scaled to the norm sqrt(weight).

    The norm is taken over occurrences, so that counting n-grams first or giving each its own pair with
    `count` 1 comes to the same. An n-gram in a bucket without idf (never met in training) counts nothing.
    """
    value = idf[bucket]
    part = row * len(BLOCKS) + bucket // BUCKETS_PER_BLOCK
    squares = np.bincount(part, value * value * count, minlength=n_rows * len(BLOCKS)).astype(np.float64)
    weights = np.tile([block.weight for block in BLOCKS.values()], n_rows)
    scale = np.sqrt(np.divide(weights, squares, out=np.zeros_like(squares), where=squares > 0))
    return (value * count * scale[part]).astype(np.float32)


def expand_surface(standard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return standardised measures (n, m) with their products: (n, m + m (m + 1) / 2)."""
    n_measures = standard.shape[1]
    scaled = np.clip(standard, -4, 4) / np.sqrt(n_measures)
    left, right = np.triu_indices(n_measures)
    products = scaled[:, left] * scaled[:, right] * np.where(left == right, 1, np.sqrt(2))
    return (np.hstack([scaled, products]) * np.sqrt(SURFACE_WEIGHT)).astype(np.float32)
