"""The scores of a judge as it is named on the command line: of this home, recorded replies, or the bundled one."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.chat import to_utterances
from tasks.config import JudgeConfig
from tasks.errors import ConfigError, ScoreParseError, SourceError
from tasks.judges.validation.places import expand_home, is_file
from tasks.schema import Turn
from tasks.scoring import DistilledJudge, choose_judge, identify_judge, parse_reply, slugify

if TYPE_CHECKING:
    import duckdb
    import polars as pl

DISTILLED, REPLIES = "distilled", "replies:"
REPLY_KEYS = ("turn_key", "conv_id", "dialogue_id", "utterance_idx", "reply")


@dataclass(frozen=True)
class NamedScores:
    """Scores of one judge: `table` has turn_key, sensibility, rationality, each turn once."""

    name: str
    table: pl.DataFrame
    identity: str
    """The same for one judge by whatever name: a judge's id, or the place of a file of replies."""
    left_out: Counter[str] = field(default_factory=Counter)


def read_scores(connection: duckdb.DuckDBPyConnection, judge: str) -> NamedScores:
    """Return the scores that a judge of this home, or a file of replies (`replies:FILE`), gives.

    Raises JudgeChoiceError or UsageError for a judge that is none or has scored nothing, SourceError for a file that
    cannot be read, ConfigError where none of its replies belongs to a turn of this home.
    """
    if judge.startswith(REPLIES):
        return read_replies(connection, expand_home(judge.removeprefix(REPLIES)))
    judge_id, alias = choose_judge(connection, judge)
    query = (
        "SELECT turn_key, sensibility, rationality FROM scores WHERE judge_id = $judge_id AND sensibility IS NOT NULL"
    )
    return NamedScores(alias, fetch(connection, query, judge_id=judge_id), judge_id)


def fetch(connection: duckdb.DuckDBPyConnection, query: str, **parameters: object) -> pl.DataFrame:
    """Return what a query finds as a table."""
    import polars as pl

    connection.complete()  # a result that was not read to its end would be in the way
    return pl.DataFrame(connection.sql(query, params=parameters).to_arrow_table())


def tie_to_turns(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the turn_key, where they have none, of the turn at their dialogue_id and utterance_idx."""
    import polars as pl

    query = "SELECT dialogue_id, utterance_idx::BIGINT AS utterance_idx, turn_key AS placed_key FROM turns"
    tied = rows.join(fetch(connection, query), on=["dialogue_id", "utterance_idx"], how="left", maintain_order="left")
    return tied.with_columns(turn_key=pl.coalesce("turn_key", "placed_key")).drop("placed_key")


def read_replies(connection: duckdb.DuckDBPyConnection, path: Path) -> NamedScores:
    """Return what recorded replies say; they are tied to turns by turn_key, or by dialogue and utterance in this home.

    Of several replies to one turn the lowest in the order of their letters counts, as in `empathy score`.
    """
    import polars as pl

    rows = _read_reply_table(path).with_columns(dialogue_id=pl.coalesce("conv_id", "dialogue_id"))
    tied = tie_to_turns(connection, rows).drop_nulls(("turn_key", "reply")).sort("turn_key", "reply")
    left_out: Counter[str] = Counter()
    scored = []
    for turn_key, reply in tied.unique("turn_key", keep="first").select("turn_key", "reply").iter_rows():
        try:
            scores = parse_reply(reply)
        except ScoreParseError:
            left_out["a reply without a pair of scores"] += 1
            continue
        scored.append((turn_key, scores.sensibility, scores.rationality))
    if not scored:
        raise ConfigError(
            "None of the recorded replies gives scores to a turn of this home.",
            where=str(path),
            do="ingest their dialogues first; replies need conv_id + utterance_idx, or turn_key",
        )
    schema = {"turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64}
    table = pl.DataFrame(scored, schema=schema, orient="row").sort("turn_key")
    return NamedScores(f"replies-{slugify(path.stem)}", table, f"{REPLIES}{path.resolve()}", left_out)


def score_locally(turns: pl.DataFrame) -> NamedScores:
    """Return what the bundled judge gives to turns (turn_key, prompt, response)."""
    import polars as pl

    distinct = turns.unique("turn_key", keep="first", maintain_order=True)
    rows = distinct.select("turn_key", "prompt", "response").iter_rows()
    scored = DistilledJudge.load().score([Turn(key, to_utterances(prompt), said) for key, prompt, said in rows])
    columns = {name: scored.scores[:, place].round(4) for place, name in enumerate(("sensibility", "rationality"))}
    return NamedScores(DISTILLED, pl.DataFrame({"turn_key": distinct["turn_key"], **columns}), identify_bundled())


def identify_bundled() -> str:
    """Return the id that the bundled judge has in every home."""
    return identify_judge(JudgeConfig(kind="distilled"), None).judge_id


def _read_reply_table(path: Path) -> pl.DataFrame:
    import polars as pl

    if not is_file(path):
        raise SourceError("There is no such file of recorded replies.", where=str(path))
    kinds = {name: pl.Int64 if name == "utterance_idx" else pl.String for name in REPLY_KEYS}
    try:
        return pl.read_ndjson(io.BytesIO(path.read_bytes()), schema=kinds)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            f"The recorded replies cannot be read: {str(error).splitlines()[0][:200]}",
            where=str(path),
            do='one JSON object a line: {"conv_id", "utterance_idx", "reply"} or {"turn_key", "reply"}',
        ) from None
