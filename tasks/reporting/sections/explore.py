"""Choosing thresholds by looking: the explorer over the turns of the selection, or over those that one would read."""

from __future__ import annotations

from tasks.reporting.chosen import Selection
from tasks.reporting.explorer.block import make_explorer
from tasks.reporting.explorer.cells import RULES as WITH_SLIDERS
from tasks.reporting.explorer.cells import Cells, count_cells
from tasks.reporting.explorer.recipe import list_settings
from tasks.reporting.explorer.shown import Explorer
from tasks.reporting.explorer.turns import list_scored_turns
from tasks.reporting.material import Material
from tasks.selection import RULES
from tasks.selection_config import SelectionConfig


def read_cells(material: Material) -> tuple[Cells, str] | None:
    """Return the counted turns that a selection chooses from, and their split; None where there is none."""
    found = list_scored_turns(material)
    if found is None:
        return None
    turns, split = found
    chosen = material.selection
    cells = count_cells(turns, (None, None) if chosen.is_ranked else chosen.bounds)
    return (cells, split) if cells is not None else None


def explore_thresholds(material: Material, cells: Cells, split: str) -> Explorer:
    """Return the explorer, opened at the thresholds of the selection, or near what its rule took."""
    chosen = material.selection
    rule = chosen.config.rule if chosen.config else SelectionConfig().rule
    return make_explorer(
        cells,
        {name: RULES[name].summary for name in WITH_SLIDERS},
        (rule if rule in WITH_SLIDERS else WITH_SLIDERS[0], *find_start(chosen, cells)),
        list_settings(chosen.config, split, chosen.judge_id),
        notes=() if material.subsets is None else (*tell_other_rule(rule), *tell_calibration(chosen)),
    )


def find_start(chosen: Selection, cells: Cells) -> tuple[float, float]:
    """Return the thresholds to begin at; of a rule that ranks, those just below the lowest scores that it took."""
    default = SelectionConfig()
    start = [default.sensibility_threshold, default.rationality_threshold]
    for axis, (bound, grid) in enumerate(zip(chosen.bounds, cells.grids, strict=True)):
        if bound is not None:
            start[axis] = float(grid[grid < bound].max(initial=0)) if chosen.is_ranked else bound
    return start[0], start[1]


def tell_other_rule(rule: str) -> list[str]:
    """Say that the subsets were made by a rule that the explorer has no sliders for, if they were."""
    if rule in WITH_SLIDERS:
        return []
    return [f"The subsets were made by the rule {rule}; the explorer asks what plain thresholds would give instead."]


def tell_calibration(chosen: Selection) -> list[str]:
    """Say that the subsets were made from other scores than the explorer's, if they were."""
    if not chosen.is_calibrated:
        return []
    said = "The subsets were made from calibrated scores; the explorer compares the judge's own"
    if chosen.config is not None and chosen.config.min_agreement is not None:
        said += ", and keeps out what the judges' agreement on calibrated scores removed: --preview counts it anew"
    return [f"{said}."]
