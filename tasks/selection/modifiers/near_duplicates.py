"""Turns that say almost what another says: the one with the smaller content hash stays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import duckdb

from tasks.config import SelectionConfig
from tasks.selection.candidates import read_sql
from tasks.selection.modifiers.filters import name_length_filters

N_PERMUTATIONS = 128
SEED = 42
BATCH = 10_000

Row = tuple[int, int, str, str, str]


def find_near_duplicates(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> None:
    """Make the table `near_duplicates`: where each removed turn stands, and the `twin` that stays for it.

    Turns come in the order of their content hash and are compared with those that stayed, so neither the order of
    rows nor threads decide. What is compared are pairs of words of the last message and the response.
    Of one database they are looked for once, however many selections with the same filters ask.
    """
    if not _is_new(connection, selection):
        return
    import polars as pl
    from rensa import RMinHash, RMinHashDeduplicator

    kept = RMinHashDeduplicator(selection.near_duplicates, N_PERMUTATIONS, use_lsh=True, seed=SEED)
    found: list[tuple[int, int, str]] = []
    for rows in _read_batches(connection, selection):
        pairs = [(row[2], split_pairs(row[3], row[4])) for row in rows]
        is_new = kept.add_pairs(pairs)
        repeated = [(row, words) for row, (_, words), new in zip(rows, pairs, is_new, strict=True) if not new]
        sketches = RMinHash.from_token_sets([words for _, words in repeated], N_PERMUTATIONS, SEED)
        twins = [min(kept.get_duplicates(sketch)) for sketch in sketches]
        found += [(row[0], row[1], twin) for (row, _), twin in zip(repeated, twins, strict=True)]
    table = pl.DataFrame(found, schema={"source": pl.Int64, "row": pl.Int64, "twin": pl.String}, orient="row")
    connection.register("found_near_duplicates", table.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE near_duplicates AS SELECT * FROM found_near_duplicates")
    connection.unregister("found_near_duplicates")


def split_pairs(message: str, response: str) -> list[str]:
    """Return the pairs of neighbouring words of an exchange; the mark between its halves is a word too."""
    words = f"{message} \x1e {response}".lower().split(" ")
    return [f"{first} {second}" for first, second in pairwise(words)]


def _read_batches(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> Iterator[list[Row]]:
    """Yield (source, row, name, last message, response) of the turns that other filters leave, in hash order."""
    connection.execute(read_sql("exchanges").format(removed=_removed(selection)))
    while rows := connection.fetchmany(BATCH):
        yield rows


def _removed(selection: SelectionConfig) -> str:
    """Return SQL that is NULL for the turns that other filters leave."""
    cases = name_length_filters(selection)
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _is_new(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> bool:
    """Note for which candidates and filters the table is; say whether it was for others, or none."""
    asked = f"{selection.near_duplicates!r} {_removed(selection)}"
    (of,) = connection.execute(
        "SELECT concat_ws(' ', $asked, getvariable('turn_files'), getvariable('scores_file'), getvariable('split'))",
        {"asked": asked},
    ).fetchone() or ("",)
    known = connection.execute("SELECT getvariable('near_duplicates_of')").fetchone()
    connection.execute("SET VARIABLE near_duplicates_of = $of", {"of": of})
    return known != (of,)
