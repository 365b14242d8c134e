"""The data: how much there is, what it is about, and what could not be used."""

from __future__ import annotations

from functools import partial

import polars as pl

from tasks.reporting.blocks import Block, Cell, Columns, Fact, Facts, Figure, Section, Table
from tasks.reporting.charts.bars import draw_bars
from tasks.reporting.material import Material, count_by, count_rows
from tasks.reporting.wording import clip, count_cell, count_of, share_cell
from tasks.schema import SPLITS

MOST_BARS = 40
"""Emotions of a foreign corpus may be free text; the rest is summed."""
MOST_ROWS = 12
LENGTH_BANDS = (5, 10, 15, 20, 30, 50)
"""Upper bounds in words of all bands but the last."""


def describe_data(material: Material) -> Section:
    """Return the chapter on dialogues, turns and quarantine."""
    section = partial(Section, "data", "Data")
    dialogues, turns, quarantine = material.dialogues, material.turns, material.quarantine
    if dialogues is None or turns is None or quarantine is None:
        return section(absent="No dialogues in this report. `empathy ingest SOURCE` reads them.")
    blocks: list[Block] = [count_everything(dialogues, turns, quarantine)]
    if count_rows(turns):
        right = [tabulate_splits(dialogues, turns), draw_lengths(turns), *tabulate_reasons(quarantine)]
        blocks.append(Columns(left=[draw_emotions(turns)], right=right))
    blocks += list_quarantine(quarantine)
    return section(
        lead="A turn is everything said so far and the listener's next response. It is the unit that is scored.",
        blocks=blocks,
    )


def count_everything(dialogues: pl.LazyFrame, turns: pl.LazyFrame, quarantine: pl.LazyFrame) -> Facts:
    """Return the key figures."""
    n_turns, n_distinct, n_emotions = turns.select(
        pl.len(), pl.col("turn_key").n_unique().alias("distinct"), pl.col("emotion").n_unique().alias("emotions")
    ).collect().row(0)  # fmt: skip
    return Facts(
        [
            Fact("Dialogues", count_cell(count_rows(dialogues))),
            Fact("Listener turns", count_cell(n_turns, note=f"{n_distinct:,} distinct")),
            Fact("Emotions", count_cell(n_emotions)),
            Fact("Rows in quarantine", count_cell(count_rows(quarantine), note="kept with their reason")),
        ]
    )


def tabulate_splits(dialogues: pl.LazyFrame, turns: pl.LazyFrame) -> Table:
    """Return dialogues and turns of each split, in the order train, valid, test."""
    of_dialogues, of_turns = dict(count_by(dialogues, "split")), dict(count_by(turns, "split"))
    total = sum(of_turns.values())
    present = [split for split in SPLITS if split in of_dialogues]
    rows = [
        [Cell(split), count_cell(of_dialogues[split]), count_cell(n := of_turns.get(split, 0)), share_cell(n, total)]
        for split in present
    ]
    return Table("Splits", ("Split", "Dialogues", "Turns", "Share"), rows)


def draw_emotions(turns: pl.LazyFrame) -> Figure:
    """Return the turns of each emotion, most first."""
    counts = count_by(turns, "emotion")
    shown = [(clip(emotion, 40), n) for emotion, n in counts[:MOST_BARS]]
    if len(counts) > MOST_BARS:
        shown.append((f"{len(counts) - MOST_BARS:,} others", sum(n for _, n in counts[MOST_BARS:])))
    name, n = shown[0]
    return Figure(
        name="emotions",
        title="Turns per emotion",
        description=f"Bar chart of {count_of(len(counts), 'emotion')}; the most frequent is {name} with {n:,} turns.",
        draw=partial(draw_bars, shown),
        numbers=Table("Turns per emotion", ("Emotion", "Turns"), [[Cell(e), count_cell(n)] for e, n in shown]),
        is_half=True,
    )


def draw_lengths(turns: pl.LazyFrame) -> Figure:
    """Return how long the listeners' responses are, in words."""
    words = turns.select(n=pl.col("response").str.count_matches(r"\S+"))
    labels = band_labels()
    band = pl.col("n").cut(LENGTH_BANDS, labels=labels).cast(pl.String)
    found = dict(count_by(words.select(band=band), "band"))
    counts = [(label, found.get(label, 0)) for label in labels]
    median = words.select(pl.col("n").median()).collect().item()
    return Figure(
        name="lengths",
        title="Length of the responses",
        description=f"Bar chart of response lengths in words; the median is {median:g} words.",
        draw=partial(draw_bars, counts),
        numbers=Table("Length of the responses", ("Words", "Turns"), [[Cell(b), count_cell(n)] for b, n in counts]),
        note=f"Median {median:g} words.",
        is_half=True,
    )


def band_labels() -> list[str]:
    """Return the names of the length bands, shortest first."""
    lows = (0, *(bound + 1 for bound in LENGTH_BANDS))
    inner = [f"{low} to {high} words" for low, high in zip(lows, LENGTH_BANDS, strict=False)]
    return [*inner, f"over {LENGTH_BANDS[-1]} words"]


def tabulate_reasons(quarantine: pl.LazyFrame) -> list[Block]:
    """Return how often each reason for quarantine occurs, if there is any."""
    rows = [[Cell(reason), count_cell(n)] for reason, n in count_by(quarantine, "reason")]
    return [Table("Quarantine", ("Reason", "Rows"), rows)] if rows else []


def list_quarantine(quarantine: pl.LazyFrame) -> list[Block]:
    """Return the first rows that could not be used, as they were."""
    first = quarantine.select("source", "line", "reason", "raw").head(MOST_ROWS).collect()
    rows = [
        [Cell(clip(source, 80)), count_cell(line), Cell(reason), Cell(clip(raw))]
        for source, line, reason, raw in first.iter_rows()
    ]
    caption = f"The first {count_of(len(rows), 'row')} in quarantine"
    return (
        [Table(caption, ("Source", "Line", "Reason", "As it was"), rows, is_folded=True, is_text=True)] if rows else []
    )
