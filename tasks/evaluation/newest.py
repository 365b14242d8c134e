"""The newest evaluation that holds a model, and what it says, for whoever exports the model."""

from __future__ import annotations

import polars as pl

from tasks.artifacts import ArtifactStore
from tasks.evaluation.comparison_table import write_markdown
from tasks.evaluation.files import COMPARISONS_FILE, read_comparisons, read_metrics
from tasks.experts import Ancestor, pick_kind, read_lineage
from tasks.schema import ArtifactRef


def describe_newest_evaluation(artifacts: ArtifactStore, model: ArtifactRef) -> str:
    """Return the tables of the newest evaluation that holds this very model, as Markdown; empty if there is none.

    Raises ArtifactError if that evaluation is damaged.
    """
    for ref in reversed(artifacts.list_refs("evaluation")):
        evaluation, *made_from = read_lineage(artifacts, [ref])
        if name := _name_in(made_from, model):
            folder = artifacts.open(ref)
            has_pairs = (folder / COMPARISONS_FILE).exists()  # one of an earlier version has none
            tables = write_markdown(read_metrics(folder), read_comparisons(folder) if has_pairs else pl.DataFrame())
            return (
                f"This model is the row `{name}` (from `{evaluation.name}`, sha256 `{ref.sha256}`).\n\n{tables}".strip()
            )
    return ""


def _name_in(lineage: list[Ancestor], model: ArtifactRef) -> str:
    """Return what a model is called in an evaluation, empty if it is not among the systems."""
    for responses in pick_kind(lineage, "responses"):
        if model.sha256 in (parent.sha256 for parent in responses.parents):
            return str(responses.config["system"])
    return ""
