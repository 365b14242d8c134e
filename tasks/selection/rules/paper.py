"""The paper's rule, as its shares let us infer it: rationality wins where both scores are high."""

from tasks.selection.rules.rule import Rule

RULE = Rule(
    name="paper",
    summary="sensibility: S > t and R < t. rationality: R > t. The rest is discarded.",
    subset="""CASE
        WHEN r > tr THEN 'rationality'
        WHEN s > ts AND r < tr THEN 'sensibility'
        ELSE 'discard'
    END""",
    reason="""CASE
        WHEN r > tr THEN 'R > threshold'
        WHEN s > ts AND r < tr THEN 'S > threshold and R < threshold'
        WHEN r = tr THEN 'R = threshold'
        ELSE 'S <= threshold and R < threshold'
    END""",
)
