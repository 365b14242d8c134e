"""The subsets as Parquet files of chat messages with scores: what `datasets` and TRL read as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts, decide, load_candidates, resolve_split

SELECTION_VERSION = 1

_COPY = """
COPY (
    SELECT dialogue_id, utterance_idx, turn_key, split, emotion, prompt,
        [{'role': 'assistant', 'content': response}] AS completion,
        sensibility, rationality, subset, reason
    FROM decisions
    WHERE subset = $subset
    ORDER BY turn_key, dialogue_id, utterance_idx
) TO $file (FORMAT parquet, COMPRESSION zstd)
"""


def selection_recipe(
    corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig, split: str
) -> Recipe:
    """Return what the subsets are made from; `split` is the resolved one."""
    config = {**selection.model_dump(exclude={"judge_id"}), "split": split}
    return Recipe(kind="subsets", stage_version=SELECTION_VERSION, config=config, parents=(*corpus, scores))


def materialize(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> ArtifactRef:
    """Write the three subsets, and what was excluded, as one artifact; found again if nothing changed."""
    with duckdb.connect() as connection:
        split = prepare(connection, artifacts, corpus, scores, selection)

        def build(folder: Path) -> dict[str, Any]:
            counts = decide(connection, selection)
            for subset in (*SUBSETS, EXCLUDED):
                connection.execute(_COPY, {"subset": subset, "file": str(folder / f"{subset}.parquet")})
            return describe(counts)

        return artifacts.produce(selection_recipe(corpus, scores, selection, split), build)


def preview(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, grid: Sequence[SelectionConfig]
) -> list[SubsetCounts]:
    """Count what each selection of the grid would give, writing nothing. All share the first one's split."""
    with duckdb.connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        return [decide(connection, selection) for selection in grid]


def prepare(
    connection: duckdb.DuckDBPyConnection,
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    selection: SelectionConfig,
) -> str:
    """Load the candidates of a selection and return the resolved split."""
    turn_files = [str(artifacts.open(ref) / "turns.parquet") for ref in corpus]
    split = resolve_split(connection, turn_files, selection.split)
    load_candidates(connection, turn_files, artifacts.open(scores) / "scores.parquet", split)
    return split


def describe(counts: SubsetCounts) -> dict[str, Any]:
    """Return counts and shares as manifest facts; `n_rows` is the number of selected turns."""
    return {
        "n_rows": counts.sensibility + counts.rationality,
        "counts": {subset: getattr(counts, subset) for subset in (*SUBSETS, EXCLUDED)},
        "shares": {subset: round(counts.share(subset), 6) for subset in SUBSETS},
        "reasons": counts.reasons,
    }
