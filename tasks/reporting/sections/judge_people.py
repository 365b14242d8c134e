"""How far judges agree with people, or with other scores they were measured against, where a validation was kept."""

from __future__ import annotations

from functools import partial

from tasks.reporting.blocks import Block, Cell, Figure, Prose, Section, Table
from tasks.reporting.judges.agreeing import show_agreement
from tasks.reporting.judges.habits import measure_cell
from tasks.reporting.judges.notes import KeptComparison, KeptValidation, name_judges
from tasks.reporting.judges.records import Measure
from tasks.reporting.judges.saturation import list_uses, tabulate_saturation
from tasks.reporting.judges.subsets import show_subsets
from tasks.reporting.judges.telling import list_notes
from tasks.reporting.material import Material
from tasks.reporting.wording import clip, count_cell

MOST_DRAWN = 3
"""Validations that are drawn, the newest; all that are kept stand in the table."""

Kept = KeptValidation | KeptComparison


def describe_people(material: Material) -> Section:
    """Return the chapter on what was kept of `empathy judge validate` and `compare`."""
    section = partial(Section, "people", "Agreement with people and other references")
    notes = material.inputs.judge_notes
    kept = [one for one in notes.validations if one.reference and one.agreement] if notes else []
    if not kept:
        return section(absent="No validation was kept. `empathy judge validate JUDGE --against FILE --keep` keeps one.")
    blocks: list[Block] = [tabulate_kept(kept)]
    for at, one in enumerate(kept, 1):
        blocks += show_one(f"kept-{at}", one, is_drawn=at <= MOST_DRAWN)
    lead = "The newest of each judge and reference, with 95 % intervals over whole dialogues. What only counts words "
    lead += "stands in brackets: a judge must leave it far behind."
    return section(lead=lead, blocks=blocks)


def show_one(name: str, one: Kept, is_drawn: bool) -> list[Block]:
    """Return the charts and tables of one validation by its title, then what must be known of it."""
    title = title_of(one)
    blocks: list[Block] = []
    if is_drawn:
        blocks += [b for axis in one.axes for b in show_agreement(f"{name}-{axis}", one, axis, f"{title}: ")]
    subsets = show_subsets(f"{name}-subsets", one, f"{title}: ")
    blocks += [block for block in subsets if is_drawn or not isinstance(block, Figure)]
    uses = list_uses(one)
    blocks += [tabulate_saturation(uses, f"{title}: ")] if uses else []
    notes = list_notes(one)
    return [*blocks, Prose([f"To know of {title}: {'; '.join(notes)}."])] if notes else blocks


def title_of(one: Kept) -> str:
    """Return what was measured against what."""
    return f"{clip(' and '.join(name_judges(one)), 60)} against {clip(one.reference or '', 40)}"


def tabulate_kept(kept: list[Kept]) -> Table:
    """Return the figures of each judge's scores with each axis, the strongest baseline beside them."""
    rows = [
        [Cell(clip(row.judge or name_judges(one)[0], 60)), Cell(row.predictor),
         Cell(clip(f"{one.reference}: {row.axis}", 80)), count_cell(one.n_turns), measure_cell(row.spearman),
         measure_cell(find_strongest(one, row.axis)), measure_cell(row.auc), measure_cell(row.kappa),
         Cell(one.made_at[:10])]
        for one in kept
        for row in one.agreement
        if row.kind == "judge"
    ]  # fmt: skip
    columns = ("Judge", "Score", "Against", "Turns", "Spearman", "Best baseline", "AUC", "Kappa", "Measured")
    return Table("Kept validations", columns, rows)


def find_strongest(one: Kept, axis: str) -> Measure:
    """Return the Spearman of the baseline that goes along most with an axis, or against it: a count can be turned."""
    rivals = [row.spearman for row in one.agreement if row.kind == "baseline" and row.axis == axis]
    return max((r for r in rivals if r.value is not None), key=lambda r: abs(r.value or 0.0), default=Measure())
