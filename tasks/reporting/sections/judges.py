"""The judges of the corpus side by side: where each puts the turns, how alike they score, what their scores follow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import polars as pl

from tasks.reporting.blocks import Block, Cell, Section, Table
from tasks.reporting.chosen import Bounds
from tasks.reporting.judges.planes import UNBOUND, show_plane
from tasks.reporting.judges.records import DIMENSIONS
from tasks.reporting.material import Material, count_by, count_rows
from tasks.reporting.sections.judge_habits import describe_habits
from tasks.reporting.sections.judge_pairs import describe_pairs
from tasks.reporting.wording import count_cell, count_of, number_cell, share_text

ALONE = "One judge has scored this corpus; another one's scores (`empathy score --judge`) would stand beside them."


def describe_judges(material: Material) -> Section:
    """Return the chapter on every judge with scores of this corpus."""
    section = partial(Section, "judges", "Judges")
    judges = {name: keep_scored(frame) for name, frame in material.judges.items()}
    judges = {name: frame for name, frame in judges.items() if count_rows(frame)}
    if not judges:
        return section(absent="No judge has scored this corpus. `empathy score` lets one.")
    blocks: list[Block] = [tabulate_judges(judges)]
    if len(judges) > 1:  # a single one stands on the page of scores, with its thresholds
        bounds = find_bounds(material)
        blocks += [draw_plane(f"judge-plane-{at}", *one, bounds) for at, one in enumerate(judges.items(), 1)]
    if material.turns is not None:
        blocks += describe_pairs(judges, material.turns) if len(judges) > 1 else []
        blocks += describe_habits(judges, material.turns)
    lead = f"{count_of(len(judges), 'judge')} with scores of this corpus"
    lead += "; the first is the one whose scores were selected by." if material.subsets is not None else "."
    if len(judges) == 1:
        lead = ALONE
    return section(lead=lead, blocks=blocks)


def keep_scored(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the turns that have a score."""
    return frame.filter(pl.col("sensibility").is_not_null()).select("turn_key", *DIMENSIONS)


def tabulate_judges(judges: Mapping[str, pl.LazyFrame]) -> Table:
    """Return how each judge uses the scale."""
    rows = []
    for name, frame in judges.items():
        n, s, r, rho = frame.select(
            pl.len(), *(pl.col(dimension).mean() for dimension in DIMENSIONS),
            pl.corr(*DIMENSIONS, method="spearman").alias("rho"),
        ).collect().row(0)  # fmt: skip
        modes = [find_mode(frame, dimension) for dimension in DIMENSIONS]
        rows.append([Cell(name), count_cell(n), number_cell(s), number_cell(r), *modes, number_cell(rho)])
    columns = ("Judge", "Scored turns", "Mean S", "Mean R", "Most common S", "Most common R", "S with R")
    note = "Most common: the whole score that most turns have, and their share. S with R: Spearman of the two scores."
    note += " Judges may have scored different turns: each plane is of its own." if len(judges) > 1 else ""
    return Table("Judges of this corpus", columns, rows, note=note)


def find_mode(frame: pl.LazyFrame, dimension: str) -> Cell:
    """Return the most common whole score with its share."""
    counts = count_by(frame.select(pl.col(dimension).round().alias(dimension)), dimension)
    (mode, n), total = counts[0], sum(n for _, n in counts)
    return number_cell(mode, 0, note=share_text(n, total))


def find_bounds(material: Material) -> Bounds:
    """Return the thresholds, where they are of scores as judges give them; a rank or a calibration is of one judge."""
    chosen = material.selection
    return UNBOUND if chosen.is_ranked or chosen.is_calibrated else chosen.bounds


def draw_plane(name: str, judge: str, frame: pl.LazyFrame, bounds: Bounds) -> Block:
    """Return the heat map of one judge, all on the same whole scores so that they can be compared."""
    cells = sorted(count_by(frame.select(pl.col(d).round() for d in DIMENSIONS), *DIMENSIONS))
    return show_plane(name, judge, cells, bounds=bounds)
