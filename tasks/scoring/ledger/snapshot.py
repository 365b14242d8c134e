"""The scores in force as an artifact: what selection reads, on whatever machine it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.errors import JudgeChoiceError, UsageError
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

SCORES_VERSION = 1

# Order-free: equal rows give an equal sum, however they are laid out.
_DIGEST = "SELECT count(*), count(sensibility), coalesce(sum(md5_number_lower(row_text)::HUGEINT), 0) FROM (SELECT concat_ws('|', turn_key, coalesce(sensibility::VARCHAR, ''), coalesce(rationality::VARCHAR, ''), coalesce(sensibility_sd::VARCHAR, ''), coalesce(rationality_sd::VARCHAR, ''), method, coalesce(unscored_reason, '')) AS row_text, sensibility FROM snapshot)"  # noqa: E501 - one formula, read as one

_COST = """
SELECT sum(cost_usd), count(*) FILTER (cost_usd IS NULL)
FROM attempts
WHERE judge_id = $judge_id AND turn_key IN (SELECT turn_key FROM snapshot)
"""
"""Known cost of all calls for these turns, and the calls of which it is not known."""

_JUDGE = """
SELECT kind, model, name, parameters
FROM judges LEFT JOIN rubrics USING (rubric_id)
WHERE judge_id = $judge_id
"""


def choose_judge(connection: duckdb.DuckDBPyConnection, judge: str = "") -> tuple[str, str]:
    """Return (judge_id, alias) of the judge whose scores count.

    One judge with scores: that one. Several: `judge` must name one by id or alias. One that has judged only the
    responses of an evaluation has none that counts. Raises
    JudgeChoiceError with the list otherwise, UsageError if nothing is scored, or nothing by that judge.
    """
    query = (resources.files("tasks.scoring.ledger") / "judges.sql").read_text(encoding="utf-8")
    known = connection.execute(query).fetchall()
    scored = [(judge_id, alias, n) for judge_id, alias, n in known if n]
    listing = "; ".join(f"{judge_id} ({alias}, {n:,} scores)" for judge_id, alias, n in scored)
    if judge:
        named = [row for row in known if judge in row[:2]]
        if len(named) > 1:
            ids = "; ".join(f"{judge_id} ({n:,} scores)" for judge_id, _, n in named)
            raise JudgeChoiceError(f"Several judges are called {judge!r}.", do=f"name one by its id: {ids}")
        for judge_id, alias, n in named:
            if not n:
                raise UsageError(f"The judge {alias} has scored no turn yet.", do="run `empathy score` with it")
            return judge_id, alias
        raise JudgeChoiceError(f"No judge is called {judge!r}.", do=f"name one of: {listing or 'none has scored'}")
    if not scored:
        raise UsageError("No turn has a score yet.", do="run `empathy score` first")
    if len(scored) > 1:
        raise JudgeChoiceError(
            "Several judges have scores, and which of them counts is not said.",
            do=f"name one with --judge-id: {listing}",
        )
    return scored[0][0], scored[0][1]


def snapshot_scores(
    connection: duckdb.DuckDBPyConnection,
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    judge_id: str,
    alias: str,
    taken_from: Sequence[ArtifactRef] = (),
) -> ArtifactRef:
    """Return the artifact of the judge's scores for the turns of the corpus, making it if they changed.

    `taken_from` are artifacts that the scores come from, where no call of this judge gave them.
    """
    turn_files = [str(artifacts.open(ref) / "turns.parquet") for ref in corpus]
    query = (resources.files("tasks.scoring.ledger") / "snapshot.sql").read_text(encoding="utf-8")
    connection.execute(query, {"judge_id": judge_id, "turn_files": turn_files})
    n_rows, n_scored, content = connection.execute(_DIGEST).fetchone() or (0, 0, 0)
    cost_usd, n_unpriced = connection.execute(_COST, {"judge_id": judge_id}).fetchone() or (None, 0)
    recipe = Recipe(
        kind="scores",
        stage_version=SCORES_VERSION,
        config={"judge_id": judge_id, "alias": alias},
        parents=tuple(corpus),
        inputs={"scores": str(content)},
        taken_from=tuple(taken_from),
    )

    def build(folder: Path) -> dict[str, Any]:
        connection.execute("COPY snapshot TO $file (FORMAT parquet)", {"file": str(folder / "scores.parquet")})
        paid = {"cost_usd": cost_usd, "n_calls_unpriced": n_unpriced}
        judge = describe_judge(connection, judge_id)
        return {"n_rows": n_rows, "n_scored": n_scored, "judge_id": judge_id, "alias": alias, "judge": judge, **paid}

    return artifacts.produce(recipe, build)


def describe_judge(connection: duckdb.DuckDBPyConnection, judge_id: str) -> dict[str, Any]:
    """Return kind, model, rubric and parameters of a judge: models are trained where its table may not be."""
    kind, model, rubric, parameters = connection.execute(_JUDGE, {"judge_id": judge_id}).fetchone() or (
        "",
        "",
        "",
        "{}",
    )
    return {"kind": kind, "model": model, "rubric": rubric or "", "parameters": json.loads(parameters)}
