"""Whose scores an audit is of, and whose stand beside them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.home import Home, read_corpus
from tasks.schema import ArtifactRef
from tasks.scoring import choose_judge, snapshot_scores

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Audited:
    """A corpus, the scores in force of a judge, and those of another judge, None if there is none."""

    corpus: list[ArtifactRef]
    scores: ArtifactRef
    other: ArtifactRef | None
    why: str
    """Why it is that other judge, or none."""


def find_audited(home: Home, judge: str, other: str) -> Audited:
    """Return what an audit of a judge looks at.

    `other` is an id or alias; where it is empty, it is the judge that has scored most of the same turns, of several
    the one with the newest scores. Raises JudgeChoiceError and UsageError where one is not known.
    """
    with home.store.transaction() as connection:
        corpus = read_corpus(connection)
        chosen = choose_judge(connection, judge)
        beside, why = (choose_judge(connection, other), "as given") if other else find_other(connection, chosen[0])
        if beside == chosen:
            raise UsageError(f"{chosen[1]} cannot differ from itself.", do="name another judge with --other")
        scores = snapshot_scores(connection, home.artifacts, corpus, *chosen)
        theirs = snapshot_scores(connection, home.artifacts, corpus, *beside) if beside else None
    home.record_all([scores, *([theirs] if theirs else [])])
    return Audited(corpus, scores, theirs, why)


def find_other(connection: duckdb.DuckDBPyConnection, judge_id: str) -> tuple[tuple[str, str] | None, str]:
    """Return (judge_id, alias) of the judge beside this one, None if there is none, and why it is that one."""
    query = (resources.files("tasks.judges.audit") / "other_judges.sql").read_text(encoding="utf-8")
    found = connection.execute(query, {"judge_id": judge_id}).fetchall()
    if not found:
        return None, "no other judge has scored the same turns"
    other_id, alias, n_common = found[0]
    n_equal = sum(row[2] == n_common for row in found)
    why = f"{n_common:,} turns scored by both"
    if n_equal > 1:
        why += f"; of {n_equal} judges with as many, the one with the newest scores"
    return (other_id, alias), why
