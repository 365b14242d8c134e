"""What a manifest says of a selection, beyond its configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from tasks.config import SelectionConfig
from tasks.selection.balance import Balance, count_groups, measure_balance
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts, count_decisions
from tasks.selection.digest import digest_selection, digest_subset
from tasks.selection.distribution import measure_distribution
from tasks.selection.rules import RULES

FROM_SCORES = ("judge_id", "alias", "judge", "cost_usd", "n_calls_unpriced")


def describe(counts: SubsetCounts) -> dict[str, Any]:
    """Return counts and shares as manifest facts; `n_rows` is the number of selected turns."""
    unscored = (n for reason, n in counts.reasons.items() if reason.startswith(f"{EXCLUDED}: unscored"))
    return {
        "n_rows": counts.sensibility + counts.rationality,
        "counts": {subset: getattr(counts, subset) for subset in (*SUBSETS, EXCLUDED)},
        "shares": {subset: round(counts.share(subset), 6) for subset in SUBSETS},
        "n_unscored": sum(unscored),
        "reasons": counts.reasons,
    }


def describe_rule(selection: SelectionConfig) -> dict[str, str]:
    """Return a rule's name, what it does, and what it was given."""
    return {"name": selection.rule, "summary": RULES[selection.rule].summary, "label": selection.label}


def describe_selection(
    connection: duckdb.DuckDBPyConnection,
    selection: SelectionConfig,
    scores: Mapping[str, Any],
    before: Balance | None,
) -> dict[str, Any]:
    """Return what is known of the `decisions`; `scores` are the scores' facts.

    `before` is the balance before the modifiers, None of a selection without any.
    """
    after = measure_balance(connection)
    return {
        **describe(count_decisions(connection)),
        "rule": describe_rule(selection),
        "thresholds": find_thresholds(connection, selection),
        **count_without_sd(connection, selection),
        "emotions": count_groups(connection, "emotion"),
        "distribution": measure_distribution(connection),
        "balance": {"before": before or after, "after": after},
        "scores": {name: scores.get(name) for name in FROM_SCORES},
        "code_version": find_code_version(),
    }


def digest_files(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Any]:
    """Return the content digest of each written subset, and one over all of them."""
    digests = {name: digest_subset(connection, folder / f"{name}.parquet") for name in (*SUBSETS, EXCLUDED)}
    return {"digest": digest_selection(digests), "digests": digests}


def find_thresholds(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> dict[str, float | None]:
    """Return the thresholds; of a rule that ranks, the lowest score that it took (None of an empty subset)."""
    if RULES[selection.rule].sizes is None:
        return {"sensibility": selection.sensibility_threshold, "rationality": selection.rationality_threshold}
    sensibility, rationality = connection.execute(
        "SELECT min(s) FILTER (subset = 'sensibility'), min(r) FILTER (subset = 'rationality') FROM decisions"
    ).fetchone() or (None, None)
    return {"sensibility": sensibility, "rationality": rationality}


def count_without_sd(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> dict[str, int]:
    """Return how many scored turns have no standard deviation, where the rule asks for it: they lose nothing."""
    if selection.rule != "lower-bound":
        return {}
    (n,) = connection.execute(
        "SELECT count(*) FROM candidates WHERE excluded_because IS NULL "
        "AND (sensibility_sd IS NULL OR rationality_sd IS NULL)"
    ).fetchone() or (0,)
    return {"n_without_sd": n}


def find_code_version() -> str:
    """Return the package's version and a digest over this stage's code: an image has no commit to name."""
    here = Path(__file__).parent
    files = sorted(path for path in here.rglob("*") if path.suffix in (".py", ".sql"))
    content = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
    return f"{version('efficient-empathy')}+selection.{content[:12]}"
