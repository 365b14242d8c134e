"""What each judge's scores go along with beside empathy: emotions, length, place in the dialogue, questions asked."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tasks.judges import profile_bias
from tasks.reporting.blocks import Block, Prose
from tasks.reporting.judges.habits import READING, Means, show_bias, show_emotions
from tasks.reporting.judges.records import DIMENSIONS, Bias

LEAST_TURNS, MOST_TURNS = 10, 10_000
"""Turns below which a rank correlation says nothing, and above which more of them narrow no interval that matters."""
NEEDED = ("turn_key", "dialogue_id", "utterance_idx", "emotion", "response")


def describe_habits(judges: Mapping[str, pl.LazyFrame], turns: pl.LazyFrame) -> list[Block]:
    """Return mean scores of each emotion, and how far each score goes along with what should not decide it."""
    corpus = turns.unique("turn_key", keep="first", maintain_order=True)
    means = average_emotions(judges, corpus)
    blocks: list[Block] = []
    if means["sensibility"]:
        blocks += [show_emotions(f"judge-emotions-{d}", d, list(judges), means[d]) for d in DIMENSIONS]
    series: dict[str, list[Bias]] = {}
    sizes = []
    for name, frame in judges.items():
        rows = draw_turns(frame).join(corpus.select(NEEDED), on="turn_key", maintain_order="left").collect()
        if len(rows) >= LEAST_TURNS:
            series[name] = [Bias.model_validate(record) for record in profile_bias(rows)]
            sizes.append(f"{name} {len(rows):,}")
    if series:
        blocks += [show_bias(f"judge-bias-{d}", d, series, dict.fromkeys(series, d)) for d in DIMENSIONS]
        blocks.append(Prose([f"{READING} Turns it stands on: {', '.join(sizes)}."]))
    return blocks


def draw_turns(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return at most MOST_TURNS turns, those with the lowest keys: a key is a hash, so they stand for all."""
    return frame.bottom_k(MOST_TURNS, by="turn_key").sort("turn_key")


def average_emotions(judges: Mapping[str, pl.LazyFrame], corpus: pl.LazyFrame) -> dict[str, Means]:
    """Return, for each score, the emotions with each judge's mean; highest sensibility of the first judge first."""
    emotions = corpus.filter(pl.col("emotion").str.len_chars() > 0).select("turn_key", "emotion")
    counts: dict[str, int] = {}
    means: dict[str, dict[str, dict[str, float]]] = {d: {} for d in DIMENSIONS}
    for name, frame in judges.items():
        grouped = frame.join(emotions, on="turn_key").group_by("emotion")
        averaged = grouped.agg(pl.len(), *(pl.col(d).mean() for d in DIMENSIONS)).collect()
        for emotion, n, *scores in averaged.iter_rows():
            counts[emotion] = max(n, counts.get(emotion, 0))
            for d, mean in zip(DIMENSIONS, scores, strict=True):
                means[d].setdefault(emotion, {})[name] = mean
    first = next(iter(judges))
    order = sorted(counts, key=lambda emotion: (-means["sensibility"][emotion].get(first, -1.0), emotion))
    return {d: [(emotion, counts[emotion], means[d][emotion]) for emotion in order] for d in DIMENSIONS}
