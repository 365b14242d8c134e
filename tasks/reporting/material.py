"""Everything the sections read, opened lazily: only counts and a few sample rows ever come into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks.errors import ArtifactError
from tasks.evaluation import COMPARISONS_FILE, read_comparisons, read_wins
from tasks.reporting.chosen import Selection, read_selection
from tasks.reporting.inputs import ReportInputs
from tasks.reporting.routing_log import RoutingLog, read_routing_log
from tasks.reporting.training_log import TrainingLog, read_training_log
from tasks.reporting.wording import clip
from tasks.schema import Subset

EXCLUDED_FILE = "excluded.parquet"


@dataclass(frozen=True)
class Material:
    """The tables of the artifacts by the row contracts; None where the artifact is absent."""

    inputs: ReportInputs
    dialogues: pl.LazyFrame | None
    turns: pl.LazyFrame | None
    quarantine: pl.LazyFrame | None
    scores: pl.LazyFrame | None
    subsets: pl.LazyFrame | None
    excluded: pl.LazyFrame | None
    """Turns the rule did not decide on; None also where the selection kept no file of them."""
    metrics: pl.DataFrame | None
    comparisons: pl.DataFrame | None
    """Paired tests between systems; None also where the evaluation kept none."""
    wins: pl.DataFrame | None
    """Pairwise wins; None also where no systems were compared in pairs."""
    responses: pl.LazyFrame | None
    logs: Mapping[str, TrainingLog | None]
    """Training logs by system, experts first, then the mixture."""
    routing: RoutingLog | None
    """What is known of the mixture's gates."""
    selection: Selection
    judges: Mapping[str, pl.LazyFrame]
    """The scores of each judge of the corpus by a name of its own, those of `scores` first."""

    @property
    def base_model(self) -> str:
        """The name of the base model by the run's config, else by a training log; empty if neither knows it."""
        named = self.inputs.config.get("expert", {}).get("base_model", "")
        return str(named) or next((log.base for log in self.logs.values() if log and log.base), "")


def open_material(inputs: ReportInputs) -> Material:
    """Open the tables of every folder given. Raises ArtifactError naming a file that is missing."""
    corpus = [Path(folder) for folder in inputs.dialogues]
    models = {**inputs.experts, **({"mixture": inputs.mixture} if inputs.mixture else {})}
    subsets = [inputs.subsets] if inputs.subsets else []
    evaluation = [inputs.evaluation] if inputs.evaluation else []
    metrics = scan(evaluation, "metrics.parquet")
    return Material(
        inputs=inputs,
        dialogues=scan(corpus, "dialogues.parquet"),
        turns=scan(corpus, "turns.parquet"),
        quarantine=scan(corpus, "quarantine.parquet"),
        scores=scan([inputs.scores] if inputs.scores else [], "scores.parquet"),
        subsets=scan(subsets, *(f"{subset}.parquet" for subset in Subset)),
        excluded=scan(subsets, EXCLUDED_FILE) if subsets and (subsets[0] / EXCLUDED_FILE).is_file() else None,
        metrics=None if metrics is None else metrics.collect(),
        comparisons=read_tests(inputs.evaluation) if inputs.evaluation else None,
        wins=read_wins(inputs.evaluation) if inputs.evaluation else None,
        responses=scan(evaluation, "responses.parquet"),
        logs={system: read_training_log(Path(folder)) for system, folder in models.items()},
        routing=read_routing_log(Path(inputs.mixture)) if inputs.mixture else None,
        selection=read_selection(inputs),
        judges=open_judges(inputs),
    )


def open_judges(inputs: ReportInputs) -> dict[str, pl.LazyFrame]:
    """Return the scores of each judge by its alias; two of one alias are told apart by their ids."""
    if not inputs.judges:
        alone = scan([inputs.scores] if inputs.scores else [], "scores.parquet")
        return {} if alone is None else {clip(inputs.judge_alias, 50) or "the judge": alone}
    aliases = [clip(judge.alias, 50) for judge in inputs.judges]
    names = [alias if aliases.count(alias) == 1 else f"{alias} {judge.judge_id[:8]}"
             for alias, judge in zip(aliases, inputs.judges, strict=True)]  # fmt: skip
    frames = [scan([judge.folder], "scores.parquet") for judge in inputs.judges]
    return {name: frame for name, frame in zip(names, frames, strict=True) if frame is not None}


def scan(folders: Sequence[Path], *names: str) -> pl.LazyFrame | None:
    """Return the rows of these files of all folders, or None without folders."""
    files = [Path(folder) / name for folder in folders for name in names]
    for file in files:
        if not file.is_file():
            raise ArtifactError("The artifact lacks a file.", where=str(file), do="see `empathy status`")
    return pl.scan_parquet(files, glob=False) if files else None


def read_tests(evaluation: Path) -> pl.DataFrame | None:
    """Return the paired tests of an evaluation, or None if it has no file of them."""
    return read_comparisons(evaluation) if (evaluation / COMPARISONS_FILE).is_file() else None


def count_rows(frame: pl.LazyFrame) -> int:
    """Return how many rows a table has."""
    return frame.select(pl.len()).collect().item()


def count_by(frame: pl.LazyFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Return (value of each column, ..., rows), most rows first, then by value."""
    counted = frame.group_by(columns).agg(n=pl.len()).collect()
    return counted.sort("n", *columns, descending=[True, *(False for _ in columns)]).rows()
