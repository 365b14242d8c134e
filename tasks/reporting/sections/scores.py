"""The scores: how each dimension is distributed, how the two go together, and what has no score."""

from __future__ import annotations

from functools import partial
from typing import Literal

import polars as pl

from tasks.reporting.blocks import Block, Cell, Fact, Facts, Figure, Section, Table
from tasks.reporting.charts.heatmap import draw_heatmap
from tasks.reporting.charts.histogram import draw_histogram
from tasks.reporting.chosen import Selection
from tasks.reporting.material import Material, count_by
from tasks.reporting.sections.calls import describe_calls
from tasks.reporting.wording import count_cell, join_words, number_cell, share_cell, share_text

DIMENSIONS: tuple[Literal["sensibility", "rationality"], ...] = ("sensibility", "rationality")
MEANING = {
    "sensibility": "Affective empathy: does the response feel with the speaker?",
    "rationality": "Cognitive empathy: does it understand the situation and think it through?",
}


def describe_scores(material: Material) -> Section:
    """Return the chapter on the judge's scores."""
    section = partial(Section, "scores", "Scores")
    if material.scores is None:
        return section(absent="No scores in this report. `empathy score` makes them.")
    scored = material.scores.filter(pl.col("sensibility").is_not_null())
    blocks: list[Block] = [count_scores(material.scores)]
    if has_rows(scored):
        step = choose_step(scored)
        cells = count_pairs(scored, step)
        blocks += [draw_distribution(cells, name, step, material.selection) for name in DIMENSIONS]
        blocks.append(draw_plane(cells, step, material.selection))
    blocks += list_unscored(material.scores)
    blocks += describe_calls(material.inputs.calls)
    judge = f"The judge {material.inputs.judge_alias}" if material.inputs.judge_alias else "The judge"
    return section(lead=f"{judge} gave every distinct turn two scores from 0 to 10.", blocks=blocks)


def has_rows(scored: pl.LazyFrame) -> bool:
    """Say whether there is any score."""
    return scored.head(1).collect().height > 0


def count_scores(scores: pl.LazyFrame) -> Facts:
    """Return the key figures."""
    n, n_scored, mean_s, mean_r, correlation = scores.select(
        pl.len().alias("n"),
        pl.col("sensibility").count().alias("scored"),
        pl.col("sensibility").mean().alias("s"),
        pl.col("rationality").mean().alias("r"),
        pl.corr("sensibility", "rationality", method="spearman").alias("rho"),
    ).collect().row(0)  # fmt: skip
    return Facts(
        [
            Fact("Scored turns", count_cell(n_scored, note=f"of {n:,} distinct")),
            Fact("Mean sensibility", number_cell(mean_s)),
            Fact("Mean rationality", number_cell(mean_r)),
            Fact("Rank correlation of the two", number_cell(correlation, note="Spearman, -1 to 1")),
        ]
    )


def choose_step(scored: pl.LazyFrame) -> float:
    """Return the width of a bin: 1 for a judge of whole numbers, else a half."""
    is_whole = pl.all_horizontal((pl.col(name) % 1 == 0).all() for name in DIMENSIONS)
    return 1.0 if scored.select(is_whole).collect().item() else 0.5


def count_pairs(scored: pl.LazyFrame, step: float) -> list[tuple[float, float, int]]:
    """Return (sensibility, rationality, turns), each score rounded to its bin."""
    bins = scored.select(((pl.col(name) / step).round() * step).alias(name) for name in DIMENSIONS)
    return sorted(count_by(bins, *DIMENSIONS))


def draw_distribution(cells: list[tuple[float, float, int]], name: str, step: float, selection: Selection) -> Figure:
    """Return the histogram of one dimension."""
    axis = 0 if name == "sensibility" else 1
    counts: dict[float, int] = {}
    for cell in cells:
        counts[cell[axis]] = counts.get(cell[axis], 0) + cell[2]
    bins = sorted(counts.items())
    mode, most = max(bins, key=lambda item: item[1])
    share = share_text(most, sum(counts.values()))
    return Figure(
        name=name,
        title=name.capitalize(),
        description=f"Histogram of {name} scores; the most common is {mode:g} with {share} of the turns.",
        draw=partial(draw_histogram, bins, step, name, (selection.bounds[axis], selection.bound_name)),
        numbers=Table(f"{name.capitalize()} scores", ("Score", "Turns"),
                      [[number_cell(score, 0 if step == 1 else 1), count_cell(n)] for score, n in bins]),
        note=f"{MEANING[name]} The most common score, {mode:g}, stands on {share} of the turns.",
        is_half=True,
    )  # fmt: skip


def draw_plane(cells: list[tuple[float, float, int]], step: float, selection: Selection) -> Figure:
    """Return the plane of both scores with the thresholds."""
    sensibility, rationality, most = max(cells, key=lambda cell: cell[2])
    digits = 0 if step == 1 else 1
    named = zip(DIMENSIONS, selection.bounds, strict=True)
    lines = [f"{name} {bound:.4g}" for name, bound in named if bound is not None]
    return Figure(
        name="plane",
        title="Sensibility and rationality together",
        description=(
            f"Heat map of {len(cells)} pairs of scores; the most frequent is sensibility {sensibility:g} with "
            f"rationality {rationality:g}, {most:,} turns."
            + (f" Lines at {join_words(lines)}." if lines else "")
        ),
        draw=partial(draw_heatmap, cells, step, selection.bounds, selection.bound_name),
        numbers=Table("Turns by pair of scores", ("Sensibility", "Rationality", "Turns"),
                      [[number_cell(s, digits), number_cell(r, digits), count_cell(n)] for s, r, n in cells]),
        note="The stronger the colour, the more turns."
        + (tell_lines(selection) if lines else ""),
        has_picture=True,
    )  # fmt: skip


def tell_lines(selection: Selection) -> str:
    """Say what the lines in a chart are."""
    if selection.is_ranked:
        return f" The lines are the lowest scores that the {selection.sentence().split(';')[0]} took."
    if selection.is_calibrated:
        return " The lines are the thresholds of calibrated scores; the squares are of the judge's own."
    return " The lines are the thresholds; they are strict, so a score on a line is not above it."


def list_unscored(scores: pl.LazyFrame) -> list[Block]:
    """Return why turns have no score, if any has none."""
    reasons = count_by(scores.filter(pl.col("unscored_reason").is_not_null()), "unscored_reason")
    total = sum(n for _, n in reasons)
    rows = [[Cell(reason), count_cell(n), share_cell(n, total)] for reason, n in reasons]
    return [Table("Turns without a score", ("Reason", "Turns", "Share"), rows)] if rows else []
