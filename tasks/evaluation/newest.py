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
    found = find_newest_evaluation(artifacts, model)
    if found is None:
        return ""
    ref, name = found
    folder = artifacts.open(ref)
    has_pairs = (folder / COMPARISONS_FILE).exists()  # one of an earlier version has none
    tables = write_markdown(read_metrics(folder), read_comparisons(folder) if has_pairs else pl.DataFrame())
    source = f"{ref.kind}/{ref.config_digest}"
    return f"This model is the row `{name}` (from `{source}`, sha256 `{ref.sha256}`).\n\n{tables}".strip()


def find_newest_evaluation(artifacts: ArtifactStore, model: ArtifactRef) -> tuple[ArtifactRef, str] | None:
    """Return the newest evaluation that holds this very model, and what the model is called in it; None without one."""
    for ref in reversed(artifacts.list_refs("evaluation")):
        if name := _name_in(list(read_lineage(artifacts, [ref])[1:]), model):
            return ref, name
    return None


def _name_in(lineage: list[Ancestor], model: ArtifactRef) -> str:
    """Return what a model is called in an evaluation, empty if it is not among the systems."""
    for responses in pick_kind(lineage, "responses"):
        if model.sha256 in (parent.sha256 for parent in responses.parents):
            return str(responses.config["system"])
    return ""
