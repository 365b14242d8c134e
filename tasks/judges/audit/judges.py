"""Whose scores an audit is of, and whose stand beside them."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.home import Home, read_corpus
from tasks.schema import ArtifactRef
from tasks.scoring import choose_judge, snapshot_scores

if TYPE_CHECKING:
    import duckdb

Found = tuple[list[ArtifactRef], ArtifactRef, ArtifactRef | None]


def find_audited(home: Home, judge: str, other: str) -> Found:
    """Return the corpus, the scores in force of a judge, and those of another judge, None if there is none.

    `other` is an id or alias; where it is empty, it is the judge that has scored most of the same turns, if that is
    one. Raises JudgeChoiceError and UsageError where one is not known.
    """
    with home.store.transaction() as connection:
        corpus = read_corpus(connection)
        chosen = choose_judge(connection, judge)
        beside = choose_judge(connection, other) if other else find_other(connection, chosen[0])
        if beside == chosen:
            raise UsageError(f"{chosen[1]} cannot differ from itself.", do="name another judge with --other")
        scores = snapshot_scores(connection, home.artifacts, corpus, *chosen)
        theirs = snapshot_scores(connection, home.artifacts, corpus, *beside) if beside else None
    home.record_all([scores, *([theirs] if theirs else [])])
    return corpus, scores, theirs


def find_other(connection: duckdb.DuckDBPyConnection, judge_id: str) -> tuple[str, str] | None:
    """Return (judge_id, alias) of the one judge that has scored more of this one's turns than any other."""
    query = (resources.files("tasks.judges.audit") / "other_judges.sql").read_text(encoding="utf-8")
    found = connection.execute(query, {"judge_id": judge_id}).fetchall()
    if not found or (len(found) > 1 and found[0][2] == found[1][2]):
        return None
    return found[0][0], found[0][1]
