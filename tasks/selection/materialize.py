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
from tasks.selection.balance import Balance, measure_balance
from tasks.selection.candidates import load_candidates, read_sql, resolve_split, view_candidates
from tasks.selection.card import CARD, write_card
from tasks.selection.connecting import connect
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts, decide, is_plain, sort_plainly
from tasks.selection.facts import describe_selection, digest_files
from tasks.selection.inputs import SelectionInputs, list_aids, open_inputs
from tasks.selection.target_share import TargetShare, resolve_target
from tasks.selection.writing import write_subsets
from tasks.selection_config import as_recipe

SELECTION_VERSION = 3


def selection_recipe(parents: Sequence[ArtifactRef], selection: SelectionConfig, split: str) -> Recipe:
    """Return what the subsets are made from; `split` is the resolved one."""
    return Recipe("subsets", SELECTION_VERSION, as_recipe(selection, split), tuple(parents))


def materialize(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> ArtifactRef:
    """Write the three subsets, and what was excluded, as one artifact; found again if nothing changed.

    With a target share the artifact is of the threshold that was found, which its facts tell with the reason.
    """
    ((selection, target),) = settle(artifacts, corpus, scores, [selection])
    if target:
        target.tell()
    with connect() as connection:
        inputs = open_inputs(artifacts, corpus, scores, selection)
        split = resolve_split(connection, inputs.turn_files, selection.split)

        def build(folder: Path) -> dict[str, Any]:
            before = write_selection(connection, inputs, selection, split, folder)
            facts = describe_selection(connection, selection, artifacts.read_manifest(scores.uri)["facts"], before)
            facts |= digest_files(connection, folder)
            (folder / CARD).write_text(write_card(facts, split), encoding="utf-8")
            facts |= {"target": target.describe()} if target else {}
            return facts

        beside = list_aids(artifacts, selection)
        return artifacts.produce(selection_recipe([*corpus, scores, *beside], selection, split), build)


def write_selection(
    connection: duckdb.DuckDBPyConnection, inputs: SelectionInputs, selection: SelectionConfig, split: str, folder: Path
) -> Balance | None:
    """Write the files of a selection and make them the `decisions`; return the balance before modifiers, if it has any.

    A rule that looks at one turn alone is applied while the texts stream by: ten million turns go through in the memory
    of some. What ranks, caps or compares turns is decided first, without texts.
    """
    before = None
    if is_plain(selection) and len(inputs.turn_files) == 1:
        view_candidates(connection, inputs, split)
        turns = sort_plainly(selection)
    else:
        load_candidates(connection, inputs, split)
        if selection.has_modifiers:
            decide(connection, selection.without_modifiers())
            before = measure_balance(connection)
        decide(connection, selection)
        turns = read_sql("decided")
    write_subsets(connection, turns, folder)
    open_written(connection, folder)
    return before


def open_written(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the written files of a selection the `decisions`: what is told of them is told of what was written."""
    files = [str(folder / f"{name}.parquet") for name in (*SUBSETS, EXCLUDED)]
    connection.execute("SET VARIABLE written_files = $files", {"files": files})
    connection.execute("DROP TABLE IF EXISTS decisions")
    connection.execute(read_sql("written"))


def preview(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, grid: Sequence[SelectionConfig]
) -> list[SubsetCounts]:
    """Count what each selection of the grid would give, writing nothing. All share the first one's split."""
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        return [decide(connection, resolve_target(connection, selection)[0]) for selection in grid]


def settle(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, grid: Sequence[SelectionConfig]
) -> list[tuple[SelectionConfig, TargetShare | None]]:
    """Return each selection with the threshold of its target share found, and how; unchanged if it names none.

    All share the first one's split. Raises UsageError if a share is asked for and no turn has a score.
    """
    if all(selection.target_share is None for selection in grid):
        return [(selection, None) for selection in grid]
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        return [resolve_target(connection, selection) for selection in grid]


@contextmanager
def open_decisions(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the `decisions` of a selection, to look at; writes nothing."""
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, selection)
        decide(connection, resolve_target(connection, selection)[0])
        yield connection


def prepare(
    connection: duckdb.DuckDBPyConnection,
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    selection: SelectionConfig,
) -> str:
    """Load the candidates of a selection, without texts, and return the resolved split."""
    inputs = open_inputs(artifacts, corpus, scores, selection)
    split = resolve_split(connection, inputs.turn_files, selection.split)
    load_candidates(connection, inputs, split)
    return split
