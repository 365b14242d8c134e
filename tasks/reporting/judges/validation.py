"""The chapters of one judge's validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.reporting.blocks import Block, Prose, Section, Tab
from tasks.reporting.judges.agreeing import show_agreement
from tasks.reporting.judges.habits import READING, Means, show_bias, show_emotions
from tasks.reporting.judges.planes import Cells, show_pair, show_plane
from tasks.reporting.judges.records import DIMENSIONS, Agreement, Measured, Validation
from tasks.reporting.judges.saturation import draw_saturation, list_uses, tabulate_saturation
from tasks.reporting.judges.subsets import show_subsets
from tasks.reporting.judges.telling import tell_axes, tell_turns
from tasks.reporting.wording import clip

Described = tuple[str, list[str], list[Tab]]
"""Title, summary and tabs of a page."""
BASELINES = "Grey bars in brackets only count words, or question marks: a judge must leave them far behind. An AUC of "
BASELINES += "0.5 and a correlation of 0 are those of chance."


def describe_validation(record: Validation) -> Described:
    """Return the page of a validation."""
    against = f" against {clip(record.reference, 60)}" if record.reference else ""
    sections = [
        ("Agreement", describe_agreement(record)),
        ("Scores", describe_own_scores(record)),
        ("Bias", describe_own_bias(record)),
    ]
    tabs = [Tab(section.name, title, [section]) for title, section in sections]
    return f"Judge {clip(record.judge, 60)}{against}", [*tell_turns(record), *tell_axes(record)], tabs


def describe_agreement(record: Validation) -> Section:
    """Return how far the judge agrees with the reference: charts beside baselines, then score against score."""
    if not record.reference:
        return Section("agreement", "Agreement", absent="Measured against nothing: `--against` names a reference.")
    blocks = [block for axis in record.axes for block in show_agreement(f"agreement-{axis}", record, axis)]
    blocks += [
        show_reference_pair(f"scatter-{row.predictor}-{row.axis}", record.judge, record, row,
                            record.cells.get(f"{row.predictor}_{row.axis}", ()))
        for row in record.agreement
        if row.kind == "judge" and record.cells.get(f"{row.predictor}_{row.axis}")
    ]  # fmt: skip
    return Section("agreement", "Agreement", BASELINES, [*blocks, *show_subsets("subsets", record)])


def show_reference_pair(
    name: str, judge: str, record: Measured, row: Agreement, cells: Sequence[Mapping[str, float]]
) -> Block:
    """Return one score of a judge against one axis of the reference."""
    pairs: Cells = [(cell["score"], cell["reference"], int(cell["n"])) for cell in cells]
    is_scale = row.axis in DIMENSIONS
    values = [y for _, y, _ in pairs]
    measures = {"Spearman": row.spearman, **({"kappa": row.kappa} if row.kappa.value is not None else {})}
    return show_pair(
        name, f"{judge}: {row.predictor} against the reference's {row.axis}",
        (f"{judge}: {row.predictor}", f"{record.reference}: {row.axis}"), pairs,
        row.predictor if row.predictor in DIMENSIONS else "heat", measures,
        None if is_scale else (min(values), max(values)),
    )  # fmt: skip


def describe_own_scores(record: Validation) -> Section:
    """Return where the judge puts the turns, how much of the scale it uses, and its means per emotion.

    The reference's figures stand beside the judge's.
    """
    cells, uses = record.cells.get("scores", ()), list_uses(record)
    blocks: list[Block] = [show_plane("plane", record.judge, list_plane(cells))] if cells else []
    if uses:
        blocks += [draw_saturation("saturation", uses, is_half=bool(cells)), tabulate_saturation(uses)]
    sources = {record.judge: "", **({record.reference: "reference_"} if record.reference else {})}
    for dimension in DIMENSIONS:
        means: Means = [
            (str(row["emotion"]), int(row["n"]),
             {name: float(row[f"{prefix}{dimension}"]) for name, prefix in sources.items()
              if f"{prefix}{dimension}" in row})
            for row in record.by_emotion
        ]  # fmt: skip
        judges = [name for name in sources if any(name in of for *_, of in means)]
        if judges:
            blocks.append(show_emotions(f"emotions-{dimension}", dimension, judges, sort_means(means, record.judge)))
    return Section("scores", "Scores", "Where the judge puts the turns.", blocks)


def list_plane(cells: Sequence[Mapping[str, float]]) -> Cells:
    """Return the cells of a judge's plane."""
    return [(cell["sensibility"], cell["rationality"], int(cell["n"])) for cell in cells]


def sort_means(means: Means, judge: str) -> Means:
    """Return the emotions, the highest mean of a judge first."""
    return sorted(means, key=lambda row: (-row[2].get(judge, -1.0), row[0]))


def describe_own_bias(record: Validation) -> Section:
    """Return what the scores follow, beside what the reference's values follow: that tells a bias from what is so."""
    blocks: list[Block] = []
    for dimension in DIMENSIONS:
        columns: dict[str, str] = {record.judge: dimension}
        theirs = dimension if dimension in record.axes else "rating" if "rating" in record.axes else ""
        if record.reference and theirs:
            columns[f"{record.reference}: {theirs}"] = f"reference_{theirs}"
        blocks.append(show_bias(f"bias-{dimension}", dimension, dict.fromkeys(columns, record.bias), columns))
    return Section("bias", "Bias", blocks=[*blocks, Prose([READING])])
