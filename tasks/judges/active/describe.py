"""An active run in words and numbers, for a person and for the run's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEASURES = {
    "disagreement": "turns a full run would put elsewhere",
    "sensibility_jaccard": "Jaccard, sensibility subset",
    "rationality_jaccard": "Jaccard, rationality subset",
    "sensibility_share": "sensibility share by a full run",
    "rationality_share": "rationality share by a full run",
}


def describe_active(facts: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return what an active run came to, given the facts of its artifact, as (what, value)."""
    estimate = facts["estimate"]
    share = facts["n_asked"] / max(1, facts["n_rows"])
    rows: list[tuple[str, object]] = [
        ("distinct turns", facts["n_rows"]),
        ("asked of the LLM", f"{facts['n_asked']:,} ({share:.1%})"),
        ("audited, drawn by chance", estimate["n_audited"]),
        ("scores guessed", estimate["n_guessed"]),
        ("thresholds", " / ".join(f"{bound:g}" for bound in facts["thresholds"])),
    ]
    if facts["expected"] is not None:
        rows.append(("expected in another subset", f"{facts['expected']:.1%} (bound {facts['bound']:.1%})"))
    rows.append(
        (
            "uncertain turns asked until",
            f"{facts['ended_by']} was reached" if facts["ended_by"] != "too few uncertain turns" else "few were left",
        )
    )
    if facts["cost_usd"] is not None:
        rows.append(("cost of the LLM in USD, all runs", f"{facts['cost_usd']:.4f}"))
    for name, said in MEASURES.items():
        rows.append((said, describe_interval(estimate[name], is_share=not name.endswith("jaccard"))))
    rows += [(f"{subset} share here", f"{share:.1%}") for subset, share in facts["shares"].items()]
    return rows


def describe_interval(found: Mapping[str, float | None], *, is_share: bool) -> str:
    """Return an estimate with its interval, or that there is none."""
    if found["value"] is None:
        return "not known: nothing was audited"
    value, low, high = ((f"{x:.1%}" if is_share else f"{x:.3f}") for x in (found["value"], found["low"], found["high"]))
    return f"{value} (95 % interval {low} to {high})"
