"""Selection rules, one a file. A rule is a SQL expression over one scored turn, so that millions cost seconds."""

from tasks.selection.rules import lower_bound, paper, quantile, released, top_k
from tasks.selection.rules.rule import Rule

RULES: dict[str, Rule] = {module.RULE.name: module.RULE for module in (paper, released, quantile, lower_bound, top_k)}

__all__ = ["RULES", "Rule"]
