"""The training: how the loss fell."""

from __future__ import annotations

import math
from functools import partial

from tasks.reporting.blocks import Block, Cell, Figure, Prose, Section, Table
from tasks.reporting.charts.curves import draw_curves
from tasks.reporting.material import Material
from tasks.reporting.palette import style_of
from tasks.reporting.training_log import TrainingLog
from tasks.reporting.wording import count_cell, count_of, number_cell

MOST_POINTS = 150
"""Points of a curve: more are not seen, and each is a mark in the file."""
MOST_ROWS = 16


def describe_training(material: Material) -> Section:
    """Return the chapter on experts, controls and mixture."""
    section = partial(Section, "training", "Training")
    if not material.logs:
        return section(absent="No trained model in this report. `empathy train` and `empathy route` make them.")
    logs = {system: log for system, log in material.logs.items() if log is not None}
    curves = {system: log.losses for system, log in logs.items() if log.losses}
    blocks: list[Block] = []
    if curves:
        blocks += [draw_losses(curves), tabulate_training(logs)]
    blocks += warn_of_divergence(logs)
    without = [style_of(system).label for system in material.logs if system not in curves]
    if without and blocks:
        lead = f"Kept no loss curve: {', '.join(without)}."
    elif without:
        return section(absent=f"The models kept no training log: {', '.join(without)}.")
    else:
        lead = "Each system learns from its own turns, so the level of a curve says less than how it falls."
    return section(lead=lead, blocks=blocks)


def warn_of_divergence(logs: dict[str, TrainingLog]) -> list[Block]:
    """Say which trainings went astray, if any did."""
    broken = {system: log.n_not_finite for system, log in logs.items() if log.n_not_finite}
    return [
        Prose([f"The loss of {style_of(system).spoken} was not a number at {count_of(n, 'step')}."])
        for system, n in broken.items()
    ]


def draw_losses(curves: dict[str, tuple[tuple[int, float], ...]]) -> Figure:
    """Return the loss of every system over its steps."""
    ends = "; ".join(
        f"{style_of(system).label} from {points[0][1]:.2f} to {points[-1][1]:.2f} in {points[-1][0]} steps"
        for system, points in curves.items()
    )
    return Figure(
        name="losses",
        title="Loss over the steps of training",
        description=f"Line chart. {ends}.",
        draw=partial(draw_curves, {system: thin(points, MOST_POINTS) for system, points in curves.items()}),
        numbers=tabulate_losses(curves),
        note="Mean negative log-likelihood of a response token, in nats, on the turns of each step.",
        has_picture=True,
    )


def thin(points: tuple[tuple[int, float], ...], most: int) -> list[tuple[int, float]]:
    """Return at most `most` points: neighbours are averaged and stand at their last step."""
    size = math.ceil(len(points) / most)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(group[-1][0], sum(loss for _, loss in group) / len(group)) for group in groups]


def tabulate_losses(curves: dict[str, tuple[tuple[int, float], ...]]) -> Table:
    """Return a few points of each curve."""
    rows = [
        [Cell(style_of(system).label), count_cell(step), number_cell(loss, 3)]
        for system, points in curves.items()
        for step, loss in thin(points, MOST_ROWS)
    ]
    return Table("Loss by step", ("System", "Step", "Loss"), rows)


def tabulate_training(logs: dict[str, TrainingLog]) -> Table:
    """Return where each curve began and ended, and what it cost."""
    rows = []
    for system, log in logs.items():
        first, last = (log.losses[0], log.losses[-1]) if log.losses else ((0, None), (0, None))
        rows.append([
            Cell(style_of(system).label, swatch=style_of(system).colour),
            Cell("–") if log.n_rows is None else count_cell(log.n_rows),
            count_cell(last[0]),
            number_cell(first[1], 3),
            number_cell(last[1], 3),
            number_cell(log.minutes, 1),
        ])  # fmt: skip
    return Table("Training", ("System", "Turns", "Steps", "First loss", "Last loss", "Minutes"), rows)
