"""The evaluation: every system on the same held-out turns, with intervals."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl

from tasks.reporting.blocks import Block, Cell, Figure, Prose, Section, Table
from tasks.reporting.charts.intervals import draw_intervals
from tasks.reporting.material import Material
from tasks.reporting.palette import style_of
from tasks.reporting.sections.differences import list_differences
from tasks.reporting.sections.judgements import list_wins, tell_judged
from tasks.reporting.sections.measures import (
    HEADLINE,
    LABELS,
    LOWER_IS_BETTER,
    Measures,
    is_clearly_better,
    order_systems,
    read_measures,
)
from tasks.reporting.sections.samples import say_before
from tasks.reporting.sections.verdict import tell_control
from tasks.reporting.wording import NARROW_SPACE, clip, count_of, number_cell

N_EXAMPLES = 3
PICTURED = frozenset({"perplexity"})


def describe_evaluation(material: Material) -> Section:
    """Return the chapter that compares the systems."""
    section = partial(Section, "evaluation", "Evaluation")
    if material.metrics is None:
        return section(absent="No evaluation in this report. `empathy evaluate` makes one.")
    measures = read_measures(material.metrics)
    if not measures:
        return section(absent="The evaluation holds no metric. `empathy evaluate` makes one.")
    systems = order_systems(measures)
    rest = [metric for metric in measures if metric not in HEADLINE]
    blocks: list[Block] = [tabulate(measures, [m for m in HEADLINE if m in measures], systems, is_folded=False)]
    blocks += [Prose([sentence]) for sentence in tell_control(measures, material.comparisons)]
    blocks += list_wins(material.wins)
    blocks += list_differences(material.comparisons, systems)
    blocks += [block for metric in HEADLINE if metric in measures for block in draw_metric(measures, metric, systems)]
    if rest:
        blocks.append(tabulate(measures, rest, systems, is_folded=True))
    if material.responses is not None:
        blocks += list_responses(material.responses, systems)
    return section(lead=count_turns(measures), blocks=blocks)


def count_turns(measures: Measures) -> str:
    """Say on how much it was measured."""
    counts = {metric: max(m.n for m in systems.values()) for metric, systems in measures.items()}
    n_turns = counts.get("perplexity", 0)
    n_responses = max((n for metric, n in counts.items() if metric != "perplexity"), default=0)
    return (
        f"Perplexity (lower is better) over {n_turns:,} held-out turns; the other metrics (x100, higher is better) "
        f"over {n_responses:,} generated responses. Brackets are 95{NARROW_SPACE}% bootstrap "
        "intervals over turns. Bold is better than the base model by intervals that do not overlap."
        f"{tell_judged(measures)}"
    )


def tabulate(measures: Measures, metrics: list[str], systems: list[str], is_folded: bool) -> Table:
    """Return a row a system, a column a metric; bold is better than the base model beyond both intervals."""
    rows = [
        [Cell(style_of(system).label, swatch=style_of(system).colour)]
        + [make_cell(measures, metric, system) for metric in metrics]
        for system in systems
    ]
    caption = "The other metrics" if is_folded else "Systems compared"
    return Table(caption, ("System", *(LABELS.get(m, m) for m in metrics)), rows, is_folded)


def make_cell(measures: Measures, metric: str, system: str) -> Cell:
    """Return one value with its interval."""
    measure, base = measures[metric].get(system), measures[metric].get("base")
    if measure is None:
        return Cell("–")
    is_strong = base is not None and is_clearly_better(metric, measure, base)
    interval = f"[{number_cell(measure.low).text}, {number_cell(measure.high).text}]"
    return replace(number_cell(measure.value), note=interval, is_strong=is_strong)


def draw_metric(measures: Measures, metric: str, systems: list[str]) -> list[Block]:
    """Return the systems' intervals on one metric, if any is finite."""
    label, found = LABELS[metric], measures[metric]
    points = [(system, *found[system][:3]) for system in systems if system in found and found[system].is_finite]
    if not points:
        return []
    pick = min if metric in LOWER_IS_BETTER else max
    best = pick(points, key=lambda point: point[1])
    better = "lower" if metric in LOWER_IS_BETTER else "higher"
    return [
        Figure(
            name=metric,
            title=label,
            description=(
                f"{label} of {count_of(len(points), 'system')}; best is {style_of(best[0]).spoken} with {best[1]:.2f}."
            ),
            draw=partial(draw_intervals, points),
            note=f"{better.capitalize()} is better.",
            is_half=True,
            has_picture=metric in PICTURED,
        )
    ]


def list_responses(responses: pl.LazyFrame, systems: list[str]) -> list[Block]:
    """Return what each system answers to the same few turns, beside the human reference."""
    answered = responses.filter(pl.col("response").is_not_null())
    keys = answered.select("turn_key").unique().sort("turn_key").head(N_EXAMPLES).collect()["turn_key"].to_list()
    rows = answered.filter(pl.col("turn_key").is_in(keys)).collect()
    tables: list[Block] = []
    for place, key in enumerate(keys, 1):
        turn = rows.filter(pl.col("turn_key") == key)
        said = dict(turn.select("system", "response").iter_rows())
        first = turn.row(0, named=True)
        before = say_before(first["prompt"])
        lines = [[Cell("Human reference"), Cell(clip(first["reference"]))]] + [
            [Cell(style_of(s).label, swatch=style_of(s).colour), Cell(clip(said[s]) or "(nothing)")]
            for s in systems
            if s in said
        ]
        caption = f"Example {place}: “{before.text}”" + (f" ({before.note})" if before.note else "")
        tables.append(Table(caption, ("System", "Response"), lines, is_folded=place > 1, is_text=True))
    return tables
