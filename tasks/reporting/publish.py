"""Chapters as one page, and their pictured charts as PNGs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.reporting.blocks import WIDE, Figure, Tab
from tasks.reporting.drawing import draw_png
from tasks.reporting.explorer.shown import Explorer
from tasks.reporting.page import draw_explorer, draw_figures, list_blocks, render_page


def publish(
    page: Path, charts: Path, title: str, subtitle: str, summary: Sequence[str], tabs: Sequence[Tab]
) -> list[str]:
    """Write the page, and `<name>.png` of every pictured chart into the folder `charts`; return their names."""
    page.write_text(render_page(title, subtitle, summary, tabs, draw_figures(tabs)), encoding="utf-8")
    pictures = {}
    for block in list_blocks(tabs):
        if isinstance(block, Figure) and block.has_picture:
            pictures[block.name] = draw_png(block.draw(WIDE), block.title)
        elif isinstance(block, Explorer):
            pictures[block.name] = draw_explorer(block)
    charts.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (charts / f"{name}.png").write_bytes(picture)
    return list(pictures)
