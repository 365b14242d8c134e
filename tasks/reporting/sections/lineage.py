"""Where the figures come from: judge, rubric, data, and every artifact that went in."""

from __future__ import annotations

import json
from functools import partial

from tasks.reporting.blocks import Block, Cell, Link, Listing, Section, Table
from tasks.reporting.inputs import ReportInputs
from tasks.reporting.material import Material, count_by
from tasks.reporting.wording import clip, count_cell


def describe_lineage(material: Material) -> Section:
    """Return the chapter on provenance."""
    inputs = material.inputs
    blocks: list[Block] = []
    origin = list_origin(material)
    if origin:
        blocks.append(Table("Settings that decide", ("What", "Value"), origin, is_text=True))
    if inputs.lineage:
        blocks.append(list_artifacts(inputs))
    if inputs.prefect_url:
        blocks.append(Link("The run in the Prefect UI", inputs.prefect_url))
    if inputs.config:
        text = json.dumps(inputs.config, indent=2, ensure_ascii=False, default=str)
        blocks.append(Listing("The whole configuration", text))
    section = partial(Section, "lineage", "Lineage")
    if not blocks:
        return section(absent="Nothing is recorded of where these figures come from.")
    return section(lead="What to name when somebody asks how these figures were made.", blocks=blocks)


def list_origin(material: Material) -> list[list[Cell]]:
    """Return judge, rubric, data, rule and base model as rows, leaving out what is not known."""
    config = material.inputs.config
    judge = config.get("judge", {})
    methods = [] if material.scores is None else [str(method) for method, _ in count_by(material.scores, "method")]
    known = {
        "Data": config.get("source", ""),
        "Judge": material.inputs.judge_alias,
        "Kind of judge": judge.get("kind", ""),
        "Rubric": judge.get("rubric", ""),
        "Scoring method": ", ".join(methods),
        "Selection": material.selection.sentence(),
        "Base model": material.base_model,
    }
    return [[Cell(name), Cell(clip(str(value)))] for name, value in known.items() if value]


def list_artifacts(inputs: ReportInputs) -> Table:
    """Return every artifact that went in."""
    rows = [[Cell(ref.kind), count_cell(ref.n_rows), Cell(ref.config_digest), Cell(ref.uri)] for ref in inputs.lineage]
    return Table("Artifacts", ("Kind", "Rows", "Digest", "Place"), rows, is_text=True)
