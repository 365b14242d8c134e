"""What each judge's scores go along with beside empathy: emotions, length, place in the dialogue, questions asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from tasks.judges import profile_bias
from tasks.reporting.blocks import Block, Prose
from tasks.reporting.judges.habits import READING, Means, show_bias, show_emotions
from tasks.reporting.judges.records import DIMENSIONS, Bias
from tasks.reporting.wording import count_of, join_words

LEAST_TURNS, MOST_TURNS = 10, 10_000
"""Turns below which a rank correlation says nothing, and above which more of them narrow no interval that matters."""
LEAST_SHARE = 0.1
"""Of the turns in common so far, what must be left for a further judge to stand beside the others."""
NEEDED = ("turn_key", "dialogue_id", "utterance_idx", "emotion", "response")


def describe_habits(judges: Mapping[str, pl.LazyFrame], turns: pl.LazyFrame) -> list[Block]:
    """Return mean scores of each emotion, and how far each score goes along with what should not decide it.

    All on the turns that every judge shown has scored: means of different turns would differ by the turns.
    """
    corpus = turns.unique("turn_key", keep="first", maintain_order=True)
    shown, common, n = find_common(judges, corpus.select("turn_key"))
    blocks: list[Block] = [Prose([tell_common(list(shown), [name for name in judges if name not in shown], n)])]
    means = average_emotions(shown, corpus.join(common, on="turn_key", how="semi"))
    if means["sensibility"]:
        blocks += [show_emotions(f"judge-emotions-{d}", d, list(shown), means[d]) for d in DIMENSIONS]
    if n < LEAST_TURNS:
        return blocks
    drawn = draw_turns(common)
    series = {name: profile_judge(frame, drawn, corpus) for name, frame in shown.items()}
    blocks += [show_bias(f"judge-bias-{d}", d, series, dict.fromkeys(series, d)) for d in DIMENSIONS]
    said = f" On {MOST_TURNS:,} of these turns." if n > MOST_TURNS else ""
    return [*blocks, Prose([READING + said])]


def find_common(
    judges: Mapping[str, pl.LazyFrame], keys: pl.LazyFrame
) -> tuple[dict[str, pl.LazyFrame], pl.LazyFrame, int]:
    """Return the judges to be shown, the turns that all of them have scored, and how many these are.

    The first judge always is; a further one if it leaves enough turns, so that a trial of a few does not decide.
    """
    shown: dict[str, pl.LazyFrame] = {}
    common, n = keys, 0
    for name, frame in judges.items():
        left = common.join(frame, on="turn_key", how="semi").collect()
        if not shown or len(left) >= max(LEAST_TURNS, LEAST_SHARE * n):
            shown[name], common, n = frame, left.lazy(), len(left)
    return shown, common, n


def tell_common(shown: Sequence[str], left_out: Sequence[str], n: int) -> str:
    """Return what the means and correlations stand on."""
    who = f"all of {join_words(shown)} have scored" if len(shown) > 1 else f"{shown[0]} has scored"
    said = f"Emotions and what the scores follow: on the {count_of(n, 'turn')} of this corpus that {who}."
    few = " Left out, with too few turns in common:"
    return f"{said}{few} {join_words(left_out)}." if left_out else said


def profile_judge(frame: pl.LazyFrame, drawn: pl.LazyFrame, corpus: pl.LazyFrame) -> list[Bias]:
    """Return what the scores of these turns go along with."""
    rows = drawn.join(frame, on="turn_key", maintain_order="left")
    with_texts = rows.join(corpus.select(NEEDED), on="turn_key", maintain_order="left").collect()
    return [Bias.model_validate(record) for record in profile_bias(with_texts)]


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
