"""Calibrations: what a judge's scores become, over the line on which nothing changes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from tasks.judges import Calibration, Curve, read_calibration
from tasks.manifest import MANIFEST
from tasks.progress import report_notice
from tasks.reporting.blocks import Block, Cell, Figure, Section, Table
from tasks.reporting.charts.maps import draw_maps
from tasks.reporting.judges.records import DIMENSIONS
from tasks.reporting.material import Material
from tasks.reporting.wording import clip, count_cell, number_cell

LEAD = (
    "Rising maps fitted by isotonic regression; the dashed line is a score that stays as it is. Off by: root mean "
    "square distance from the reference on dialogues the map was not fitted to. A selection uses a map only if told to."
)


def describe_maps(material: Material) -> Section:
    """Return the chapter on the maps that were fitted on this corpus."""
    section = partial(Section, "calibration", "Calibration")
    found = [one for folder in material.inputs.calibrations if (one := read_map(Path(folder))) is not None]
    if not found:
        return section(absent="No calibration of this corpus. `empathy judge calibrate JUDGE --to REFERENCE` fits one.")
    blocks: list[Block] = [draw_one(at, *one) for at, one in enumerate(found, 1)]
    return section(lead=LEAD, blocks=[*blocks, tabulate_maps(found)])


def read_map(folder: Path) -> tuple[Calibration, dict[str, Any]] | None:
    """Return a calibration with its figures; None of one that another version wrote, which is said."""
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["facts"]
        return read_calibration(folder), facts.get("figures", {})
    except (OSError, ValueError, KeyError):
        report_notice(f"The calibration in {folder} cannot be read.")
        return None


def draw_one(at: int, calibration: Calibration, figures: dict[str, Any]) -> Figure:
    """Return the maps of one judge."""
    curves: dict[str, Curve] = {name: calibration.curve(name) for name in DIMENSIONS}
    maps = {name: list(zip(curve.x, curve.y, strict=True)) for name, curve in curves.items()}
    judge, reference = clip(calibration.alias, 50), clip(calibration.reference, 50)
    said = "; ".join(f"{name} {tell_change(figures.get(name, {}))}" for name in maps)
    rows = [[Cell(name), number_cell(x, 1), number_cell(y)] for name, corners in maps.items() for x, y in corners]
    return Figure(
        name=f"calibration-{at}",
        title=f"{judge} to {reference}",
        description=f"Line chart of what scores of {judge} become to be like {reference}. Off by: {said}.",
        draw=partial(draw_maps, maps, (judge, reference)),
        numbers=Table(f"Corners of the maps from {judge} to {reference}", ("Score", "From", "To"), rows),
        note=f"Off by: {said}. Fitted on {calibration.n_turns:,} turns.",
        is_half=True,
        has_picture=True,
    )


def tell_change(figures: dict[str, float]) -> str:
    """Return the distances before and after as text."""
    return " to ".join(number_cell(figures.get(key)).text for key in ("rmse_before", "rmse_after"))


def tabulate_maps(found: list[tuple[Calibration, dict[str, Any]]]) -> Table:
    """Return how far each judge is off before and after its map."""
    rows = [
        [Cell(clip(f"{one.alias} to {one.reference}", 100)), Cell(name), count_cell(one.n_turns),
         *(number_cell(figures.get(name, {}).get(key)) for key in ("rmse_before", "rmse_after"))]
        for one, figures in found
        for name in DIMENSIONS
    ]  # fmt: skip
    return Table("Calibrations", ("Map", "Score", "Turns", "Off by, before", "Off by, after"), rows)
