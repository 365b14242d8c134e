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
    from tasks.reporting.material import open_material
    from tasks.reporting.publish import publish
    from tasks.reporting.sections import describe_tabs, summarise_report

    material = open_material(inputs)
    tabs = describe_tabs(material)
    summary = summarise_report(material)
    page = folder / PAGE
    pictures = publish(page, folder / CHARTS, inputs.title, make_subtitle(inputs), summary, tabs)
    sections = [section for tab in tabs for section in tab.sections]
    return {
        "n_rows": 0,
        "sections": [section.name for section in sections if not section.absent],
        "absent": [section.name for section in sections if section.absent],
        "pictures": [f"{CHARTS}/{name}.png" for name in pictures],
        "page_bytes": page.stat().st_size,
    }


def make_subtitle(inputs: ReportInputs) -> str:
    """Return a line on source and judge, as far as they are known."""
    known = {"Source": inputs.config.get("source", ""), "Judge": inputs.judge_alias}
    return " · ".join(f"{name}: {value}" for name, value in known.items() if value)
