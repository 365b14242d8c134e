"""Which turns a rule may choose from."""

from __future__ import annotations

from tasks.config import SelectionConfig


def name_filter(selection: SelectionConfig) -> str:
    """Return a SQL expression: the filter that removes a candidate, or NULL where none does."""
    cases = name_length_filters(selection)
    if selection.near_duplicates is not None:
        cases.append(
            "WHEN (source, row) IN (SELECT (source, row) FROM near_duplicates) THEN 'modifier: near-duplicate'"
        )
    return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"


def name_length_filters(selection: SelectionConfig) -> list[str]:
    """Return the WHEN clauses of the bounds on a response's length in words."""
    cases = []
    if selection.min_words is not None:
        cases.append(f"WHEN n_words < {selection.min_words} THEN 'modifier: fewer than {selection.min_words:,} words'")
    if selection.max_words is not None:
        cases.append(f"WHEN n_words > {selection.max_words} THEN 'modifier: more than {selection.max_words:,} words'")
    return cases
