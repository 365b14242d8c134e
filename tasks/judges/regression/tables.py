"""A run of a judge over the anchors as rows, for the page of its run."""

from __future__ import annotations

from typing import Any

from tasks.judges.regression.record import RegressionRun
from tasks.judges.regression.section import write_rate


def describe_relations(run: RegressionRun) -> list[dict[str, Any]]:
    """Return a row for each relation: pairs, how many held, and where it failed."""
    return [
        {
            "relation": one.relation, "pairs": one.n, "held": one.n_passed, "unscored": one.n_unscored,
            "rate": write_rate(one), "failed": ", ".join(failure.anchor for failure in one.failures),
        }
        for one in run.relations
    ]  # fmt: skip


def describe_drift(run: RegressionRun) -> list[dict[str, Any]]:
    """Return a row for each score beside the accepted run, and one for each thing that is wrong."""
    rows = [
        {
            "what": "accepted run",
            "found": run.agreement.accepted_at if run.agreement else "none: nothing to compare with",
        }
    ]
    if run.agreement:
        for name, one in run.agreement.dimensions.items():
            kappa = "not defined" if one.kappa is None else f"{one.kappa:.3f}"
            rows.append({"what": f"{name}, kappa", "found": kappa})
            rows.append({"what": f"{name}, mean", "found": f"{one.mean_before:.2f} -> {one.mean:.2f}"})
    unscored = ", ".join(f"{reason} {n:,}" for reason, n in run.n_unscored.items())
    rows.append({"what": "cases without a score", "found": unscored or "none"})
    rows += [{"what": "drift", "found": said} for said in run.drift]
    return rows + [{"what": "fault", "found": said} for said in run.faults]
