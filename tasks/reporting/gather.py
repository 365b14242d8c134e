"""From artifact references to the folders and facts that a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.config import ADAPTERS
from tasks.home import Home
from tasks.reporting.inputs import ReportInputs, report_recipe
from tasks.reporting.write import write_report
from tasks.schema import ArtifactRef


def make_report(
    home: Home,
    dialogues: Sequence[ArtifactRef],
    parts: Mapping[str, ArtifactRef],
    experts: Mapping[str, ArtifactRef],
    config: Mapping[str, Any],
    prefect_url: str = "",
) -> ArtifactRef:
    """Return the report of these artifacts, made if it does not exist.

    `parts` may hold scores, subsets, mixture and evaluation; what is absent is said in the report.
    """
    lineage = [*dialogues, *parts.values(), *experts.values()]

    def build(folder: Path) -> dict[str, Any]:
        opened = {name: home.artifacts.open(ref) for name, ref in parts.items()}
        alias = home.artifacts.read_manifest(parts["scores"].uri)["facts"]["alias"] if "scores" in parts else ""
        inputs = ReportInputs(
            dialogues=[home.artifacts.open(ref) for ref in dialogues],
            experts={name: home.artifacts.open(ref) for name, ref in experts.items()},
            config=config,
            judge_alias=alias,
            lineage=lineage,
            prefect_url=prefect_url,
            scores=opened.get("scores"),
            subsets=opened.get("subsets"),
            mixture=opened.get("mixture"),
            evaluation=opened.get("evaluation"),
        )
        return write_report(inputs, folder)

    ref = home.artifacts.produce(report_recipe(config, lineage), build)
    home.artifacts.set_current("report", ref)
    return home.record(ref)


def make_newest_report(home: Home, corpus: Sequence[ArtifactRef]) -> ArtifactRef:
    """Return the report of what was made last: the current artifacts, and the corpus."""
    from tasks.reporting.belonging import is_of_subsets  # takes seconds: it reads rows, and so the stages of models

    names = ("subsets", "mixture", "evaluation")
    found = {name: home.artifacts.get_current(name) for name in names}
    parts = {name: ref for name, ref in found.items() if ref is not None}
    if "subsets" in parts:
        parents = home.artifacts.read_manifest(parts["subsets"].uri)["parents"]
        scores = next(ArtifactRef(**parent) for parent in parents if parent["kind"] == "scores")
        parts = {"scores": scores, **parts}
    trained = {name: home.artifacts.get_current(f"expert-{name}") for name in ADAPTERS}
    experts: dict[str, ArtifactRef] = {name: ref for name, ref in trained.items() if ref is not None}
    chosen = parts.get("subsets")
    if chosen is not None:  # models of other thresholds are not shown beside these
        parts = {
            name: ref
            for name, ref in parts.items()
            if name in ("scores", "subsets") or is_of_subsets(home, ref, chosen)
        }
        experts = {name: ref for name, ref in experts.items() if is_of_subsets(home, ref, chosen)}
    return make_report(home, corpus, parts, experts, {})
