"""What each judge did and what it cost, from the ledger: the figures of `empathy status`."""

from __future__ import annotations

from importlib import resources

import duckdb
from pydantic import BaseModel, ConfigDict


class ModelVersion(BaseModel):
    """A model as the endpoint named it in its replies."""

    model_config = ConfigDict(frozen=True)

    model: str
    system_fingerprint: str | None
    n_calls: int


class JudgeUsage(BaseModel):
    """One judge's turns and calls; two judges may share an alias, never an id."""

    model_config = ConfigDict(frozen=True)

    judge: str
    judge_id: str
    kind: str
    n_scored: int
    """Turns of the corpus, by their keys."""
    n_responses_scored: int
    """Responses that an evaluation had generated."""
    unscored: dict[str, int]
    """Turns and responses without a score, by reason."""
    n_calls: int
    failed_calls: dict[str, int]
    """Calls that gave no scores, by error class."""
    tokens_in: int | None
    """None, here and below, where no call said so."""
    tokens_cached: int | None
    tokens_out: int | None
    cost_usd: float | None
    """Of the calls whose cost is known; None where none is."""
    n_calls_priced: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    versions: tuple[ModelVersion, ...]
    """Who answered, most calls first: more than one and the scores are not of one model."""

    @property
    def n_unscored(self) -> int:
        """Turns that were asked for and have no score."""
        return sum(self.unscored.values())

    @property
    def n_failed(self) -> int:
        """Calls that gave no scores."""
        return sum(self.failed_calls.values())


def read_usage(connection: duckdb.DuckDBPyConnection) -> list[JudgeUsage]:
    """Return what every judge of the ledger did, by alias and id."""
    found = connection.execute((resources.files("tasks.scoring.ledger") / "usage.sql").read_text(encoding="utf-8"))
    columns = [column[0] for column in found.description]
    return [JudgeUsage(**dict(zip(columns, row, strict=True))) for row in found.fetchall()]
