"""What judges would select: how far their subsets overlap with a reference's or with each other's, beside chance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from tasks.reporting.blocks import Block, Cell, Figure, Table
from tasks.reporting.charts.rows import Row, draw_rows
from tasks.reporting.judges.habits import measure_cell
from tasks.reporting.judges.records import DIMENSIONS, Comparison, Measure, PairOverlap, Selected, Validation
from tasks.reporting.wording import clip, count_cell, count_of, number_cell
from tasks.schema import Subset

MOST_PAIRS = 5
"""Pairs of judges that are drawn, the first; all stand in the table."""
CHANCE = "Chance: what random subsets of the same sizes share."


class Bar(NamedTuple):
    """One overlap with a subset: of a judge, of what only counts words, or of chance."""

    label: str
    subset: str
    measure: Measure
    is_judge: bool = True


def show_subsets(name: str, record: Validation | Comparison, opening: str = "") -> list[Block]:
    """Return a chart and tables of the overlap of subsets; nothing of a record that has none.

    `opening` stands before the titles, where a page has several.
    """
    if not record.subsets:
        return []
    if isinstance(record, Validation):
        return [draw_overlaps(name, list_bars(record), record.threshold, opening), tabulate_overlaps(record, opening)]
    drawn = min(record.subsets, key=lambda one: abs(one.threshold - record.threshold))
    return [
        draw_overlaps(name, list_pair_bars(drawn, record.n_turns), drawn.threshold, opening),
        tabulate_pair_overlaps(record, opening),
        tabulate_sizes(record, opening),
    ]


def draw_overlaps(name: str, bars: Sequence[Bar], threshold: float, opening: str) -> Figure:
    """Return the overlaps under the heading of each subset."""
    rows: list[Row] = []
    colours: dict[str, str] = {one: one for one in DIMENSIONS}  # grey is for what a judge must leave behind
    for subset in dict.fromkeys(bar.subset for bar in bars):
        of_subset = [bar for bar in bars if bar.subset == subset]
        rows.append(Row(subset.capitalize(), is_heading=True))
        own = colours.get(subset, "heat")
        rows += [
            Row(bar.label, bar.measure.value, bar.measure.low, bar.measure.high, own if bar.is_judge else "discard")
            for bar in of_subset
        ]
    said = "; ".join(
        f"{bar.subset} {bar.measure.value:.2f}" for bar in bars if bar.is_judge and bar.measure.value is not None
    )
    title = f"{opening}Overlap of the subsets at threshold {threshold:g}"
    n = sum(bar.is_judge for bar in bars)
    return Figure(
        name=name,
        title=title,
        description=f"Bar chart of {count_of(n, 'overlap')} of subsets, Jaccard, beside chance. {clip(said, 200)}.",
        draw=partial(draw_rows, rows, 0, (0, 1), ".2~f"),
        numbers=Table(title, ("Overlap", "Subset", "Jaccard"),
                      [[Cell(bar.label), Cell(bar.subset), measure_cell(bar.measure)] for bar in bars]),
        note=f"Jaccard: the turns in both subsets out of those in either. {CHANCE}",
        has_picture=True,
    )  # fmt: skip


def list_bars(record: Validation) -> list[Bar]:
    """Return a judge's overlap with the reference, then what counting words and chance would reach."""
    return [
        bar
        for one in record.subsets
        for bar in (
            Bar(clip(record.judge, 40), one.subset, one.jaccard),
            *(Bar(f"({name})", one.subset, overlap, False) for name, overlap in one.baselines.items()),
            Bar("(chance)", one.subset, Measure(value=one.chance), False),
        )
    ]


def list_pair_bars(selected: Selected, n_turns: int) -> list[Bar]:
    """Return the overlap of each pair of judges, the chance of each below it."""
    bars = []
    for subset in Subset:
        for pair in selected.jaccard[:MOST_PAIRS]:
            chance = Measure(value=expect_overlap(selected, pair, subset, n_turns))
            label = " and ".join(clip(judge, 26) for judge in pair.judges)
            bars += [Bar(label, subset.value, pair.of(subset)), Bar("(chance)", subset.value, chance, False)]
    return bars


def expect_overlap(selected: Selected, pair: PairOverlap, subset: Subset, n_turns: int) -> float | None:
    """Return the Jaccard of random subsets as large as a pair's: their expected intersection over what is left."""
    first, second = (selected.sizes.get(judge, {}).get(subset, 0) for judge in pair.judges)
    both = first * second
    either = (first + second) * n_turns - both
    return both / either if either else None


def tabulate_overlaps(record: Validation, opening: str) -> Table:
    """Return sizes and overlap of each subset of judge and reference."""
    names = list(dict.fromkeys(name for one in record.subsets for name in one.baselines))
    rows = [
        [Cell(one.subset), count_cell(one.n_judge), count_cell(one.n_reference), measure_cell(one.jaccard),
         number_cell(one.chance), *(measure_cell(one.baselines.get(name, Measure())) for name in names)]
        for one in record.subsets
    ]  # fmt: skip
    columns = ("Subset", "Turns, judge", "Turns, reference", "Jaccard", "Chance", *(f"({name})" for name in names))
    note = f"{CHANCE} In brackets: as many turns as the judge selects, taken by that count alone, from its better end."
    return Table(f"{opening}Subsets at threshold {record.threshold:g} and their overlap", columns, rows, note=note)


def tabulate_pair_overlaps(record: Comparison, opening: str) -> Table:
    """Return the overlap of each pair of judges at each threshold."""
    rows = []
    for selected in record.subsets:
        for pair in selected.jaccard:
            row = [Cell(" and ".join(clip(judge, 60) for judge in pair.judges)), number_cell(selected.threshold, 0)]
            for subset in Subset:
                chance = expect_overlap(selected, pair, subset, record.n_turns)
                row += [measure_cell(pair.of(subset)), number_cell(chance)]
            rows.append(row)
    heads = [head for subset in Subset for head in (subset.value.capitalize(), "Chance")]
    return Table(f"{opening}Overlap of the subsets: Jaccard", ("Judges", "Threshold", *heads), rows, note=CHANCE)


def tabulate_sizes(record: Comparison, opening: str) -> Table:
    """Return how many turns each judge would put in each subset at each threshold."""
    rows = [
        [
            Cell(clip(judge, 60)),
            number_cell(selected.threshold, 0),
            *(count_cell(sizes.get(subset, 0)) for subset in Subset),
        ]
        for selected in record.subsets
        for judge, sizes in selected.sizes.items()
    ]
    heads = [subset.value.capitalize() for subset in Subset]
    return Table(f"{opening}Turns in the subsets", ("Judge", "Threshold", *heads), rows)
