"""Runs of the selection over time: what came out of each, what it cost, and where the data changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tasks.reporting.blocks import Block, Bullets, Cell, Columns, Figure, Section, Table
from tasks.reporting.charts.courses import Course, draw_courses
from tasks.reporting.material import Material
from tasks.reporting.wording import clip, count_cell, count_of, number_cell, share_cell
from tasks.schema import Subset
from tasks.selection import NOTICE, SHIFT, SelectionRun

MOST_ROWS = 30
SCORES = (("sensibility", (1, 0)), ("rationality", (6, 3)))
NARROW_DASH = (2, 2)

Runs = Sequence[tuple[int, SelectionRun]]
"""Runs with their numbers, the oldest first."""


def describe_runs(material: Material) -> Section:
    """Return the chapter on how selections changed from run to run; a line if there is only one run."""
    section = partial(Section, "runs", "Runs")
    runs: Runs = list(enumerate(material.inputs.runs, 1))
    if not runs:
        return section(absent="No run of a selection was kept. `empathy select` keeps each.")
    if len(runs) == 1:
        return section(absent="One run so far: what changes from run to run is shown from the second on.")
    shown = [(number, run) for number, run in runs if run.summary.split == runs[-1][1].summary.split]
    changed = [(number, run) for number, run in shown if run.warning]
    lead = f"{count_of(len(runs), 'run')} of the selection, {len(changed) or 'none'} with other data than the run it "
    lead += "was compared with: the accepted one, else the last one by the same judge."
    blocks: list[Block] = [*(draw_all(shown) if len(shown) > 1 else []), *tell_changes(shown), tabulate_runs(runs)]
    return section(lead=lead, blocks=blocks)


def draw_all(runs: Runs) -> list[Block]:
    """Return the four charts of the runs of one split."""
    shares = [
        course(name.value, name.value, dash, runs, partial(share_of, name.value), ".1%")
        for name, dash in zip(Subset, ((1, 0), (6, 3), (2, 2)), strict=True)
    ]
    means = [course(name, name, dash, runs, partial(mean_of, name), ".2f") for name, dash in SCORES]
    looks = (*SCORES, ("emotions", NARROW_DASH))
    indices = [
        course(name, name if name != "emotions" else "muted", dash, runs, partial(index_of, name), ".3f")
        for name, dash in looks
    ]
    costs = [course("cost", "mixture", (1, 0), runs, lambda run: run.summary.cost_usd, ",.4f")]
    limits = ((NOTICE, "small shift"), (SHIFT, "shift"))
    left = [
        figure("run-shares", "Shares of the subsets", shares, runs, form="%"),
        figure("run-stability", "Population stability index", indices, runs, limits=limits, form=".2f",
               note="How far each run's scores and emotions lie from those of the run it was compared with; scores of "
               "two judges are not compared."),
    ]  # fmt: skip
    right = [
        figure("run-means", "Mean scores", means, runs, form=".2f"),
        figure("run-costs", "Cost of the scores, in USD", costs, runs, form=".2~f",
               note="Known cost of all calls for the turns of each run."),
    ]  # fmt: skip
    return [Columns(left=[block for block in left if block], right=[block for block in right if block])]


def course(
    label: str, colour: str, dash: tuple[int, int], runs: Runs, read: Callable[[SelectionRun], float | None], form: str
) -> Course:
    """Return a line of what is known of the runs."""
    found = [(number, read(run)) for number, run in runs]
    points = [(number, value, format(value, form)) for number, value in found if value is not None]
    return Course(label.capitalize(), colour, dash, points)


def figure(
    name: str, title: str, courses: Sequence[Course], runs: Runs, limits: Sequence[tuple[float, str]] = (),
    form: str = "", note: str = "",
) -> Figure | None:  # fmt: skip
    """Return a chart of the lines that have points, or None without any."""
    drawn = [line for line in courses if line.points]
    if not drawn:
        return None
    marked = frozenset(number for number, run in runs if run.warning)
    ends = "; ".join(f"{line.label} from {line.points[0][2]} to {line.points[-1][2]}" for line in drawn)
    return Figure(
        name=name,
        title=title,
        description=f"Line chart over {count_of(len(runs), 'run')}. {ends}.",
        draw=partial(draw_courses, drawn, marked, limits, form),
        note=f"{note} A diamond marks a run whose data had changed.".strip() if marked else note,
        is_half=True,
    )


def share_of(subset: str, run: SelectionRun) -> float | None:
    """Return a subset's share of a run's scored turns."""
    return run.summary.shares.get(subset)


def mean_of(score: str, run: SelectionRun) -> float | None:
    """Return the mean of a score over a run's scored turns."""
    spread = run.summary.spreads.get(score)
    return spread.mean if spread else None


def index_of(name: str, run: SelectionRun) -> float | None:
    """Return a stability index of a run; None where it was compared with nothing, or with itself."""
    return run.drift.stability.get(name) if run.drift else None


def tell_changes(runs: Runs) -> list[Block]:
    """Return what had changed in each run, its judge or its data, the newest first."""
    points: list[str] = []
    for number, run in reversed(runs):
        name = f"Run {number}, {run.made_at[:10]}"
        points += [clip(f"{name}: {run.judge_change.said}.")] if run.judge_change else []
        changes = run.drift.changes if run.drift else ()
        points += [clip(f"{name}, against {run.baseline}: {change.said}.") for change in changes]
    return [Bullets(points[:MOST_ROWS])] if points else []


def tabulate_runs(runs: Runs) -> Table:
    """Return the newest runs with what they selected and how alike they are to the run they were compared with."""
    rows = [tabulate_run(number, run) for number, run in reversed(runs[-MOST_ROWS:])]
    columns = ("Run", "Made", "Rule", "Judge", "Scored", "Sensibility", "Rationality", "Sorted alike", "Index S",
               "Index R", "USD", "Data")  # fmt: skip
    return Table("Runs, the newest first", columns, rows)


def tabulate_run(number: int, run: SelectionRun) -> list[Cell]:
    """Return a run's row."""
    summary, agreement = run.summary, run.agreement
    shares = [share_cell(summary.counts.get(name, 0), summary.n_scored) for name in ("sensibility", "rationality")]
    alike = share_cell(agreement.n_alike, agreement.n_common) if agreement else Cell("–")
    return [
        Cell(str(number)), Cell(run.made_at[:16].replace("T", " ")), Cell(clip(summary.label, 60)),
        Cell(clip(summary.alias, 40)), count_cell(summary.n_scored), *shares, alike,
        *(number_cell(index_of(name, run), 3) for name, _ in SCORES), number_cell(summary.cost_usd, 4),
        Cell("changed" if run.warning else "another judge" if run.judge_change else "–", is_strong=bool(run.warning)),
    ]  # fmt: skip
