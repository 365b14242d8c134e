"""What one subset is like: its emotions, its words, what it repeats, what it shares with another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.selection.balance import evenness
from tasks.selection.sweeping.texts import Mask, TurnTexts


def measure_texts(texts: TurnTexts, chosen: Mask) -> dict[str, float | int | None]:
    """Return balance, length, variety and repetition of the chosen turns."""
    n = int(np.count_nonzero(chosen))
    of_emotion = np.bincount(texts.emotions[chosen])
    return {
        "balance": evenness({str(code): int(k) for code, k in enumerate(of_emotion) if k}, count_kinds(texts)),
        "mean_words": round(texts.words.count(chosen) / n, 6) if n else None,
        "dist_1": texts.words.measure_dist(chosen),
        "dist_2": texts.pairs.measure_dist(chosen),
        "n_duplicates": n - int(np.count_nonzero(np.bincount(texts.responses[chosen]))),
    }


def count_kinds(texts: TurnTexts) -> int:
    """Return how many emotions the scored turns have."""
    return int(texts.emotions.max(initial=-1)) + 1


def measure_jaccard(one: Mask, other: Mask) -> float | None:
    """Return |A and B| / |A or B| (Jaccard 1901); None where both are empty."""
    n_any = int(np.count_nonzero(one | other))
    return round(int(np.count_nonzero(one & other)) / n_any, 6) if n_any else None


class MeasuredOnce:
    """Measures each set of turns once: the rules give many equal subsets."""

    def __init__(self, texts: TurnTexts) -> None:
        self.texts = texts
        self.known: dict[bytes, Mapping[str, float | int | None]] = {}

    def measure(self, chosen: Mask) -> Mapping[str, float | int | None]:
        """Return `measure_texts` of these turns."""
        key = np.packbits(chosen).tobytes()
        if key not in self.known:
            self.known[key] = measure_texts(self.texts, chosen)
        return self.known[key]
