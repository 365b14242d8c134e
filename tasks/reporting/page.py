"""Sections to one HTML file that opens offline."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tasks.progress import report_progress
from tasks.reporting.blocks import Block, Columns, Figure, Section
from tasks.reporting.drawing import draw_svg
from tasks.reporting.palette import PALETTE

Drawings = Mapping[str, Sequence[Markup]]
"""The SVG elements of each figure, widest first, by its name."""


def render_page(
    title: str, subtitle: str, summary: Sequence[str], sections: Sequence[Section], drawings: Drawings
) -> str:
    """Return the report as HTML. Every text is escaped; only our own style, script and drawings are not."""
    environment = Environment(
        loader=PackageLoader("tasks.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = (resources.files("tasks.reporting") / "templates" / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        title=title,
        subtitle=subtitle,
        summary=summary,
        sections=sections,
        drawings=drawings,
        palette=PALETTE,
        script=Markup(script),  # noqa: S704 - ours
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def list_figures(sections: Sequence[Section]) -> list[Figure]:
    """Return the figures of all sections in their order."""
    return [block for section in sections for block in walk(section.blocks) if isinstance(block, Figure)]


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks and those inside columns, in the order they are read."""
    for block in blocks:
        yield block
        if isinstance(block, Columns):
            yield from walk([*block.left, *block.right])


def draw_figures(sections: Sequence[Section]) -> Drawings:
    """Draw every figure at each of its widths."""
    figures = list_figures(sections)
    drawings = {}
    for done, figure in enumerate(figures):
        report_progress("report", done, len(figures), figure=figure.name)
        drawings[figure.name] = [
            Markup(draw_svg(figure.draw(width), f"{figure.name}-{width}"))  # noqa: S704 - parsed and written as XML
            for width in figure.widths
        ]
    report_progress("report", len(figures), len(figures))
    return drawings
