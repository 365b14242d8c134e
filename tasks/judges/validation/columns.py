"""Which column of somebody's file is what: by its name, or as a mapping says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.errors import SourceError, UsageError

if TYPE_CHECKING:
    import polars as pl

AXES = ("rating", "sensibility", "rationality")
"""What a person or another judge may have said of a turn; the latter two on the judge's own scale, 0 to 10."""
PLACES = ("turn_key", "dialogue_id", "utterance_idx", "emotion", "system", "context")
OURS = (*PLACES, "response", *AXES)
PER_SYSTEM = ("response", *AXES)
"""Columns that a file may have once per system: response_gpt, rating_gpt."""
ALIASES = {"dialog_id": "dialogue_id", "conv_id": "dialogue_id", "speaker_uttr": "context", "prompt": "context"}


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Return a mapping given as `column=ours`. Raises UsageError for what is none of our names, or given twice."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        column, _, ours = pair.rpartition("=")
        if not column or not is_ours(ours):
            raise UsageError(
                f"--map {pair[:80]!r} maps no column to a name of ours.",
                do=f"write COLUMN=NAME with a name of {', '.join(OURS)}, or one per system like response_gpt",
            )
        if column in mapping or ours in mapping.values():
            raise UsageError(f"--map gives {column!r} or {ours!r} twice.", do="map each column to a name of its own")
        mapping[column] = ours
    return mapping


def is_ours(name: str) -> bool:
    """Say whether a name is one of OURS, or one of PER_SYSTEM with the system behind it."""
    head, _, system = name.partition("_")
    return name in OURS or (head in PER_SYSTEM and bool(system))


def rename_columns(table: pl.DataFrame, mapping: Mapping[str, str], where: str) -> pl.DataFrame:
    """Return the columns that are ours under our names. Raises SourceError where a mapped column is missing."""
    import polars as pl

    missing = [column for column in mapping if column not in table.columns]
    if missing:
        raise SourceError(
            f"The file has no column {missing[0]!r}.", where=where, do=f"it has: {', '.join(table.columns)[:300]}"
        )
    taken = set(mapping.values())
    names = dict(mapping)
    for column in table.columns:
        ours = ALIASES.get(column, column)
        if column not in mapping and ours not in taken and is_ours(ours):
            names[column] = ours
            taken.add(ours)
    return pl.DataFrame({ours: table.get_column(column) for column, ours in names.items()})


def stack_systems(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return one row a response where a row holds those of several systems: `system` says whose it is."""
    import polars as pl

    systems = [name.removeprefix("response_") for name in table.columns if name.startswith("response_")]
    if "response" in table.columns or not systems:
        return table.select(name for name in table.columns if name in OURS)
    shared = [name for name in table.columns if name in PLACES and name != "system"]
    parts = []
    for system in systems:
        own = {f"{name}_{system}": name for name in PER_SYSTEM if f"{name}_{system}" in table.columns}
        if len(own) < 2:
            raise SourceError(
                f"The file has a column response_{system}, and none of ratings of it.",
                where=where,
                do=f"call that column rating_{system}, or map it: --map COLUMN=rating_{system}",
            )
        part = {name: table.get_column(name) for name in shared} | {own[name]: table.get_column(name) for name in own}
        parts.append(pl.DataFrame(part).with_columns(pl.lit(system).alias("system")))
    return pl.concat(parts, how="diagonal")
