"""The turns that judges and a reference have in common, with all their scores, texts and places."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from importlib import resources
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.home import Home
from tasks.judges.validation.basis import describe_basis
from tasks.judges.validation.kept_ratings import names_kept, refer_to
from tasks.judges.validation.named_scores import (
    DISTILLED,
    REPLIES,
    NamedScores,
    fetch,
    identify_bundled,
    read_scores,
    score_locally,
    tie_to_turns,
)
from tasks.judges.validation.places import expand_home
from tasks.judges.validation.ratings import SUFFIXES, Reference, check_values, read_ratings
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import duckdb
    import polars as pl

MOST_TURNS = 10_000
"""More turns narrow no interval that matters; those with the lowest hashes of their keys stand for all."""
LEAST_TURNS = 10


@dataclass(frozen=True)
class JudgedTurns:
    """Turns (n) with what all judges gave them, in the columns that `score_column` names."""

    judges: tuple[str, ...]
    turns: pl.DataFrame
    reference: Reference | None
    left_out: dict[str, int]
    n_common: int
    """Turns in common, of which at most MOST_TURNS are measured."""
    n_rated: int | None
    """Rows of a file of ratings that could be used; None of another reference, or none."""
    basis: tuple[str, ...] = ()
    """What is to be known of how the scores came about, in sentences."""


def score_column(judge: int, dimension: str) -> str:
    """Return the column of a judge's scores."""
    return f"judge_{judge}_{dimension}"


def gather_turns(home: Home, judges: Sequence[str], against: str | None, mapping: Mapping[str, str]) -> JudgedTurns:
    """Return the turns that all judges have scored, and the reference has rated if there is one.

    A judge is `distilled` (which scores the turns now), `replies:FILE`, or a judge of the home by id or alias;
    `against` is one of these, a file of ratings, or `ratings[:DIGEST]`, which the home keeps. Raises UsageError and
    its kinds for what cannot be compared.
    """
    reference = read_reference(home, against, mapping) if against else None
    if mapping and (reference is None or not names_file(against or "")):
        raise UsageError("--map belongs to a file of ratings.", do="give it with --against FILE")
    wanted = [*judges, *([against] if against and reference is None else [])]
    turns, named, n_common = find_common(home, wanted, reference)
    check_all_differ(wanted, named)
    if n_common < LEAST_TURNS:
        raise too_few(n_common, wanted, reference)
    if DISTILLED in wanted:
        named[DISTILLED] = score_locally(turns)
    for place, judge in enumerate(judges):
        turns = add_scores(turns, named[judge], [score_column(place, name) for name in DIMENSIONS])
    n_rated = None
    if reference is not None:
        n_rated = len(reference.turns)
        reference = replace(reference, turns=turns)
    elif against:
        turns = add_scores(turns, named[against], [f"reference_{name}" for name in DIMENSIONS])
        reference = Reference(named[against].name, DIMENSIONS, turns)
    if reference is not None:
        check_values(reference)
    left_out = count_left_out(reference, named)
    basis = describe_basis(home, [one for name, one in named.items() if name != DISTILLED])
    return JudgedTurns(name_judges(judges, named), turns, reference, left_out, n_common, n_rated, basis)


def read_reference(home: Home, against: str, mapping: Mapping[str, str]) -> Reference | None:
    """Return the ratings that a reference names; None where it names a judge."""
    if names_kept(against):
        return refer_to(home.artifacts, against)
    return read_ratings(expand_home(against), mapping) if names_file(against) else None


def check_all_differ(wanted: Sequence[str], named: Mapping[str, NamedScores]) -> None:
    """Raise UsageError where two names, such as id and alias, are of one judge."""
    first: dict[str, str] = {}
    for name in wanted:
        identity = named[name].identity if name in named else identify_bundled()
        if identity in first:
            both = repr(name) if name == first[identity] else f"{first[identity]!r} and {name!r}"
            raise UsageError(f"A judge cannot be compared with itself: {both}.", do="name each judge once")
        first[identity] = name


def find_common(
    home: Home, wanted: Sequence[str], reference: Reference | None
) -> tuple[pl.DataFrame, dict[str, NamedScores], int]:
    """Return the common turns (at most MOST_TURNS), the scores of all but the bundled judge, how many turns there are.

    The home is opened only where something stands in it and nowhere else.
    """
    named: dict[str, NamedScores] = {}
    has_texts = reference is not None and reference.turns["response"].null_count() == 0
    if reference is not None and has_texts and set(wanted) == {DISTILLED}:
        return cut(reference.turns), named, len(reference.turns)
    with home.store.transaction() as connection:
        named = {name: read_scores(connection, name) for name in wanted if name != DISTILLED}
        tables = [one.table for one in named.values()]
        if reference is None:
            common = keep_common(fetch(connection, "SELECT DISTINCT turn_key FROM turns"), tables)
            return read_home_turns(connection, cut(common)["turn_key"]), named, len(common)
        rated = reference.turns if has_texts else add_home_texts(connection, reference.turns)
    common = keep_common(rated, tables)
    return cut(common), named, len(common)


def keep_common(turns: pl.DataFrame, tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the turns that stand in all of the tables of scores."""
    return reduce(lambda kept, table: kept.join(table, on="turn_key", how="semi"), tables, turns)


def cut(turns: pl.DataFrame) -> pl.DataFrame:
    """Return at most MOST_TURNS turns, in an order that does not depend on how they were read."""
    import polars as pl

    if len(turns) > MOST_TURNS:  # somebody's own keys may go by what they are of: only a hash of them draws blindly
        digests = [hashlib.sha256(key.encode()).digest() for key in turns["turn_key"].to_list()]
        lots = turns.with_columns(pl.Series("lot", digests, pl.Binary))
        turns = lots.sort("lot", maintain_order=True).head(MOST_TURNS).drop("lot")
    return turns.sort("turn_key", maintain_order=True)


def add_scores(turns: pl.DataFrame, scores: NamedScores, columns: Sequence[str]) -> pl.DataFrame:
    """Return the turns with a judge's sensibility and rationality under these names."""
    import polars as pl

    renamed = {column: pl.col(name) for column, name in zip(columns, DIMENSIONS, strict=True)}
    return turns.join(scores.table.select("turn_key", **renamed), on="turn_key", how="left", maintain_order="left")


def names_file(against: str) -> bool:
    """Say whether a reference is a file of ratings, which ends as one, and not a judge."""
    return not against.startswith(REPLIES) and against.lower().endswith(SUFFIXES)


def too_few(n_common: int, wanted: Sequence[str], reference: Reference | None) -> UsageError:
    """Return the error for what cannot be measured."""
    scored = " and ".join(name for name in wanted if name != DISTILLED)
    needed = f"at least {LEAST_TURNS} are needed."
    if reference is None:
        said = f"Turns with scores of {scored}" if scored else "Turns in this home"
        return UsageError(f"{said}: {n_common:,}; {needed}", do="ingest, or score, more of them")
    if not scored:
        return UsageError(f"Turns rated in {reference.name}: {n_common:,}; {needed}", do="rate more of them")
    return UsageError(
        f"Of {len(reference.turns):,} turns rated in {reference.name}, {n_common:,} have scores of {scored}; {needed}",
        do="let the judge score them: --to-ingest FILE writes their texts, for a home of their own (--home)",
    )


def read_home_turns(connection: duckdb.DuckDBPyConnection, keys: pl.Series) -> pl.DataFrame:
    """Return the home's turns with these keys, each text once."""
    import polars as pl

    query = (resources.files("tasks.judges.validation") / "home_turns.sql").read_text(encoding="utf-8")
    return fetch(connection, query, keys=keys.to_list()).with_columns(pl.lit(None, pl.String).alias("system"))


def add_home_texts(connection: duckdb.DuckDBPyConnection, rated: pl.DataFrame) -> pl.DataFrame:
    """Return rated turns with the texts, place and emotion that this home has for their key or their place.

    Those whose text stands nowhere are left out.
    """
    import polars as pl

    tied = tie_to_turns(connection, rated)
    found = read_home_turns(connection, tied["turn_key"].drop_nulls().unique())
    joined = tied.join(found, on="turn_key", how="left", suffix="_home", maintain_order="left")
    filled = {name: pl.coalesce(name, f"{name}_home") for name in found.columns if name != "turn_key"}
    return joined.with_columns(**filled).select(rated.columns).drop_nulls("response")


def name_judges(judges: Sequence[str], named: Mapping[str, NamedScores]) -> tuple[str, ...]:
    """Return a name for each judge, all different."""
    names = [named[judge].name for judge in judges]
    return tuple(judge if names.count(name) > 1 else name for judge, name in zip(judges, names, strict=True))


def count_left_out(reference: Reference | None, named: Mapping[str, NamedScores]) -> dict[str, int]:
    """Return how many rows and replies could not be used, by reason."""
    counts = Counter(reference.left_out) if reference is not None else Counter()
    for one in named.values():
        counts.update(one.left_out)
    return dict(counts)
