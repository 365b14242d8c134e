"""Regression runs of judges: which relations held, and where the scores of the anchors went from run to run."""

from __future__ import annotations

from functools import partial

from tasks.reporting.blocks import Block, Cell, Figure, Section, Table
from tasks.reporting.charts.courses import Course, draw_courses
from tasks.reporting.charts.rows import draw_rows
from tasks.reporting.judges.habits import group_rows
from tasks.reporting.judges.notes import Regression
from tasks.reporting.judges.records import DIMENSIONS
from tasks.reporting.material import Material
from tasks.reporting.wording import clip, count_cell, count_of, number_cell, share_cell, share_text

DASHES = ((1, 0), (6, 3), (2, 2), (8, 3), (4, 4), (1, 2))
MOST_JUDGES = 6


def describe_guard(material: Material) -> Section:
    """Return the chapter on regression runs; a line where none was kept."""
    section = partial(Section, "regression", "Regression runs")
    runs = material.inputs.judge_notes.regressions if material.inputs.judge_notes else ()
    newest = {name_judge(run): run for run in runs}
    if not newest:
        return section(absent="No regression run was kept. `empathy judge regress` keeps each.")
    shown = dict(list(newest.items())[-MOST_JUDGES:])
    blocks: list[Block] = [*draw_relations(shown), *draw_means(list(runs), shown)]
    lead = "Texts changed on purpose: how often a score moved as it must, or stayed where it must."
    return section(lead=lead, blocks=blocks)


def name_judge(run: Regression) -> str:
    """Return what a run's judge is called."""
    return clip(run.judge.alias or run.judge.judge_id, 50) or "the judge"


def draw_relations(newest: dict[str, Regression]) -> list[Block]:
    """Return how often each relation held in the newest run of each judge."""
    names = list(dict.fromkeys(relation.relation for run in newest.values() for relation in run.relations))
    if not names:
        return []
    held = {judge: {one.relation: one for one in run.relations} for judge, run in newest.items()}
    rates = {clip(name, 40): {judge: of[name].measure for judge, of in held.items() if name in of} for name in names}
    numbers = [
        [Cell(clip(name, 60)), Cell(judge), count_cell(of[name].n_passed), count_cell(of[name].n),
         share_cell(of[name].n_passed, of[name].n)]
        for name in names for judge, of in held.items() if name in of
    ]  # fmt: skip
    totals = {judge: [sum(getattr(one, key) for one in run.relations) for key in ("n_passed", "n")]
              for judge, run in newest.items()}  # fmt: skip
    said = "; ".join(f"{judge} {share_text(*total)} of all cases" for judge, total in totals.items())
    return [
        Figure(
            name="regression-relations",
            title="Relations that held, newest run of each judge",
            description=f"Bar chart of {count_of(len(names), 'relation')}. {said}.",
            draw=partial(draw_rows, group_rows(rates, "mixture"), 0, (0, 1), "%"),
            numbers=Table("Relations that held", ("Relation", "Judge", "Passed", "Cases", "Share"), numbers),
            note=f"{said}.",
            has_picture=True,
        )
    ]


def draw_means(runs: list[Regression], shown: dict[str, Regression]) -> list[Block]:
    """Return the course of the mean scores over the runs, once a judge has two."""
    numbered = list(enumerate(runs, 1))
    marked = frozenset(number for number, run in numbered if run.is_accepted)
    courses = [
        Course(f"{judge}, {dimension}", dimension, dash, list_means(numbered, last, dimension))
        for (judge, last), dash in zip(shown.items(), DASHES, strict=False)
        for dimension in DIMENSIONS
    ]
    drawn = [course for course in courses if len(course.points) > 1]
    if not drawn:
        return []
    rows = [
        [Cell(str(number)), Cell(run.made_at[:16].replace("T", " ")), Cell(name_judge(run)),
         *(number_cell(run.mean.get(dimension)) for dimension in DIMENSIONS),
         Cell("accepted" if run.is_accepted else "–")]
        for number, run in reversed(numbered)
    ]  # fmt: skip
    ends = "; ".join(f"{one.label} from {one.points[0][2]} to {one.points[-1][2]}" for one in drawn)
    return [
        Figure(
            name="regression-means",
            title="Mean scores of the anchors over the runs",
            description=f"Line chart over {count_of(len(runs), 'run')}. {ends}.",
            draw=partial(draw_courses, drawn, marked, (), ".1f", mark="accepted"),
            numbers=Table("Regression runs, the newest first",
                          ("Run", "Made", "Judge", "Mean sensibility", "Mean rationality", "Accepted"), rows),
            note="A diamond marks an accepted run." if marked else "",
            has_picture=True,
        )
    ]  # fmt: skip


def list_means(runs: list[tuple[int, Regression]], last: Regression, dimension: str) -> list[tuple[int, float, str]]:
    """Return the means of the runs by the judge of the last one, over the anchors that it was asked about."""
    alike = [(n, run) for n, run in runs if (name_judge(run), run.anchors) == (name_judge(last), last.anchors)]
    means = [(number, run.mean.get(dimension)) for number, run in alike]
    return [(number, mean, f"{mean:.2f}") for number, mean in means if mean is not None]
