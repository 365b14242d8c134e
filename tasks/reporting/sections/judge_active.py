"""What asking a judge only for some turns would have found of the subset that all its calls give."""

from __future__ import annotations

from functools import partial

from tasks.reporting.blocks import Cell, Figure, Section, Table
from tasks.reporting.charts.active import Point, draw_active
from tasks.reporting.judges.notes import ActiveCurve
from tasks.reporting.material import Material
from tasks.reporting.wording import clip, count_of, number_cell


def describe_active(material: Material) -> Section:
    """Return the chapter on active scoring; a line where no curve was kept."""
    section = partial(Section, "active", "Active scoring")
    curves = material.inputs.judge_notes.curves if material.inputs.judge_notes else ()
    if not curves:
        return section(absent="No curve of active scoring was kept.")
    lead = (
        "How near the sensibility subset comes to that of all scores when the judge is asked about some turns only. "
        "Active: those whose subset is least sure, guessing the rest. Random: as many by chance, guessed from by the "
        "same learner, or (random, distilled) with a distilled judge for the rest. Distilled alone: no score of the "
        "judge in the result."
    )
    return section(lead=lead, blocks=[draw_curve(at, curve) for at, curve in enumerate(curves, 1)])


def draw_curve(at: int, curve: ActiveCurve) -> Figure:
    """Return the curve of one teacher."""
    points: dict[str, list[Point]] = {}
    for one in sorted(curve.curve, key=lambda point: point.share):
        points.setdefault(clip(one.strategy, 30), []).append((one.share, one.jaccard, one.low, one.high))
    teacher = clip(curve.teacher, 60) or "the judge"
    threshold = f" at threshold {curve.threshold:g}" if curve.threshold is not None else ""
    ends = "; ".join(f"{name} {line[-1][1]:.2f} at {line[-1][0]:.0%}" for name, line in points.items())
    rows = [
        [Cell(name), number_cell(100 * share, 1), *(number_cell(value, 3) for value in (jaccard, low, high))]
        for name, line in points.items() for share, jaccard, low, high in line
    ]  # fmt: skip
    return Figure(
        name=f"active-{at}",
        title=f"Subset overlap against share of the calls, {teacher}",
        description=f"Line chart of {count_of(len(points), 'line')}. {ends}.",
        draw=partial(draw_active, points),
        numbers=Table(f"Jaccard with the full run of {teacher}", ("Strategy", "Calls, %", "Jaccard", "Low", "High"),
                      rows),
        note=f"Sensibility subset{threshold}, {count_of(curve.n_turns, 'turn')}. {write_band(curve.n_seeds)}",
        has_picture=True,
    )  # fmt: skip


def write_band(n_seeds: int) -> str:
    """Return what the bands are: a simulation has a range over its seeds, and none with one of them."""
    return f"Bands: the range over {n_seeds} seeds." if n_seeds > 1 else "One seed."
