"""Filled sheets taken back: whose audit they are of, and the ratings that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifacts import ArtifactStore
from tasks.errors import UsageError
from tasks.judges.audit.design import count_strata
from tasks.judges.audit.draw import AUDIT_FILE
from tasks.judges.audit.figures import measure_audit, measure_raters
from tasks.judges.audit.returned import Answers, FilledSheet, Rejected, check_rows, read_sheet
from tasks.judges.audit.sheet import NUMBERS, TEXTS
from tasks.judges.audit.thresholds import read_bounds
from tasks.judges.validation.kept_ratings import COLUMNS, average_raters, keep_ratings
from tasks.schema import ArtifactRef
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

AUDIT = "audit"


@dataclass(frozen=True)
class Taken:
    """The ratings, the audit they belong to, and what of the sheets could not be used."""

    ratings: ArtifactRef
    audit: ArtifactRef
    rejected: list[Rejected]


def take_sheets(
    artifacts: ArtifactStore, paths: Sequence[Path], raters: Sequence[str], judge_id: str | None = None
) -> Taken:
    """Return the ratings in filled sheets of one audit (of this judge, if it is named), and what was rejected.

    Raises UsageError and SourceError where a sheet is none, belongs to no audit here, or nothing in them can be used.
    """
    sheets = [read_sheet(path) for path in paths]
    names = name_raters(paths, raters)
    audit = find_audit(artifacts, sheets, judge_id)
    manifest = artifacts.read_manifest(audit.uri)
    drawn = read_audit(artifacts, audit)
    texts = {row["turn_key"]: row for row in drawn.select("turn_key", *TEXTS).iter_rows(named=True)}
    answers = [check_rows(sheet, texts, name) for sheet, name in zip(sheets, names, strict=True)]
    rejected = [one for answer in answers for one in answer.rejected]
    table = make_table(answers)
    if table.select(list(NUMBERS)).null_count().sum_horizontal().item() == len(NUMBERS) * len(table):
        raise refuse_all(rejected, paths)
    facts = describe_ratings(table, drawn, manifest, answers)
    return Taken(keep_ratings(artifacts, table, facts, audit), audit, rejected)


def refuse_all(rejected: Sequence[Rejected], paths: Sequence[Path]) -> UsageError:
    """Return the error of sheets without any rating that can be used."""
    why, do = "", "fill in the sheet first"
    if rejected:
        why = f"; {len(rejected):,} rows or cells were rejected, first: {rejected[0].reason}"
        do = "give the sheet as it was drawn, with numbers on their scales; Excel changes least as `CSV UTF-8`"
    return UsageError(f"No turn has a rating that can be used{why}.", str(paths[0])[:200], do)


def name_raters(paths: Sequence[Path], raters: Sequence[str]) -> list[str]:
    """Return a name for each sheet's rater: as given, else that of the file. Raises UsageError where two are alike."""
    if raters and len(raters) != len(paths):
        raise UsageError(
            f"{len(paths)} sheets and {len(raters)} raters.", do="give --rater once for each --take, or never"
        )
    names = list(raters) or [path.stem for path in paths]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"Two sheets are of one rater: {twice!r}.", do="name them apart: --rater NAME for each --take")
    return names


def find_audit(artifacts: ArtifactStore, sheets: Sequence[FilledSheet], judge_id: str | None) -> ArtifactRef:
    """Return the audit whose turns are most like those on the sheets; of equal ones the last drawn."""
    keys = {row.get("turn_key", "").strip().lower() for sheet in sheets for _, row in sheet.rows}
    best, most = None, 0.0
    for ref in artifacts.list_refs(AUDIT):
        if judge_id is not None and artifacts.read_manifest(ref.uri)["facts"]["judge_id"] != judge_id:
            continue
        drawn = set(read_audit(artifacts, ref)["turn_key"])
        alike = len(keys & drawn) / len(keys | drawn)
        if alike >= most and keys & drawn:
            best, most = ref, alike
    if best is None:
        raise UsageError(
            "No audit of this home has drawn any turn of the sheet.",
            ", ".join(sheet.name for sheet in sheets)[:200],
            "take it back in the home that drew it (--home); the column turn_key must be as it was",
        )
    return best


def read_audit(artifacts: ArtifactStore, audit: ArtifactRef) -> pl.DataFrame:
    """Return the turns of an audit in the order of their sheet."""
    import polars as pl

    return pl.read_parquet(artifacts.open(audit) / AUDIT_FILE, glob=False)


def make_table(answers: Sequence[Answers]) -> pl.DataFrame:
    """Return all answers as ratings are kept."""
    import polars as pl

    schema = {name: pl.Float64 if name in NUMBERS else pl.String for name in COLUMNS}
    return pl.DataFrame([row for answer in answers for row in answer.rows], schema=schema)


def describe_ratings(
    table: pl.DataFrame, drawn: pl.DataFrame, manifest: dict[str, Any], answers: Sequence[Answers]
) -> dict[str, Any]:
    """Return as facts: who rated how much of which stratum, how raters agree, and how the judge does with them."""
    import polars as pl

    audit, bounds = manifest["facts"], read_bounds(manifest["config"])
    means = average_raters(table).filter(pl.any_horizontal(pl.col(list(NUMBERS)).is_not_null()))
    rated = drawn.join(means, on="turn_key", how="semi")
    counted = count_strata(rated)
    both = drawn.join(means.drop_nulls(DIMENSIONS), on="turn_key", how="semi")
    raters = [answer.rater for answer in answers]
    return {
        "raters": raters,
        "n_rated": {answer.rater: answer.n_rated for answer in answers},
        "n_noted": {answer.rater: answer.n_noted for answer in answers},
        "n_unrated": {answer.rater: answer.n_unrated for answer in answers},
        "judge_id": audit["judge_id"], "judge": audit["alias"],
        "thresholds": dict(zip(DIMENSIONS, bounds, strict=True)),
        "n_corpus": audit["n_turns"], "n_drawn": audit["n_rows"],
        "n_emotions": [audit["n_emotions"], rated["emotion"].n_unique()],
        "strata": {name: [*counts, counted[name]] for name, counts in audit["strata"].items()},
        "n_calibration": len(both.filter(pl.col("split") != "test")),
        "between_raters": measure_raters(table, drawn, raters),
        **measure_audit(drawn, means, bounds),
    }  # fmt: skip
