"""From journal to tables: the one place that writes attempts and scores; safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.config import DEFAULT_N_SAMPLES
from tasks.schema import digest_of
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, list_segments, read_segment, segment_name, to_row
from tasks.scoring.ledger.reading import find_method, pool_turns, read_by_judge
from tasks.scoring.ledger.segment import is_being_written
from tasks.scoring.parsing import ParsedScores
from tasks.scoring.reasons import TERMINAL, TOO_FEW_SAMPLES

FREE_KINDS = ("distilled", "replies", "active")
"""Judges that ask nobody; what an active one asked is the LLM's."""
ASKED = "asked"
"""Method of an active judge's score that the LLM gave; those it guessed have another."""
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

    A turn's score is the first reply that parses, or the mean of its first samples where the judge was
    asked for several; else it has a reason. All by the time of the calls, so that the tables are the
    same in whatever order segments come. A judge that compares has attempts only: its verdicts are no scores.
    """
    register_judge(connection, judge)
    merged = {
        name
        for (name,) in connection.execute("SELECT name FROM segments WHERE judge_id = ?", [judge.judge_id]).fetchall()
    }
    # one that is being written, by a run that was given up and lives, is merged when it is whole
    pending = [
        path
        for path in list_segments(folder)
        if segment_name(path) not in merged and not (path.suffix == ".open" and is_being_written(path))
    ]
    n_attempts = n_changed = 0
    for start in range(0, len(pending), SEGMENTS_AT_ONCE):
        rows = list(_read_rows(pending[start : start + SEGMENTS_AT_ONCE], judge))
        names = sorted({row["segment"] for row in rows})  # one without rows may yet get some under its name
        n_changed += _insert(connection, rows, names, judge)
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
        name = segment_name(path)
        for line, attempt in read_segment(path):
            yield _to_row(attempt, judge) | {"segment": name, "line": line}


def _to_row(attempt: Attempt, judge: JudgeIdentity) -> dict[str, Any]:
    method = find_method(attempt, judge)
    reading = read_by_judge(attempt, judge)
    row = to_row(attempt) | {"method": method, "error_class": reading.error_class, "n_samples": reading.n_samples}
    if judge.kind in FREE_KINDS:
        row["cost_usd"] = 0.0
    return row | _score_values(reading.scores)


def _score_values(scores: ParsedScores | None) -> dict[str, float | None]:
    return {name: getattr(scores, name, None) for name in SCORE_FIELDS}


def _score_schema() -> dict[str, Any]:
    import polars as pl  # whoever only looks at scores does not wait for it

    return {"turn_key": pl.String} | dict.fromkeys(SCORE_FIELDS, pl.Float64)


def _schema() -> dict[str, Any]:
    import polars as pl

    return _score_schema() | {
        "request_key": pl.String, "segment": pl.String, "line": pl.Int32, "sent_at": pl.Float64,
        "http_status": pl.Int32, "error_class": pl.String, "finish_reason": pl.String, "model": pl.String,
        "system_fingerprint": pl.String, "tokens_in": pl.Int64, "tokens_cached": pl.Int64, "tokens_out": pl.Int64,
        "cost_usd": pl.Float64, "latency_s": pl.Float64, "method": pl.String, "reply": pl.String,
        "choices": pl.List(pl.String), "n_samples": pl.Int32,
    }  # fmt: skip


def _insert(
    connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], names: list[str], judge: JudgeIdentity
) -> int:
    """Insert one batch of attempts and what they say; return the number of score rows that changed."""
    import polars as pl

    by_judge = {"judge_id": judge.judge_id}
    connection.register("new_rows", pl.DataFrame(rows, schema=_schema()).to_arrow())
    connection.execute(_query("insert_attempts"), by_judge)
    n_changed = 0 if judge.is_pairwise else _update_scores(connection, judge)
    connection.execute(
        "INSERT INTO segments SELECT $judge_id, name FROM (SELECT unnest($names) AS name)", by_judge | {"names": names}
    )
    connection.unregister("new_rows")
    return n_changed


def _update_scores(connection: duckdb.DuckDBPyConnection, judge: JudgeIdentity) -> int:
    """Note what the attempts in `new_rows` say of their turns; return the number of score rows that changed."""
    import polars as pl

    by_judge = {"judge_id": judge.judge_id}
    calls = connection.execute(_query("samples"), by_judge).fetchall()
    pooled = pool_turns(calls, int(judge.parameters.get("n_samples", DEFAULT_N_SAMPLES)))
    pooled_rows = [{"turn_key": turn_key} | _score_values(scores) for turn_key, scores in pooled]
    connection.register("pooled", pl.DataFrame(pooled_rows, schema=_score_schema()).to_arrow())
    reasons = {"terminal": list(TERMINAL), "too_few": TOO_FEW_SAMPLES}
    source = {"asked": ASKED, "asked_judge": judge.parameters.get("llm", judge.judge_id)}
    changed = connection.execute(_query("upsert_scores"), by_judge | reasons | source).fetchone()
    connection.unregister("pooled")
    return changed[0] if changed else 0


def _query(name: str) -> str:
    return (resources.files("tasks.scoring.ledger") / f"{name}.sql").read_text(encoding="utf-8")
