"""Ratings of responses by people or by another judge, from any CSV, JSON Lines or Parquet file."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import SourceError
from tasks.judges.validation.columns import AXES, rename_columns, stack_systems
from tasks.judges.validation.places import is_file
from tasks.judges.validation.texts import read_context
from tasks.schema import make_turn_key

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
SCALE = (0.0, 10.0)
LAST_PLACE = 2**31 - 1
"""No dialogue is longer: a home keeps places as 32 bits."""


@dataclass(frozen=True)
class Reference:
    """What a judge is compared with: `turns` has a row a rated turn, and `reference_AXIS` for each of `axes`."""

    name: str
    axes: tuple[str, ...]
    turns: pl.DataFrame
    """turn_key, dialogue_id, utterance_idx, emotion, system, prompt, response, each NULL where it is not known."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows that could not be used, by reason."""
    note: str = ""
    """What to know of them before believing the figures."""


def read_ratings(path: Path, mapping: Mapping[str, str], wanted: Sequence[str] = AXES) -> Reference:
    """Read a file of ratings on the axes that are wanted.

    Raises SourceError where it cannot be read, lacks columns, or rates nothing.
    """
    where = str(path)
    file = _read_table(path)
    table = stack_systems(rename_columns(file, mapping, where), where)
    axes = tuple(name for name in wanted if name in table.columns)
    has_place = {"dialogue_id", "utterance_idx"} <= set(table.columns)
    there = f"the file has: {', '.join(file.columns)[:300]}"
    if not axes and "rating" in table.columns:
        raise SourceError(
            "The file has ratings as a whole only (1 to 3): no map can lead to those.", where,
            "a map needs sensibility and rationality from 0 to 10: draw a sheet with `empathy judge audit`, or "
            "say which columns hold them with --map COLUMN=sensibility --map COLUMN=rationality",
        )  # fmt: skip
    if not axes:
        names = ("rating, or " if "rating" in wanted else "") + "sensibility and rationality (0 to 10)"
        do = f"map one: --map COLUMN={names}; {there}"
        if "reply" in file.columns:
            do = f"these are recorded replies: write replies:{where}"
        raise SourceError("The file has no column of ratings.", where, do)
    if "response" not in table.columns and "turn_key" not in table.columns and not has_place:
        do = f"map one: --map COLUMN=response, or turn_key, or dialogue_id and utterance_idx; {there}"
        raise SourceError("The file does not say which responses were rated.", where, do)
    left_out: Counter[str] = Counter()
    rows = [_read_row(row, axes, left_out) for row in table.iter_rows(named=True)]
    kept = [row for row in rows if row is not None]
    if not kept:
        reasons = ", ".join(f"{n:,} rows: {why}" for why, n in left_out.items()) or "it has no rows"
        raise SourceError(f"Nothing in the file can be used: {reasons}.", where)
    reference = Reference(path.name, axes, make_turns(kept, axes), left_out)
    check_values(reference, where)
    return reference


def check_values(reference: Reference, where: str = "") -> None:
    """Raise SourceError where scores leave the scale, or all say the same: nothing agrees or disagrees with that."""
    for axis in reference.axes:
        column = reference.turns[f"reference_{axis}"]
        low, high = (float(value) for value in np.quantile(column.to_numpy(), [0, 1]))
        if axis != "rating" and (low < SCALE[0] or high > SCALE[1]):
            odd = low if low < SCALE[0] else high
            raise SourceError(
                f"A {axis} score is {odd:g}, outside 0 to 10.",
                where,
                f"map a column on another scale as rating, not {axis}",
            )
        if low == high:
            raise SourceError(
                f"Every {axis} in the reference is {low:g}: nothing can agree or disagree with it.",
                where,
                "compare with ratings that differ",
            )


def make_turns(rows: list[dict[str, Any]], axes: tuple[str, ...]) -> pl.DataFrame:
    """Return rows as the table of a Reference."""
    import polars as pl

    message = pl.Struct({"role": pl.String, "content": pl.String})
    names = ("turn_key", "dialogue_id", "emotion", "system", "response")
    schema: dict[str, Any] = dict.fromkeys(names, pl.String)
    schema |= {"utterance_idx": pl.Int64, "prompt": pl.List(message)}
    return pl.DataFrame(rows, schema=schema | {f"reference_{axis}": pl.Float64 for axis in axes})


def _read_row(row: Mapping[str, Any], axes: tuple[str, ...], left_out: Counter[str]) -> dict[str, Any] | None:
    values = {f"reference_{axis}": to_number(row[axis]) for axis in axes}
    if None in values.values():
        left_out["no rating, or one that is no number"] += 1
        return None
    given = {name: _to_text(row.get(name)) for name in ("turn_key", "dialogue_id", "emotion", "system", "response")}
    place = to_place(row.get("utterance_idx"))
    if given["response"] is None:
        if given["turn_key"] is None and (given["dialogue_id"] is None or place is None):
            left_out["no response"] += 1
            return None
        return {**given, "utterance_idx": place, "prompt": None, **values}
    try:
        context = read_context(row.get("context"))
    except ValueError:
        left_out["a context that cannot be read"] += 1
        return None
    given["turn_key"] = given["turn_key"] or make_turn_key(context, given["response"])
    prompt = [{"role": "assistant" if role == "listener" else "user", "content": text} for role, text in context]
    return {**given, "utterance_idx": place or len(context) + 1, "prompt": prompt, **values}


def to_number(value: Any) -> float | None:
    """Return a finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def to_place(value: Any) -> int | None:
    """Return the number of an utterance, from 1; None for what is none."""
    number = to_number(value)
    return int(number) if number is not None and number.is_integer() and 1 <= number <= LAST_PLACE else None


def _to_text(value: Any) -> str | None:
    text = None if value is None else str(value).strip()
    return text or None


def _read_table(path: Path) -> pl.DataFrame:
    import polars as pl

    if path.suffix.lower() not in SUFFIXES or not is_file(path):
        raise SourceError("There is no such file of ratings.", str(path), f"give a file: {', '.join(SUFFIXES)}")
    content = io.BytesIO(path.read_bytes())  # a path could be taken for a pattern
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            return pl.read_csv(content, infer_schema=False, separator=separator)
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(content)
        return pl.read_ndjson(content, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            f"The file cannot be read: {said[:200]}", str(path), "write it anew (text in UTF-8)"
        ) from None
