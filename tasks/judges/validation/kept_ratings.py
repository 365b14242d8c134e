"""Ratings that this home keeps, as an artifact: what people said of a drawn sheet, or a file that was taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifacts import ArtifactStore, find_artifact
from tasks.errors import UsageError
from tasks.home import Home
from tasks.judges.validation.columns import AXES
from tasks.judges.validation.named_scores import tie_to_turns
from tasks.judges.validation.ratings import Reference, make_turns, read_ratings
from tasks.manifest import Recipe, hash_file
from tasks.schema import ArtifactRef, digest_of
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

KEPT = "ratings"
"""What names them in a command, with `:DIGEST` if not the last ones; also their kind, and what is current."""
RATINGS_FILE = "ratings.parquet"
RATINGS_VERSION = 2
MOSTLY = 0.9
"""Share of the rated turns that an axis must be rated on: all axes are compared on the same turns."""
COLUMNS = ("turn_key", "rater", *DIMENSIONS, "rating", "note")


def names_kept(reference: str) -> bool:
    """Say whether a reference is of ratings that the home keeps: `ratings` or `ratings:DIGEST`."""
    return reference == KEPT or reference.startswith(f"{KEPT}:")


def find_ratings(artifacts: ArtifactStore, reference: str) -> ArtifactRef:
    """Return the ratings that `ratings` or `ratings:DIGEST` names. Raises UsageError where there are none."""
    if reference != KEPT:
        return find_artifact(artifacts, KEPT, reference.partition(":")[2])
    found = artifacts.get_current(KEPT)
    if found is None:
        do = "draw a sheet with `empathy judge audit OUT.csv`, and bring it back with --take"
        raise UsageError("This home has no ratings of people yet.", do=do)
    return found


def keep_ratings(
    artifacts: ArtifactStore, table: pl.DataFrame, facts: Mapping[str, Any], source: ArtifactRef | Path
) -> ArtifactRef:
    """Return the artifact of a table of ratings (COLUMNS), which came from an audit or from a file."""
    table = table.select(COLUMNS).sort(COLUMNS)
    # other raters, and other sheets, may have the same rows: what is said of them is part of the recipe
    inputs = {"rows": digest_of({"rows": table.rows()}), "facts": digest_of(dict(facts))}
    parents: tuple[ArtifactRef, ...] = ()
    if isinstance(source, Path):
        inputs["file"] = hash_file(source)
    else:
        parents = (source,)
    recipe = Recipe(KEPT, RATINGS_VERSION, {}, parents, inputs)

    def build(folder: Path) -> dict[str, Any]:
        table.write_parquet(folder / RATINGS_FILE)
        n_turns = table["turn_key"].n_unique()
        return {"n_rows": len(table), "n_turns": n_turns, "alias": f"{KEPT}:{recipe.digest[:12]}", **facts}

    return artifacts.produce(recipe, build)


def read_both(path: Path, mapping: Mapping[str, str]) -> Reference:
    """Return a file's ratings on both dimensions. Raises UsageError where one is missing, or as `read_ratings`."""
    read = read_ratings(path, mapping, DIMENSIONS)
    if not set(DIMENSIONS) <= set(read.axes):
        raise UsageError(
            f"The ratings in {path.name} have no {' and '.join(name for name in DIMENSIONS if name not in read.axes)}.",
            str(path)[:200],
            "a map needs ratings of both on the scale 0 to 10; --map COLUMN=sensibility says which column is what",
        )
    return read


def keep_file(home: Home, path: Path, mapping: Mapping[str, str]) -> ArtifactRef:
    """Return the artifact of a file's ratings on both dimensions. Raises SourceError and UsageError as `read_both`.

    Rows without a text or a key are those of the home's turns at their place.
    """
    import polars as pl

    turns = read_both(path, mapping).turns
    if turns["turn_key"].null_count():
        with home.store.transaction() as connection:
            turns = tie_to_turns(connection, turns)
    turns = turns.drop_nulls("turn_key")
    table = turns.select(
        "turn_key", pl.lit("").alias("rater"), *(pl.col(f"reference_{name}").alias(name) for name in DIMENSIONS),
        pl.lit(None, pl.Float64).alias("rating"), pl.lit("").alias("note"),
    )  # fmt: skip
    return keep_ratings(home.artifacts, table, {"source": path.name, "raters": []}, path)


def read_kept(artifacts: ArtifactStore, ref: ArtifactRef) -> pl.DataFrame:
    """Return ratings as they are kept: COLUMNS, a row for each turn and rater."""
    import polars as pl

    return pl.read_parquet(artifacts.open(ref) / RATINGS_FILE, glob=False)


def average_raters(table: pl.DataFrame, axes: Sequence[str] = AXES) -> pl.DataFrame:
    """Return the mean of the raters per turn: turn_key and each axis, NULL where nobody rated it."""
    import polars as pl

    return table.group_by("turn_key").agg(pl.col(axes).mean()).sort("turn_key")


def refer_to(artifacts: ArtifactStore, reference: str) -> Reference:
    """Return kept ratings as what a judge is compared with.

    An axis that is rated on far fewer turns than another, or alike on all, is left aside; turns that lack one of the
    others are counted as left out. Raises UsageError where nothing differs.
    """
    ref = find_ratings(artifacts, reference)
    facts = artifacts.read_manifest(ref.uri)["facts"]
    means = average_raters(read_kept(artifacts, ref))
    counts = {axis: len(means) - means[axis].null_count() for axis in AXES if means[axis].drop_nulls().n_unique() > 1}
    axes = tuple(axis for axis in counts if counts[axis] >= MOSTLY * max(counts.values()))
    if not axes:
        raise UsageError(
            f"In {facts['alias']} every turn has the same rating: nothing can agree or disagree with it.",
            do="compare with ratings that differ",
        )
    rated = means.drop_nulls(axes)
    left_out = Counter({f"no rating on {' and '.join(axes)}": len(means) - len(rated)})
    rows = [
        {"turn_key": row["turn_key"]} | {f"reference_{axis}": row[axis] for axis in axes}
        for row in rated.iter_rows(named=True)
    ]
    note = ""
    if "strata" in facts:
        note = (
            "the rated turns were drawn by an audit, hard ones more often: these figures are of the sample; "
            "`empathy judge audit --take` weighs them back to the corpus"
        )
    return Reference(facts["alias"], axes, make_turns(rows, axes), +left_out, note)
