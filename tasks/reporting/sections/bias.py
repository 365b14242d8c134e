"""What the judge's scores go along with beside empathy: emotions, length, place in the dialogue, questions asked."""

from __future__ import annotations

from functools import partial

import polars as pl

from tasks.reporting.blocks import Block, Cell, Figure, Table
from tasks.reporting.charts.means import DIMENSIONS, draw_means
from tasks.reporting.explorer.turns import count_words
from tasks.reporting.wording import clip, count_cell, count_of, number_cell

MOST_EMOTIONS = 40
MIN_TURNS = 10
"""Turns below which a rank correlation says nothing."""
PROPERTIES = {
    "n_words": "Words of the response",
    "utterance_idx": "Place of the turn in the dialogue",
    "n_questions": "Question marks in the response",
}
READING = (
    "Spearman's rank correlation, -1 to 1, over the distinct scored turns. Far from 0 the judge prefers, say, long "
    "responses as such, and a threshold selects by length too. It does not say why: a longer response may be better."
)


def describe_bias(turns: pl.LazyFrame, scores: pl.LazyFrame) -> list[Block]:
    """Return mean scores of each emotion, and how far each score goes along with what should not decide it."""
    scored = (
        scores.filter(pl.col("sensibility").is_not_null())
        .select("turn_key", *DIMENSIONS)
        .join(turns.unique("turn_key", keep="first", maintain_order=True), on="turn_key")
        .select(
            "emotion", "utterance_idx", *DIMENSIONS,
            n_words=count_words(pl.col("response")), n_questions=pl.col("response").str.count_matches(r"\?"),
        )
        .collect()
    )  # fmt: skip
    if scored.is_empty():
        return []
    return [draw_emotions(scored), *correlate(scored)]


def draw_emotions(scored: pl.DataFrame) -> Figure:
    """Return the mean scores of each emotion, highest sensibility first."""
    by_emotion = scored.group_by("emotion").agg(pl.len().alias("n"), *(pl.col(name).mean() for name in DIMENSIONS))
    largest = by_emotion.sort("n", "emotion", descending=[True, False]).head(MOST_EMOTIONS)
    found = largest.sort("sensibility", "emotion", descending=[True, False])
    means = [(clip(emotion, 40), s, r) for emotion, s, r in found.select("emotion", *DIMENSIONS).iter_rows()]
    rows = [
        [Cell(clip(emotion, 40)), count_cell(n), number_cell(s), number_cell(r)]
        for emotion, n, s, r in found.select("emotion", "n", *DIMENSIONS).iter_rows()
    ]
    top, low = means[0], means[-1]
    return Figure(
        name="means",
        title="Mean scores per emotion",
        description=f"Dot chart of {count_of(len(means), 'emotion')}: mean sensibility from {low[1]:.2f} ({low[0]}) "
        f"to {top[1]:.2f} ({top[0]}).",
        draw=partial(draw_means, means),
        numbers=Table("Mean scores per emotion", ("Emotion", "Turns", "Sensibility", "Rationality"), rows),
        note="Distinct scored turns, highest sensibility first."
        + (f" The {MOST_EMOTIONS} largest of {len(by_emotion):,} emotions." if len(by_emotion) > MOST_EMOTIONS else ""),
    )


def correlate(scored: pl.DataFrame) -> list[Block]:
    """Return the rank correlations of each score with each property, where there are turns enough."""
    if len(scored) < MIN_TURNS:
        return []
    pairs = [(name, score) for name in PROPERTIES for score in DIMENSIONS]
    found = scored.select(pl.corr(*pair, method="spearman").alias("|".join(pair)) for pair in pairs).row(0, named=True)
    rows = [
        [Cell(label), *(number_cell(found[f"{name}|{score}"]) for score in DIMENSIONS)]
        for name, label in PROPERTIES.items()
    ]
    return [Table("Judge bias", ("The score goes along with", "Sensibility", "Rationality"), rows, note=READING)]
