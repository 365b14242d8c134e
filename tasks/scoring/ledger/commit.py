"""From journal to tables: the one place that writes attempts and scores; safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from tasks.errors import ScoreParseError
from tasks.schema import digest_of
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, list_segments, read_segment, segment_name, to_row
from tasks.scoring.parsing import ParsedScores, parse_reply
from tasks.scoring.reasons import UNPARSEABLE

SCORE_FIELDS = tuple(field.name for field in fields(ParsedScores))
SEGMENTS_AT_ONCE = 200
"""Segments held in memory together: 20,000 replies."""


class Committed(BaseModel):
    """What one commit added."""

    model_config = ConfigDict(frozen=True)

    n_attempts: int = 0
    n_changed: int = 0
    """Score rows that are new or different."""


def commit_segments(connection: duckdb.DuckDBPyConnection, folder: Path, judge: JudgeIdentity) -> Committed:
    """Merge every segment of the judge's journal that the tables do not hold yet.

    A turn's score is the first reply that parses, else it has the reason of its last attempt: by the
    time of the calls, so that the tables are the same in whatever order segments come.
    """
    register_judge(connection, judge)
    merged = {
        name
        for (name,) in connection.execute("SELECT name FROM segments WHERE judge_id = ?", [judge.judge_id]).fetchall()
    }
    pending = [path for path in list_segments(folder) if segment_name(path) not in merged]
    n_attempts = n_changed = 0
    for start in range(0, len(pending), SEGMENTS_AT_ONCE):
        rows = list(_read_rows(pending[start : start + SEGMENTS_AT_ONCE], judge))
        names = [segment_name(path) for path in pending[start : start + SEGMENTS_AT_ONCE]]
        n_changed += _insert(connection, rows, names, judge.judge_id)
        n_attempts += len(rows)
    return Committed(n_attempts=n_attempts, n_changed=n_changed)


def register_judge(connection: duckdb.DuckDBPyConnection, judge: JudgeIdentity) -> None:
    """Note who the judge is, with its rubric's text."""
    rubric_id = digest_of({"text": judge.rubric_text})[:16]
    connection.execute(
        "INSERT INTO rubrics VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [rubric_id, judge.rubric, judge.rubric_text],
    )
    connection.execute(
        "INSERT INTO judges VALUES (?, ?, ?, ?, ?, ?, ?, now()) ON CONFLICT DO NOTHING",
        [judge.judge_id, judge.alias, judge.kind, judge.endpoint_alias, judge.model, rubric_id,
         json.dumps(judge.parameters)],
    )  # fmt: skip


def _read_rows(paths: Iterable[Path], judge: JudgeIdentity) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line, attempt in read_segment(path):
            yield _to_row(attempt, segment_name(path), line, is_free=judge.kind != "openai")


def _to_row(attempt: Attempt, segment: str, line: int, *, is_free: bool) -> dict[str, Any]:
    row = to_row(attempt) | {"segment": segment, "line": line, "cost_usd": 0.0 if is_free else None}
    row |= dict.fromkeys(SCORE_FIELDS)
    if attempt.error_class is None:
        try:
            parsed = parse_reply(attempt.reply or "")
            row |= {name: getattr(parsed, name) for name in SCORE_FIELDS}
        except ScoreParseError:
            row["error_class"] = UNPARSEABLE
    return row


_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "turn_key": pl.String, "request_key": pl.String, "segment": pl.String, "line": pl.Int32,
    "sent_at": pl.Float64, "http_status": pl.Int32, "error_class": pl.String, "finish_reason": pl.String,
    "model": pl.String, "system_fingerprint": pl.String, "tokens_in": pl.Int64, "tokens_cached": pl.Int64,
    "tokens_out": pl.Int64, "cost_usd": pl.Float64, "latency_s": pl.Float64, "reply": pl.String,
    "method": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64,
    "sensibility_sd": pl.Float64, "rationality_sd": pl.Float64,
}  # fmt: skip

_INSERT_ATTEMPTS = """
INSERT INTO attempts
SELECT $judge_id, turn_key, request_key, segment, line, to_timestamp(sent_at), http_status, error_class,
    finish_reason, model, system_fingerprint, tokens_in, tokens_cached, tokens_out, cost_usd, latency_s, reply
FROM new_rows
"""

# Of all attempts at a turn one tells; where that one is old, the scores hold what it says already.
_UPSERT_SCORES = """
INSERT INTO scores
WITH telling AS (
    SELECT segment, line
    FROM attempts
    WHERE judge_id = $judge_id AND turn_key IN (SELECT turn_key FROM new_rows)
    QUALIFY row_number() OVER (
        PARTITION BY turn_key
        ORDER BY error_class IS NOT NULL,
            CASE WHEN error_class IS NULL THEN epoch_us(sent_at) ELSE -epoch_us(sent_at) END, segment, line
    ) = 1
)
SELECT turn_key, $judge_id, sensibility, rationality, sensibility_sd, rationality_sd, method, $judge_id, error_class
FROM new_rows
JOIN telling USING (segment, line)
ON CONFLICT DO UPDATE SET
    sensibility = excluded.sensibility, rationality = excluded.rationality,
    sensibility_sd = excluded.sensibility_sd, rationality_sd = excluded.rationality_sd,
    method = excluded.method, unscored_reason = excluded.unscored_reason
WHERE excluded.sensibility IS NOT NULL OR excluded.unscored_reason IS DISTINCT FROM scores.unscored_reason
"""


def _insert(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], names: list[str], judge_id: str) -> int:
    """Insert one batch of attempts and what they say; return the number of score rows that changed."""
    connection.register("new_rows", pl.DataFrame(rows, schema=_SCHEMA).to_arrow())
    connection.execute(_INSERT_ATTEMPTS, {"judge_id": judge_id})
    changed = connection.execute(_UPSERT_SCORES, {"judge_id": judge_id}).fetchone()
    connection.execute(
        "INSERT INTO segments SELECT $judge_id, name FROM (SELECT unnest($names) AS name)",
        {"judge_id": judge_id, "names": names},
    )
    connection.unregister("new_rows")
    return changed[0] if changed else 0
