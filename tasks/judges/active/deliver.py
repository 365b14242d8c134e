"""The scores of an active run, by the road that every score takes: journal, tables, snapshot."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tasks.home import Home
from tasks.judges.active.conclude import SCORES_FILE
from tasks.schema import ArtifactRef, digest_of
from tasks.scoring import (
    ASKED,
    Attempt,
    JudgeIdentity,
    SegmentWriter,
    close_left_segments,
    commit_segments,
    hold_judge,
    identify_active,
    snapshot_scores,
    write_identity,
)

GUESSED = "guessed"
REPLIES_AT_ONCE = 500


class Delivered(NamedTuple):
    """Scores of an active judge, and whether the tables did not have them before."""

    scores: ArtifactRef
    judge_id: str
    alias: str
    is_new: bool


def deliver_scores(home: Home, llm: JudgeIdentity, active: ArtifactRef, corpus: list[ArtifactRef]) -> Delivered:
    """Put the scores of an active run into the tables, as those of a judge that is another one for every result."""
    identity = identify_active(llm, active.config_digest)
    folder = home.settings.journal_dir / identity.judge_id
    table = pl.read_parquet(home.artifacts.open(active) / SCORES_FILE, glob=False)
    with hold_judge(home.settings, folder, identity.alias, active.config_digest):
        write_identity(folder, identity)
        close_left_segments(folder)
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
            query = "SELECT turn_key FROM scores WHERE judge_id = $judge_id"
            known = pl.DataFrame(connection.sql(query, params={"judge_id": identity.judge_id}).to_arrow_table())
        write_replies(table.join(known, on="turn_key", how="anti"), folder, active.config_digest)
        with home.store.transaction() as connection:
            committed = commit_segments(connection, folder, identity)
            ref = snapshot_scores(connection, home.artifacts, corpus, identity.judge_id, identity.alias, [active])
    return Delivered(ref, identity.judge_id, identity.alias, committed.n_changed > 0)


def write_replies(table: pl.DataFrame, folder: Path, prefix: str) -> None:
    """Journal each score as the reply that an LLM would have given."""
    now = time.time()
    with SegmentWriter(folder, f"{prefix}-{int(now)}") as writer:
        for batch in table.iter_slices(REPLIES_AT_ONCE):
            writer.append(*(write_reply(row, now) for row in batch.iter_rows(named=True)))


def write_reply(row: dict[str, Any], now: float) -> Attempt:
    """Return a row of scores as an attempt."""
    names = ("rationality", "sensibility", "rationality_sd", "sensibility_sd")
    reason = row["unscored_reason"]
    reply = None if reason else json.dumps({name: round(row[name], 6) for name in names if row[name] is not None})
    method = ASKED if row["is_asked"] else GUESSED
    request = digest_of({"turn": row["turn_key"]})
    return Attempt(row["turn_key"], request, now, 0.0, reply=reply, error_class=reason, model="active", method=method)
