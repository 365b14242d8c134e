"""Turns as tokens, kept on disk: an expert, its controls and the router read most turns several times.

A folder for each way of tokenising (base, template, format, length) holds a Parquet file for the new turns of a call.
It is a cache: a file that cannot be read is removed, and its turns are tokenised again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks.schema import canonical_json, digest_of

TOKENS_VERSION = 1  # raise it when the same turn gives other tokens
SCHEMA: dict[str, pl.DataType] = {
    "key": pl.Binary(),
    "prompt_ids": pl.List(pl.Int32()),
    "response_ids": pl.List(pl.Int32()),
    "is_cut": pl.Boolean(),
}
"""A turn without tokens (no response, or no room for it) has two empty lists."""

Encode = Callable[[Mapping[str, Any]], tuple[list[int], list[int], bool]]
"""A row to the tokens of its prompt and its response, and whether the prompt was cut."""


@dataclass(frozen=True)
class TokenCache:
    """Where turns are kept as tokens; any number of processes may use it at once."""

    folder: Path

    @classmethod
    def at(cls, root: Path, **ways: str | int) -> TokenCache:
        """Return the cache below `root` for one way of tokenising: everything that can change a token."""
        return cls(root / digest_of({"version": TOKENS_VERSION, **ways}))

    def encode(self, rows: pl.DataFrame, encode: Encode) -> pl.DataFrame:
        """Return the tokens (SCHEMA) of each row (prompt, completion), in order; only new rows are encoded."""
        keys = [_key_of(row) for row in rows.select("prompt", "completion").iter_rows(named=True)]
        known = self._read(keys)
        held = set(known["key"].to_list())
        fresh = []
        for key, row in zip(keys, rows.iter_rows(named=True), strict=True):
            if key not in held:
                held.add(key)
                fresh.append((key, *encode(row)))
        made = pl.DataFrame(fresh, schema=SCHEMA, orient="row")
        if len(made):
            self._write(made)
        wanted = pl.DataFrame({"key": keys}, schema={"key": pl.Binary()})
        return wanted.join(pl.concat([known, made]), on="key", how="left", maintain_order="left")

    def _read(self, keys: Sequence[bytes]) -> pl.DataFrame:
        found = [pl.DataFrame(schema=SCHEMA)]
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                part = pl.read_parquet(path, glob=False)
                found.append(part.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()))
            except (OSError, pl.exceptions.PolarsError):
                path.unlink(missing_ok=True)
        wanted = pl.Series(keys, dtype=pl.Binary).unique()
        together = pl.concat(found)
        return together.filter(pl.col("key").is_in(wanted.implode())).unique("key", keep="first")

    def _write(self, made: pl.DataFrame) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        partial = self.folder / f".{name}.partial"
        made.write_parquet(partial)
        partial.rename(self.folder / f"{name}.parquet")


def _key_of(row: Mapping[str, Any]) -> bytes:
    """Return the hash of what a turn says, to the letter: `turn_key` folds white space, which tokenizers see."""
    return hashlib.sha256(canonical_json([row["prompt"], row["completion"]])).digest()
