"""What the page of a run says of its selection, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.selection.decide import EXCLUDED, SUBSETS
from tasks.selection.runs import SelectionRun


def write_page(manifest: Mapping[str, Any], run: SelectionRun, uri: str) -> str:
    """Return what was selected, from whose scores, why turns stand where they do, and what changed since."""
    facts, split = manifest["facts"], manifest["config"]["split"]
    rule, scores = facts["rule"], facts["scores"]
    cost = "not known" if scores["cost_usd"] is None else f"{scores['cost_usd']:.4f} USD"
    said = [
        f"# {rule['label']}",
        f"Split `{split}`. {rule['summary']}",
        f"Judge `{scores['alias']}`, whose scores cost {cost}. {facts['n_unscored']:,} turns have no score.",
        facts.get("target", {}).get("reason", ""),
        _tabulate(("subset", "turns", "share of the scored"), _count_subsets(facts)),
        _tabulate(("why a turn stands where it does", "turns"), [(why, f"{n:,}") for why, n in list_reasons(facts)]),
        "" if run.baseline is None else f"Compared with {run.baseline}.",
        run.judge_change.said if run.judge_change else "",
        f"```\n{run.warning}\n```" if run.warning else "",
        f"`{uri}`",
    ]
    return "\n\n".join(part for part in said if part)


def list_reasons(facts: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return why turns stand where they do, the commonest reason first."""
    return sorted(facts["reasons"].items(), key=lambda item: (-item[1], item[0]))


def _count_subsets(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    counts, shares = facts["counts"], facts["shares"]
    return [
        (name, f"{counts[name]:,}", f"{shares[name]:.1%}" if name in shares else "") for name in (*SUBSETS, EXCLUDED)
    ]


def _tabulate(heads: tuple[str, ...], rows: list[Any]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
