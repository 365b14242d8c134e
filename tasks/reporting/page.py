"""Sections to one HTML file that opens offline."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tasks.progress import report_progress
from tasks.reporting.blocks import Block, Columns, Figure, Tab
from tasks.reporting.drawing import draw_svg
from tasks.reporting.explorer.heat import PLANE
from tasks.reporting.explorer.shown import Explorer
from tasks.reporting.palette import PALETTE

Drawings = Mapping[str, Sequence[Markup]]
"""The SVG elements of each figure, widest first, by its name."""


def render_page(title: str, subtitle: str, summary: Sequence[str], tabs: Sequence[Tab], drawings: Drawings) -> str:
    """Return the report as HTML. Every text is escaped; only our own style, script and drawings are not."""
    environment = make_environment()
    script = Markup(environment.get_template("report.js.j2").render())  # noqa: S704 - ours: nothing is put into it
    return environment.get_template("report.html.j2").render(
        title=title,
        subtitle=subtitle,
        summary=summary,
        tabs=tabs,
        drawings=drawings,
        palette=PALETTE,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def make_environment() -> Environment:
    """Return what renders our templates: a name that is not given is an error, never an empty text."""
    environment = Environment(
        loader=PackageLoader("tasks.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["plane"] = PLANE
    return environment


def draw_explorer(explorer: Explorer) -> bytes:
    """Return the explorer's heat map as a PNG, twice as dense as the page, on white."""
    import vl_convert

    heat = make_environment().get_template("heat.svg.j2").render(heat=explorer.heat)
    for name, colour in PALETTE.items():
        heat = heat.replace(f"var(--{name})", colour.light)
    page = f'<rect width="100%" height="100%" fill="{PALETTE["page"].light}"/>'
    return vl_convert.svg_to_png(heat.replace("<defs>", f"{page}<defs>", 1), scale=2)


def list_figures(tabs: Sequence[Tab]) -> list[Figure]:
    """Return the figures of all sections in their order."""
    return [block for block in list_blocks(tabs) if isinstance(block, Figure)]


def list_blocks(tabs: Sequence[Tab]) -> list[Block]:
    """Return every block of every section in the order they are read."""
    return [block for tab in tabs for section in tab.sections for block in walk(section.blocks)]


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks and those inside columns, in the order they are read."""
    for block in blocks:
        yield block
        if isinstance(block, Columns):
            yield from walk([*block.left, *block.right])


def draw_figures(tabs: Sequence[Tab]) -> Drawings:
    """Draw every figure at each of its widths."""
    figures = list_figures(tabs)
    drawings = {}
    for done, figure in enumerate(figures):
        report_progress("report", done, len(figures), figure=figure.name)
        drawings[figure.name] = [
            Markup(draw_svg(figure.draw(width), f"{figure.name}-{width}"))  # noqa: S704 - parsed and written as XML
            for width in figure.widths
        ]
    report_progress("report", len(figures), len(figures))
    return drawings
