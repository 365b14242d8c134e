"""What there is to score: the plan of one run, written once and read by its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.chat import to_utterances
from tasks.config import ScoringConfig
from tasks.errors import ConfigError
from tasks.schema import Turn
from tasks.scoring.chosen import load_chosen
from tasks.scoring.reasons import ASKED_AGAIN, ASKED_ON, MAX_REPLIES, TERMINAL

ALL_TURNS = 2**62
MOST_CHUNKS = 500
"""A run has hundreds of tasks, whatever the data's size: Prefect loses records of thousands."""
PLAN_MEMORY = "400MB"
"""Beyond it DuckDB sorts on disk: 100,000 turns need less, a million take longer."""


class Plan(BaseModel):
    """Where a run's plan is and how many turns and chunks it has."""

    model_config = ConfigDict(frozen=True)

    path: Path
    n_turns: int
    n_chunks: int


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """A turn to score; `reply` is what was recorded for it, where replies are replayed."""

    turn: Turn
    reply: str | None = None
    n_samples: int = 0
    """Samples of this turn that are paid for already, where the judge's method takes several."""
    rival: str = ""
    """The response that the turn's own is compared with, where two are; its key is then that of the question."""


def plan_scoring(
    connection: duckdb.DuckDBPyConnection,
    turn_files: Sequence[str],
    judge_id: str,
    scoring: ScoringConfig,
    plan_file: Path,
    replies_file: str = "",
    chosen_file: str = "",
) -> Plan:
    """Write the turns that the judge has not scored yet to `plan_file` and count them.

    Where a `chosen_file` (Parquet, turn_key) is given, only turns that stand in it are planned.
    """
    plan_file.parent.mkdir(parents=True, exist_ok=True)
    _load_replies(connection, turn_files, replies_file)
    load_chosen(connection, chosen_file)
    variables = {
        "turn_files": list(turn_files),
        "split": scoring.split,
        "judge_id": judge_id,
        "asked_again": [*ASKED_AGAIN, *(TERMINAL if scoring.retry_unscored else ())],
        "asked_on": list(ASKED_ON),
        "most_useless": MAX_REPLIES,
        "at_most": scoring.limit or ALL_TURNS,
        "chunk_size": scoring.chunk_size,
        "most_chunks": MOST_CHUNKS,
    }
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    connection.execute(f"SET memory_limit = '{PLAN_MEMORY}'")
    query = (resources.files("tasks.scoring") / "plan.sql").read_text(encoding="utf-8")
    connection.execute(query, {"plan_file": str(plan_file)})
    connection.execute("RESET memory_limit")
    counts = connection.execute(
        "SELECT count(*), coalesce(max(chunk) + 1, 0) FROM read_parquet($file)", {"file": str(plan_file)}
    ).fetchone()
    n_turns, n_chunks = counts or (0, 0)
    return Plan(path=plan_file, n_turns=n_turns, n_chunks=n_chunks)


def read_chunk(plan: Plan, chunk: int) -> list[PlannedTurn]:
    """Return the turns of one chunk of a plan, in hash order."""
    import polars as pl  # whoever only looks at scores does not wait for it

    rows = pl.scan_parquet(plan.path, glob=False).filter(pl.col("chunk") == chunk).collect()
    return [
        PlannedTurn(
            Turn(row["turn_key"], to_utterances(row["prompt"]), row["response"]),
            row["reply"],
            row["n_samples"],
            row.get("rival", ""),
        )
        for row in rows.iter_rows(named=True)
    ]


def _load_replies(connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], replies_file: str) -> None:
    """Make the table `recorded_replies` (turn_key, reply); empty where nothing is replayed."""
    connection.execute("CREATE OR REPLACE TEMP TABLE recorded_replies (turn_key VARCHAR, reply VARCHAR)")
    if not replies_file:
        return
    if not Path(replies_file).is_file():
        raise ConfigError("There is no such file of recorded replies.", where=replies_file)
    query = (resources.files("tasks.scoring") / "recorded_replies.sql").read_text(encoding="utf-8")
    try:
        connection.execute(query, {"file": replies_file, "turn_files": list(turn_files)})
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise ConfigError(
            f"The recorded replies cannot be read: {str(error).splitlines()[0]}",
            where=replies_file,
            do='one JSON object a line: {"conv_id", "utterance_idx", "reply"} or {"turn_key", "reply"}',
        ) from None
    found = connection.execute("SELECT count(*) FROM recorded_replies").fetchone()
    if not found or not found[0]:
        raise ConfigError(
            "None of the recorded replies belongs to an ingested turn.",
            where=replies_file,
            do="ingest the dialogues first; replies need conv_id + utterance_idx, or turn_key",
        )
