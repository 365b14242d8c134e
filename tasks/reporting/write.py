"""The report's files: one page, and pictures of a few charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.reporting.inputs import ReportInputs

PAGE = "report.html"
CHARTS = "charts"


def write_report(inputs: ReportInputs, folder: Path) -> dict[str, Any]:
    """Write `report.html` and `charts/*.png` into a folder, and return the facts for its manifest.

    The facts are `n_rows` (0), `sections` and `absent` (names), `pictures` (paths in the folder) and
    `page_bytes`. Raises ArtifactError if a folder given lacks one of its files.
    """
    # Polars, Jinja and Altair take two seconds to import, which no command that only starts up should pay.
    from tasks.reporting.blocks import WIDE
    from tasks.reporting.drawing import draw_png
    from tasks.reporting.material import open_material
    from tasks.reporting.page import draw_figures, list_figures, render_page
    from tasks.reporting.sections import SECTIONS, summarise_report

    material = open_material(inputs)
    sections = [describe(material) for describe in SECTIONS]
    summary = summarise_report(material)
    page = render_page(inputs.title, make_subtitle(inputs), summary, sections, draw_figures(sections))
    (folder / PAGE).write_text(page, encoding="utf-8")
    (folder / CHARTS).mkdir(exist_ok=True)
    pictured = [figure for figure in list_figures(sections) if figure.has_picture]
    for figure in pictured:
        (folder / CHARTS / f"{figure.name}.png").write_bytes(draw_png(figure.draw(WIDE), figure.title))
    return {
        "n_rows": 0,
        "sections": [section.name for section in sections if not section.absent],
        "absent": [section.name for section in sections if section.absent],
        "pictures": [f"{CHARTS}/{figure.name}.png" for figure in pictured],
        "page_bytes": len(page.encode()),
    }


def make_subtitle(inputs: ReportInputs) -> str:
    """Return a line on source and judge, as far as they are known."""
    known = {"Source": inputs.config.get("source", ""), "Judge": inputs.judge_alias}
    return " · ".join(f"{name}: {value}" for name, value in known.items() if value)
