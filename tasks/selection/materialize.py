"""The subsets as Parquet files of chat messages with scores: what `datasets` and TRL read as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.selection.candidates import load_candidates, read_sql, resolve_split
from tasks.selection.card import CARD, write_card
from tasks.selection.connecting import connect
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts, decide
from tasks.selection.facts import decide_and_describe, digest_files
from tasks.selection_config import as_recipe

SELECTION_VERSION = 2


def selection_recipe(
    corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig, split: str
) -> Recipe:
    """Return what the subsets are made from; `split` is the resolved one."""
    config = as_recipe(selection, split)
    return Recipe(kind="subsets", stage_version=SELECTION_VERSION, config=config, parents=(*corpus, scores))


def materialize(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> ArtifactRef:
    """Write the three subsets, and what was excluded, as one artifact; found again if nothing changed."""
    with connect() as connection:
        split = prepare(connection, artifacts, corpus, scores, selection)

        def build(folder: Path) -> dict[str, Any]:
            facts = decide_and_describe(connection, selection, artifacts.read_manifest(scores.uri)["facts"])
            write_subsets(connection, folder)
            facts |= digest_files(connection, folder)
            (folder / CARD).write_text(write_card(facts, split), encoding="utf-8")
            return facts

        return artifacts.produce(selection_recipe(corpus, scores, selection, split), build)


def preview(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, grid: Sequence[SelectionConfig]
) -> list[SubsetCounts]:
    """Count what each selection of the grid would give, writing nothing. All share the first one's split."""
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        return [decide(connection, selection) for selection in grid]


@contextmanager
def open_decisions(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the `decisions` of a selection, to look at; writes nothing."""
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, selection)
        decide(connection, selection)
        yield connection


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


def write_subsets(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write every subset of `decisions`, and what was excluded, as a Parquet file of its own."""
    for subset in (*SUBSETS, EXCLUDED):
        connection.execute(read_sql("copy"), {"subset": subset, "file": str(folder / f"{subset}.parquet")})
