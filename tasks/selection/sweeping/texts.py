"""The texts of the scored turns as whole numbers, read once, so that a whole grid of selections is measured on them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from tasks.selection.candidates import read_sql

_ODD = np.uint64(0x9E3779B97F4A7C15)

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grams:
    """All n-grams of the responses, response by response; `codes` are equal where the n-grams are.

    `turns` and `lengths` say whose they are: the next `lengths[i]` codes are of turn `turns[i]`.
    """

    turns: Ints
    lengths: Ints
    codes: Ints
    n_kinds: int

    def count(self, chosen: Mask) -> int:
        """Return how many n-grams the chosen turns' responses have."""
        return int(self.lengths[chosen[self.turns]].sum())

    def measure_dist(self, chosen: Mask) -> float | None:
        """Return Dist-n, 100 x distinct / all n-grams of the chosen turns' responses (Li et al. 2016); None of none.

        It falls as more text is taken: only subsets of like size can be compared by it.
        """
        codes = self.codes[np.repeat(chosen[self.turns], self.lengths)]
        seen = np.zeros(self.n_kinds, bool)
        seen[codes] = True
        return round(100 * int(np.count_nonzero(seen)) / len(codes), 6) if len(codes) else None


@dataclass(frozen=True, slots=True)
class TurnTexts:
    """The scored turns by their place in the corpus; equal numbers are equal dialogues, emotions and responses."""

    dialogues: Ints
    emotions: Ints
    responses: Ints
    words: Grams
    pairs: Grams


def read_texts(connection: duckdb.DuckDBPyConnection) -> TurnTexts:
    """Read the scored turns of `candidates`; `pairs` are the pairs of neighbouring words.

    Texts are told apart by hashes of 64 bits: of a hundred million words and pairs one is expected to be taken for
    another once in 4,000 times.
    """
    connection.execute(read_sql("sweeping/texts"))
    turns = connection.execute("SELECT * EXCLUDE (words) FROM sweep_texts ORDER BY place").fetchnumpy()
    words = connection.execute("SELECT place, unnest(words) AS word FROM sweep_texts").fetchnumpy()
    connection.execute("DROP TABLE sweep_texts")
    # the words of a turn follow each other, whatever the order of the turns
    starts = np.flatnonzero(np.diff(words["place"], prepend=-1))
    of_turns = np.searchsorted(turns["place"], words["place"][starts])
    lengths = np.diff(starts, append=len(words["place"]))
    hashes: Hashes = words["word"]
    is_pair = np.ones(len(hashes), bool)
    is_pair[starts] = False
    followed = (hashes[:-1] * _ODD + hashes[1:])[is_pair[1:]]
    dialogues, emotions, responses = (number_kinds(turns[name])[0] for name in ("dialogue", "emotion", "response"))
    return TurnTexts(
        dialogues,
        emotions,
        responses,
        words=Grams(of_turns, lengths, *number_kinds(hashes)),
        pairs=Grams(of_turns, lengths - 1, *number_kinds(followed)),
    )


def number_kinds(hashes: Hashes) -> tuple[Ints, int]:
    """Return a number for each value, from 0 and equal where values are, and how many different ones there are."""
    kinds, numbers = np.unique(hashes, return_inverse=True)
    return numbers, len(kinds)
