"""Source in, dialogues artifact out: `dialogues`, `turns`, `quarantine` and `cross_split` as Parquet."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any

from tasks.chat import to_messages
from tasks.dialogues.forgotten import is_named
from tasks.dialogues.read import read_dialogues
from tasks.dialogues.rejected import Rejected
from tasks.dialogues.source import Source
from tasks.dialogues.splits import choose_split, parse_source_split
from tasks.dialogues.turns import iter_turns
from tasks.manifest import Recipe
from tasks.schema import Dialogue, Split

INGEST_VERSION = 1


def ingest_recipe(source: Source, source_split: str) -> Recipe:
    """Return what the dialogues artifact is made from: the files' contents and the split the user named."""
    return Recipe("dialogues", INGEST_VERSION, {"split": source_split}, inputs={"source": source.digest})


def ingest(source: Source, source_split: str, folder: Path, forgotten: Collection[str] = frozenset()) -> dict[str, Any]:
    """Write the tables of a source into a folder and return the facts of its manifest.

    Dialogues of the ids `forgotten`, and raw rows that name one, are left out. `by_split` counts turns, `by_reason`
    entries of the quarantine, `formats` files. Memory does not grow with the source. Raises SourceError where a file
    cannot be read, ConfigError for an unknown split.
    """
    from tasks.dialogues.tables import DIALOGUES, QUARANTINE, TURNS, TableWriter

    override = parse_source_split(source_split)
    by_reason: Counter[str] = Counter()
    by_split: Counter[str] = Counter()
    n_utterances = 0
    with (
        TableWriter(folder / "dialogues.parquet", DIALOGUES) as dialogues,
        TableWriter(folder / "turns.parquet", TURNS) as turns,
        TableWriter(folder / "quarantine.parquet", QUARANTINE) as quarantine,
    ):
        for item in read_dialogues(source):
            if is_forgotten(item, forgotten):
                continue
            if isinstance(item, Rejected):
                quarantine.add(item._asdict())
                by_reason[item.reason.value] += 1
                continue
            split = choose_split(item, override)
            dialogues.add(_to_dialogue_row(item, split))
            n_utterances += len(item.utterances)
            for row in _to_turn_rows(item, split):
                turns.add(row)
                by_split[split] += 1
    return {
        "n_rows": turns.n_rows,
        "n_dialogues": dialogues.n_rows,
        "n_utterances": n_utterances,
        "n_turns": turns.n_rows,
        "n_quarantined": quarantine.n_rows,
        "by_reason": dict(sorted(by_reason.items())),
        "by_split": dict(sorted(by_split.items())),
        "formats": dict(sorted(Counter(file.format.value for file in source.files).items())),
        "n_cross_split_texts": write_cross_split(folder),
    }


def is_forgotten(item: Dialogue | Rejected, forgotten: Collection[str]) -> bool:
    """Say whether what was read is of a forgotten dialogue."""
    if isinstance(item, Rejected):
        return any(is_named(dialogue_id, item.raw) for dialogue_id in forgotten)
    return item.dialogue_id in forgotten


def write_cross_split(folder: Path) -> int:
    """Write `cross_split.parquet`, the turn keys that stand in two splits, and return how many there are."""
    import duckdb

    query = resources.files("tasks.dialogues").joinpath("cross_split.sql").read_text(encoding="utf-8")
    path = str(folder / "cross_split.parquet")
    with (
        tempfile.TemporaryDirectory(prefix="empathy-ingest-") as spill,
        duckdb.connect(config={"memory_limit": "1GB", "temp_directory": spill, "threads": 2}) as connection,
    ):
        connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, amid our JSON
        found = connection.sql(query, params={"turns": str(folder / "turns.parquet")})
        found.write_parquet(path, compression="zstd")
        counted = connection.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone()
    return int(counted[0]) if counted else 0


def _to_dialogue_row(dialogue: Dialogue, split: Split) -> dict[str, Any]:
    return {
        "dialogue_id": dialogue.dialogue_id,
        "split": split,
        "emotion": dialogue.emotion,
        "situation": dialogue.situation,
        "n_utterances": len(dialogue.utterances),
    }


def _to_turn_rows(dialogue: Dialogue, split: Split) -> list[dict[str, Any]]:
    return [
        {
            "dialogue_id": dialogue.dialogue_id,
            "utterance_idx": utterance_idx,
            "turn_key": turn.turn_key,
            "split": split,
            "emotion": dialogue.emotion,
            "prompt": to_messages(turn.context),
            "response": turn.response,
        }
        for utterance_idx, turn in iter_turns(dialogue)
    ]
