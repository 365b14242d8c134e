"""The paper's inequalities on what a judge is sure of: each score minus k of its standard deviations."""

from tasks.selection.rules import paper
from tasks.selection.rules.rule import Rule

RULE = Rule(
    name="lower-bound",
    summary="As paper, on S and R each minus k standard deviations (a score without one loses nothing).",
    s="calibrate_sensibility(sensibility) - k_sd * coalesce(sensibility_sd, 0)",
    r="calibrate_rationality(rationality) - k_sd * coalesce(rationality_sd, 0)",
    subset=paper.RULE.subset,
    reason=f"replace(replace({paper.RULE.reason}, 'S ', 'S - k sd '), 'R ', 'R - k sd ')",
)
