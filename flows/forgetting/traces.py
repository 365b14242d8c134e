"""What is to be removed of a dialogue: its id, the keys that are of its turns alone, and what was asked about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from tasks.artifacts import ArtifactStore
from tasks.dialogues import is_named
from tasks.schema import ArtifactRef

KEYS = ("turn_key", "question_key")
MODELS = ("expert", "mixture", "judge", "active", "calibration")
ROWS_FILE = "rows.parquet"
"""Of a model: which turns it learned from. It stays as it is: it is how one knows which model saw what."""


@dataclass(frozen=True)
class Traces:
    """What tells a dialogue's rows."""

    dialogue_id: str
    keys: frozenset[str]
    """Of turns and questions that stand in no other dialogue: equal texts of others keep their scores."""

    def keep(self, columns: list[str]) -> pl.Expr | None:
        """Return what is true of a table's rows that stay, None for a table without such columns."""
        if "raw" in columns:
            return ~pl.col("raw").map_elements(lambda raw: is_named(self.dialogue_id, raw), return_dtype=pl.Boolean)
        if "dialogue_id" in columns:
            return pl.col("dialogue_id").ne_missing(self.dialogue_id)
        held = [~pl.col(name).is_in(list(self.keys)).fill_null(value=False) for name in KEYS if name in columns]
        return pl.all_horizontal(held) if held else None


def list_tables(artifacts: ArtifactStore) -> Iterator[tuple[ArtifactRef, Path]]:
    """Yield every Parquet file of every artifact, verified. Raises ArtifactError for a damaged one."""
    for kind in artifacts.list_kinds():
        for ref in artifacts.list_refs(kind):
            for path in sorted(artifacts.open(ref).rglob("*.parquet")):
                yield ref, path


def read_columns(path: Path) -> list[str]:
    """Return the columns of a Parquet file."""
    names: list[str] = pq.read_schema(path).names
    return names


def find_traces(artifacts: ArtifactStore, dialogue_id: str) -> Traces:
    """Return what tells the rows of a dialogue, from all artifacts."""
    own: set[str] = set()
    contexts: list[pl.DataFrame] = []
    questions: list[Path] = []
    for ref, path in list_tables(artifacts):
        columns = read_columns(path)
        if {"dialogue_id", "turn_key"} <= set(columns):
            rows = pl.scan_parquet(path, glob=False).filter(pl.col("dialogue_id") == dialogue_id)
            own.update(rows.select("turn_key").collect()["turn_key"].to_list())
        if ref.kind == "dialogues" and path.name == "turns.parquet":
            contexts.append(read_contexts(path))
        if {"question_key", "prompt"} <= set(columns):
            questions.append(path)
    keys = own - find_shared(artifacts, dialogue_id, own)
    return Traces(dialogue_id, frozenset(keys | find_questions(questions, contexts, dialogue_id)))


def find_shared(artifacts: ArtifactStore, dialogue_id: str, own: set[str]) -> set[str]:
    """Return those of a dialogue's keys that stand in another dialogue too."""
    shared: set[str] = set()
    for _, path in list_tables(artifacts):
        if {"dialogue_id", "turn_key"} <= set(read_columns(path)):
            is_other = (pl.col("dialogue_id") != dialogue_id) & pl.col("turn_key").is_in(list(own))
            found = pl.scan_parquet(path, glob=False).filter(is_other).select("turn_key").collect()
            shared.update(found["turn_key"].to_list())
    return shared


def read_contexts(path: Path) -> pl.DataFrame:
    """Return what was said before each turn, as one text, and in which dialogue."""
    rows = pl.scan_parquet(path, glob=False).select("dialogue_id", context=as_text("prompt"))
    return rows.collect()


def as_text(name: str) -> pl.Expr:
    """Return messages as one text that can be compared."""
    said = pl.element().struct.field("role") + "\x1f" + pl.element().struct.field("content")
    return pl.col(name).list.eval(said).list.join("\x1e")


def find_questions(questions: list[Path], contexts: list[pl.DataFrame], dialogue_id: str) -> set[str]:
    """Return the keys of questions about contexts that stand in this dialogue alone."""
    if not questions or not contexts:
        return set()
    every = pl.concat(contexts)
    is_own = pl.col("dialogue_id") == dialogue_id
    own = set(every.filter(is_own)["context"]) - set(every.filter(~is_own)["context"])
    keys: set[str] = set()
    for path in questions:
        rows = pl.scan_parquet(path, glob=False).select("question_key", context=as_text("prompt"))
        keys.update(rows.filter(pl.col("context").is_in(list(own))).collect()["question_key"].to_list())
    return keys
