"""Which turns a rule may choose from."""

from __future__ import annotations

from tasks.config import SelectionConfig


def name_filter(selection: SelectionConfig) -> str:
    """Return a SQL expression: the filter that removes a candidate, or NULL where none does."""
    cases = name_length_filters(selection) + name_agreement_filters(selection)
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


def name_agreement_filters(selection: SelectionConfig) -> list[str]:
    """Return the WHEN clauses on how near another judge's scores are to those that are compared."""
    if selection.min_agreement is None:
        return []
    distance = (
        "greatest(abs(calibrate_sensibility(sensibility) - other_sensibility), "
        "abs(calibrate_rationality(rationality) - other_rationality))"
    )
    return [
        "WHEN other_sensibility IS NULL THEN 'modifier: the other judge gave no score'",
        # rounded, so that 0.7 is reached by scores that are 3 apart
        f"WHEN round(1 - {distance} / 10, 9) < {selection.min_agreement!r} "
        f"THEN 'modifier: judges agree less than {selection.min_agreement:g}'",
    ]
