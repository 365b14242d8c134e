"""The rule of the authors' published script: a turn that is high, or low, on both scores is discarded."""

from tasks.selection.rules.rule import Rule

RULE = Rule(
    name="released",
    summary="sensibility: S > t and R < t. rationality: R > t and S < t. The rest is discarded.",
    subset="""CASE
        WHEN s > ts AND r < tr THEN 'sensibility'
        WHEN r > tr AND s < ts THEN 'rationality'
        ELSE 'discard'
    END""",
    reason="""CASE
        WHEN s > ts AND r < tr THEN 'S > threshold and R < threshold'
        WHEN r > tr AND s < ts THEN 'R > threshold and S < threshold'
        WHEN s > ts AND r > tr THEN 'S > threshold and R > threshold'
        WHEN s < ts AND r < tr THEN 'S < threshold and R < threshold'
        ELSE 'S or R = threshold'
    END""",
)
