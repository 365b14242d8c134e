"""What `empathy judge audit` drew, and what people said of it, as tables of at most 100 columns."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.judge_tables import wrap
from flows.terminal import Listing, make_table

if TYPE_CHECKING:
    from rich.table import Table

    Tables = list[Table | Listing]

Record = dict[str, Any]
MOST_REJECTED = 20
"""Rows shown of what could not be used; --json has all."""
GUIDE = (
    ("sensibility", "0 to 10: how warmly the response feels with the speaker"),
    ("rationality", "0 to 10: how well it understands the situation and helps to think about it"),
    ("rating", "1 to 3, if you like: how good the response is as a whole"),
    ("note", "anything; leave a turn empty that you cannot judge"),
)


def make_sheet_tables(facts: Record, path: Path, n: int, at: str = "") -> Tables:
    """Return what was drawn, how to fill it in, and how to go on; `at` is the home as a command must have it."""
    few = f" ({n:,} were asked for: there are no more)" if facts["n_rows"] < n else ""
    rows: list[tuple[str, object]] = [
        ("sheet", str(path)),
        ("turns", f"{facts['n_rows']:,} of the {facts['n_turns']:,} that {facts['alias']} has scored{few}"),
        *wrap("judge beside", f"{facts['other'] or 'none'} ({facts['why_other']})"),
        *wrap("thresholds", f"{write_bounds(facts['thresholds'])} ({facts['why_thresholds']})"),
    ]
    strata = make_table(
        "Drawn", ["stratum", "scored", "drawn"], [(name, *counts) for name, counts in facts["strata"].items()]
    )
    then = f"empathy judge audit --take {shlex.quote(str(path))}{at}"
    steps: list[tuple[str, object]] = [*GUIDE, ("then", then)]
    return [Listing("Audit", rows), strata, Listing("To fill in, a copy for each person", steps)]


def write_bounds(thresholds: Record) -> str:
    """Return two thresholds as people say them: one number where they are alike."""
    if len(set(thresholds.values())) == 1:
        return f"{thresholds['sensibility']:g}"
    return ", ".join(f"{name} {bound:g}" for name, bound in thresholds.items())


def make_rating_tables(facts: Record, at: str = "") -> Tables:
    """Return who rated what, how raters agree, and how the judge agrees with them."""
    rows: list[tuple[str, object]] = [("ratings", facts["alias"]), ("of", facts["judge"])]
    for name, n in facts["n_rated"].items():
        noted, empty = facts["n_noted"][name], facts["n_unrated"][name]
        rows.append((f"rater {name}", f"{n:,} turns rated, {noted:,} with a note alone, {empty:,} left empty"))
    if facts["replaces"]:
        before, names = facts["replaces"]["alias"], ", ".join(facts["replaces"]["raters"])
        rows += wrap("replaces", f"{before} of {names}; give both sheets with --take to join them")
    known, rated = facts["n_emotions"]
    rows.append(("emotions", f"{rated} of {known} have a rated turn"))
    rows.append(("say as much as", f"{facts['n_effective']:g} turns drawn alike (weights)"))
    tables: Tables = [Listing("Ratings of people", rows)]
    tables += make_rejected_tables(facts["rejected"])
    strata = [(name, *counts) for name, counts in facts["strata"].items()]
    tables.append(make_table("Rated turns by stratum", ["stratum", "scored", "drawn", "rated"], strata))
    if facts["between_raters"]:
        alphas = [
            (one["axis"], one["n_raters"], one["n_twice"], write_figure(one["alpha"]))
            for one in facts["between_raters"]
        ]
        columns = ["Krippendorff's alpha between raters", "raters", "turns of two or more", "alpha [95 %]"]
        tables.append(make_table("Raters among themselves", columns, alphas))
    tables.append(make_agreement_table(facts))
    tables += list_gaps(facts)
    return [*tables, Listing("Use", list_uses(facts, at))]


def make_agreement_table(facts: Record) -> Table:
    """Return the judge's agreement with people, on the sheet and in the corpus."""
    rows = [
        (f"{one['measure']}, {one['of']}", one["plain"]["n"], write_figure(one["plain"]), write_figure(one["weighted"]))
        for one in facts["figures"]
    ]
    title = (
        f"{facts['judge']} with people (95 % intervals over dialogues; threshold {write_bounds(facts['thresholds'])})"
    )
    return make_table(title, ["", "turns", "on the sheet", "in the corpus (weighted)"], rows)


def write_figure(figure: Record) -> str | None:
    """Return a measure with its interval as a cell; nothing where it is not defined."""
    if figure["value"] is None:
        return None
    value, *ends = (round(figure[name], 2) + 0.0 for name in ("value", "low", "high") if figure[name] is not None)
    return f"{value:.2f} [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else f"{value:.2f}"  # no -0.00: 0.0 was added


def list_gaps(facts: Record) -> Tables:
    """Return why a measure or an interval is missing."""
    figures = [one["plain"] for one in facts["figures"]] + [one["alpha"] for one in facts["between_raters"]]
    reasons = dict.fromkeys(figure["why"] for figure in figures if figure["why"])
    return [Listing("Not measured, and why", [("–", why) for why in reasons])] if reasons else []


def make_rejected_tables(rejected: Sequence[Record]) -> Tables:
    """Return what could not be used, row by row."""
    if not rejected:
        return []
    rows: list[tuple[str, object]] = []
    for one in rejected[:MOST_REJECTED]:
        rows += wrap(f"{one['file'][:24]} row {one['line']}", one["reason"])
    if len(rejected) > MOST_REJECTED:
        rows.append(("", f"and {len(rejected) - MOST_REJECTED:,} more (--json has all)"))
    return [Listing(f"Not used: {len(rejected):,} rows or cells", rows)]


def list_uses(facts: Record, at: str) -> list[tuple[str, object]]:
    """Return what can be done with the ratings."""
    judge = facts["judge_id"]  # an alias may be that of several
    n = facts["n_calibration"]
    return [
        ("validate", f"empathy judge validate {judge} --against ratings{at}"),
        ("calibrate", f"empathy judge calibrate {judge} --to ratings{at}"),
        ("", f"with {n:,} turns that have both scores and are not of the split test; 50 are needed"),
    ]
