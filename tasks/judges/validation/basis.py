"""Which turns a judge's scores are of, and whether it gave them itself: what active scoring leaves behind."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.errors import UsageError
from tasks.home import Home
from tasks.judges.active import AUDIT, GUESSED
from tasks.judges.validation.named_scores import NamedScores

_GUESSES = "SELECT count(*) FROM scores WHERE judge_id = $judge_id AND method = $method AND sensibility IS NOT NULL"


def describe_basis(home: Home, judges: Iterable[NamedScores]) -> tuple[str, ...]:
    """Return sentences on judges whose scores are guesses in part, or of turns that were chosen for being uncertain."""
    notes = []
    for judge in judges:
        n_guesses = count_guesses(home, judge.identity)
        if n_guesses:
            notes.append(f"{n_guesses:,} of the scores of {judge.name} are guesses from those that a judge gave")
        elif home.artifacts.get_current(AUDIT.format(judge_id=judge.identity.rpartition("/")[2])):
            notes.append(
                f"{judge.name} was asked by active scoring: it scored turns that were chosen for being uncertain, "
                "which are no sample of the corpus"
            )
    return tuple(notes)


def count_guesses(home: Home, judge_id: str) -> int:
    """Return how many of a judge's scores active scoring guessed."""
    with home.store.transaction() as connection:
        (n,) = connection.execute(_GUESSES, {"judge_id": judge_id, "method": GUESSED}).fetchone() or (0,)
    return int(n)


def refuse_guesses(kind: str, alias: str) -> None:
    """Raise UsageError for a judge of active scoring: what is learnt from its scores is learnt from guesses."""
    if kind == "active":
        raise UsageError(
            f"The scores of {alias} are guesses in part, and nothing new can be learnt from these.",
            do="name the judge that was asked",
        )
