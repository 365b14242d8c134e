"""Which subset every turn goes to, and why: filters, then the rule, then quotas."""

from __future__ import annotations

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.config import SelectionConfig
from tasks.selection.candidates import read_sql
from tasks.selection.modifiers import apply_quotas, find_near_duplicates, name_filter
from tasks.selection.rules import RULES, Rule
from tasks.selection.rules.ranking import rank
from tasks.selection_config import DEFAULT_K_SD

EXCLUDED = "excluded"
SUBSETS = ("sensibility", "rationality", "discard")


class SubsetCounts(BaseModel):
    """Sizes of the three subsets of the scored turns, and of what could not be selected, with reasons."""

    model_config = ConfigDict(frozen=True)

    sensibility: int = 0
    rationality: int = 0
    discard: int = 0
    excluded: int = 0
    reasons: dict[str, int] = {}

    @property
    def n_scored(self) -> int:
        """Turns that could be selected: the base of every share."""
        return self.sensibility + self.rationality + self.discard

    def share(self, subset: str) -> float:
        """Return a subset's share of the scored turns, 0 to 1."""
        return getattr(self, subset) / self.n_scored if self.n_scored else 0.0


def decide(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> SubsetCounts:
    """Apply modifiers and rule to `candidates`, making the table `decisions`, and count."""
    if selection.near_duplicates is not None:
        find_near_duplicates(connection, selection)
    turns = apply_quotas(apply_rule(connection, selection), selection)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE decisions AS SELECT source, row, dialogue_id, utterance_idx, turn_key, split, "  # noqa: S608 - bounded numbers and our own expressions
        f"emotion, n_words, sensibility, rationality, s, r, subset, reason FROM ({turns})"
    )
    return count_decisions(connection)


def count_decisions(connection: duckdb.DuckDBPyConnection) -> SubsetCounts:
    """Count the `decisions` by subset and reason."""
    rows = connection.execute("SELECT subset, reason, count(*) FROM decisions GROUP BY ALL ORDER BY ALL").fetchall()
    totals: dict[str, int] = {}
    for subset, _, n in rows:
        totals[subset] = totals.get(subset, 0) + n
    return SubsetCounts(**totals, reasons={f"{subset}: {reason}": n for subset, reason, n in rows})


def apply_rule(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> str:
    """Return SQL for every candidate with `subset` and `reason`, before quotas."""
    rule = RULES[selection.rule]
    turns = open_turns(selection)
    if rule.sizes is not None:
        (n,) = connection.execute(f"SELECT count(*) FROM ({turns}) WHERE is_open").fetchone() or (0,)  # noqa: S608 - as above
        turns = rank(turns, selection.axis, rule.sizes(selection, n), n)
    return place_turns(turns, rule)


def place_turns(turns: str, rule: Rule) -> str:
    """Return SQL for `turns`, as a rule sees them, with `subset` and `reason`."""
    return (
        f"SELECT *, CASE WHEN excluded_because IS NOT NULL THEN '{EXCLUDED}' WHEN filtered_because IS NOT NULL "  # noqa: S608 - our own expressions
        f"THEN 'discard' ELSE {rule.subset} END AS subset, "
        f"coalesce(excluded_because, filtered_because, {rule.reason}) AS reason FROM ({turns})"
    )


def sort_plainly(selection: SelectionConfig) -> str:
    """Return SQL for every candidate of a plain selection with `subset` and `reason`, in the order of the files.

    What follows from the scores is found a second time after the sort: to sort it along would cost more.
    """
    rule = RULES[selection.rule]
    placed = place_turns(open_turns(selection), rule)
    return place_turns(open_turns(selection, f"({read_sql('sorted').format(turns=placed)})"), rule)


def is_plain(selection: SelectionConfig) -> bool:
    """Say whether each turn is decided on by itself: nothing ranks, caps or compares turns."""
    return RULES[selection.rule].sizes is None and not selection.has_modifiers


def open_turns(selection: SelectionConfig, candidates: str = "candidates") -> str:
    """Return SQL for every candidate with what a rule sees; `is_open` are those that it decides on."""
    rule = RULES[selection.rule]
    k_sd = DEFAULT_K_SD if selection.k_sd is None else selection.k_sd
    constants = (
        f"{selection.sensibility_threshold!r}::DOUBLE AS ts, {selection.rationality_threshold!r}::DOUBLE AS tr, "
        f"{k_sd!r}::DOUBLE AS k_sd"
    )
    return (
        f"SELECT *, {rule.s} AS s, {rule.r} AS r, excluded_because IS NULL AND filtered_because IS NULL AS is_open "  # noqa: S608 - as above
        f"FROM (SELECT *, {constants}, {name_filter(selection)} AS filtered_because FROM {candidates})"
    )
