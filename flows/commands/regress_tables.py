"""What `empathy judge regress` found, as tables of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.terminal import Listing, make_table

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.judges import Case, RegressionRun

WIDTH = 76
"""Of a text beside its name in a listing."""
NOBODY = "none yet: --last --accept accepts this run, asking nobody"


def make_regression_tables(run: RegressionRun) -> list[Table | Listing]:
    """Return who was asked, how often each relation held, how scores stand to their ranges, and the drift."""
    return [
        Listing(f"Judge {run.judge.alias} ({run.judge.judge_id})", describe_run(run)),
        make_relation_table(run),
        make_range_table(run),
        *make_drift_tables(run),
    ]


def describe_run(run: RegressionRun) -> list[tuple[str, object]]:
    """Return what was asked and what came of it, a line each."""
    rows: list[tuple[str, object]] = [
        ("asked", f"{run.n_cases:,} cases of {run.n_anchors:,} anchors, {run.made_at[:16].replace('T', ' ')} UTC"),
        ("mean scores", ", ".join(f"{name} {tell(value)}" for name, value in run.mean.items())),
    ]
    rows += [(f"unscored: {reason}", n) for reason, n in run.n_unscored.items()]
    if run.cost_usd is None:
        rows.append(("cost in USD", "not known"))
    elif run.cost_usd:
        rows.append(("cost in USD", f"{run.cost_usd:.4f}"))
    rows.append(("record", f"regressions/{run.name}"))
    return rows


def make_relation_table(run: RegressionRun) -> Table:
    """Return how often each relation held."""
    from tasks.judges import write_rate

    rows = [(one.relation, one.n, one.n_passed, one.n_unscored, write_rate(one)) for one in run.relations]
    title = f"Relations between scores (tolerance {run.tolerance:g}; rate with its 95% interval)"
    return make_table(title, ["relation", "n", "passed", "unscored", "rate"], rows)


def make_range_table(run: RegressionRun) -> Table:
    """Return how many scores of the unchanged anchors are in the range that is expected of them."""
    rows = [
        (f"{one.dimension}, {one.kind}", one.n, one.n_inside, None if one.share is None else f"{one.share:.0%}",
         tell(one.mean_distance))
        for one in run.ranges
    ]  # fmt: skip
    columns = ["score, anchors", "n", "inside", "share", "points off, if outside"]
    return make_table("Expected ranges of the unchanged anchors", columns, rows)


def make_drift_tables(run: RegressionRun) -> list[Table | Listing]:
    """Return the run beside the accepted one, and what is wrong."""
    tables: list[Table | Listing] = []
    accepted: list[tuple[str, object]] = [("accepted run", "this one")] if run.is_accepted else []
    if run.agreement is None:
        tables.append(Listing("Drift", accepted or [("accepted run", NOBODY)]))
    else:
        title = f"Drift from the accepted run of {run.agreement.accepted_at[:16].replace('T', ' ')} UTC"
        rows = [
            (name, run.agreement.n_common, tell(one.kappa), tell(one.mean_before), tell(one.mean), f"{one.shift:+.2f}")
            for name, one in run.agreement.dimensions.items()
        ]
        tables.append(make_table(title, ["score", "cases of both", "kappa", "mean then", "mean now", "shift"], rows))
        if accepted:
            tables.append(Listing("From now on", accepted))
    wrong = [("drift", said) for said in run.drift] + [("fault", said) for said in run.faults]
    return [*tables, *([Listing("Too much", wrong)] if wrong else [])]


def make_failure_listings(run: RegressionRun, cases: Sequence[Case]) -> list[Listing]:
    """Return each case where a relation failed: its scores and texts, before and after."""
    by_name = {case.name: case for case in cases}
    found = []
    for one in run.relations:
        for failure in one.failures:
            base, case = by_name[f"{failure.anchor}/base"], by_name[f"{failure.anchor}/{one.relation}"]
            rows = [
                (name, f"{old:g} -> {new:g}")
                for name, old, new in zip(("sensibility", "rationality"), failure.before, failure.after, strict=True)
            ]
            said = [*wrap("speaker", base.turn.context[-1].text), *wrap("before", base.turn.response)]
            found.append(
                Listing(f"{one.relation}: {failure.anchor}", [*rows, *said, *wrap("after", case.turn.response)])
            )
    return found


def wrap(name: str, text: str) -> list[tuple[str, object]]:
    """Return a text as lines of a listing, of which the first has the name."""
    lines = textwrap.wrap(text, WIDTH) or [""]
    return [(name, lines[0]), *(("", line) for line in lines[1:])]


def tell(value: float | None) -> str | None:
    """Return a figure as a cell."""
    return None if value is None else f"{value:.2f}"
