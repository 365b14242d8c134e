"""The selection: what each expert will learn from, and what was left out."""

from __future__ import annotations

from functools import partial

import polars as pl

from tasks.reporting.blocks import Block, Cell, Fact, Facts, Figure, Section, Table
from tasks.reporting.charts.shares import draw_shares
from tasks.reporting.material import Material, count_by
from tasks.reporting.sections.balance import tabulate_balance
from tasks.reporting.sections.explore import explore_thresholds, read_cells
from tasks.reporting.sections.samples import show_turns
from tasks.reporting.sections.sweep import draw_curves
from tasks.reporting.wording import clip, count_cell, count_of, join_words, share_cell, share_text
from tasks.schema import Subset

MOST_BARS = 40
ALL = "All turns"


def describe_selection(material: Material) -> Section:
    """Return the chapter on choosing thresholds and on the three subsets."""
    section = partial(Section, "selection", "Selection")
    counted = read_cells(material)
    explorer: list[Block] = [explore_thresholds(material, *counted)] if counted else []
    if material.subsets is None and not explorer:
        return section(absent="No subsets in this report. `empathy select` makes them.")
    if material.subsets is None:
        lead = "Nothing has been selected yet. Choose thresholds here; the command below then makes the subsets."
        return section(lead=lead, blocks=[*explorer, *(draw_curves(material, counted[0]) if counted else [])])
    counts = count_subsets(material.subsets)
    blocks: list[Block] = [*explorer, state_shares(counts)]
    if counted:
        blocks += [
            draw_emotion_shares(material.subsets, counts),
            tabulate_reasons(material.subsets, sum(counts.values())),
            *tabulate_balance(material.selection),
            *draw_curves(material, counted[0]),
            show_turns(material.subsets, material.selection),
        ]
    if material.excluded is not None:
        blocks += tabulate_excluded(material.excluded)
    return section(lead=tell_selection(material), blocks=blocks)


def tell_selection(material: Material) -> str:
    """Say of which split the subsets are, and by which rule."""
    splits = [] if material.subsets is None else [split for split, _ in count_by(material.subsets, "split")]
    rule = material.selection.sentence()
    return f"Scored turns of the split {join_words(splits)}" + (f" by {rule}." if rule else ".") if splits else ""


def count_subsets(subsets: pl.LazyFrame) -> dict[str, int]:
    """Return the size of each of the three subsets."""
    found = dict(count_by(subsets, "subset"))
    return {subset.value: found.get(subset.value, 0) for subset in Subset}


def state_shares(counts: dict[str, int]) -> Facts:
    """Return size and share of each subset."""
    total = sum(counts.values())
    return Facts(
        [
            Fact(name.capitalize(), count_cell(n, note=f"{share_text(n, total)} of {total:,} turns", swatch=name))
            for name, n in counts.items()
        ],
        title="What was selected",
    )


def draw_emotion_shares(subsets: pl.LazyFrame, total: dict[str, int]) -> Figure:
    """Return how each emotion's turns divide, the share of sensibility falling, under the bar of all turns."""
    by_emotion: dict[str, dict[str, int]] = {}
    for emotion, subset, n in count_by(subsets, "emotion", "subset"):
        by_emotion.setdefault(emotion, dict.fromkeys(total, 0))[subset] = n
    largest = sorted(by_emotion.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:MOST_BARS]
    ranked = sorted(largest, key=lambda item: (-item[1]["sensibility"] / sum(item[1].values()), item[0]))
    groups = [(ALL, total), *((clip(emotion, 40), counts) for emotion, counts in ranked)]
    shares = ", ".join(f"{share_text(n, sum(total.values()))} {name}" for name, n in total.items())
    return Figure(
        name="shares",
        title="Shares of the subsets per emotion",
        description=f"Stacked bars of {count_of(len(ranked), 'emotion')}. Over all turns: {shares}.",
        draw=partial(draw_shares, groups),
        numbers=tabulate_shares(groups),
        note="Percent of each emotion's scored turns; sorted by the share of sensibility."
        + (f" The {MOST_BARS} largest of {len(by_emotion):,} emotions." if len(by_emotion) > MOST_BARS else ""),
        has_picture=True,
    )


def tabulate_shares(groups: list[tuple[str, dict[str, int]]]) -> Table:
    """Return the counts behind the bars."""
    names = [subset.value for subset in Subset]
    rows = [
        [Cell(group), *(count_cell(counts[name], share_text(counts[name], sum(counts.values()))) for name in names)]
        for group, counts in groups
    ]
    return Table("Turns per emotion and subset", ("Emotion", *(name.capitalize() for name in names)), rows)


def tabulate_excluded(excluded: pl.LazyFrame) -> list[Block]:
    """Return why turns could be in no subset, if there are any."""
    rows = [[Cell(reason), count_cell(n)] for reason, n in count_by(excluded, "reason")]
    return [Table("Turns that could not be selected", ("Reason", "Turns"), rows)] if rows else []


def tabulate_reasons(subsets: pl.LazyFrame, total: int) -> Table:
    """Return which inequality decided, and how often, grouped by subset."""
    found = count_by(subsets, "subset", "reason")
    order = {subset.value: place for place, subset in enumerate(Subset)}
    found.sort(key=lambda row: order[row[0]])
    rows = [
        [Cell(reason), Cell(subset.capitalize(), swatch=subset), count_cell(n), share_cell(n, total)]
        for subset, reason, n in found
    ]
    return Table("Why each turn stands where it does", ("Reason", "Subset", "Turns", "Share"), rows)
