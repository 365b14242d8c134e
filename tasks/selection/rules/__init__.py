"""Selection rules, one a file. A rule is a SQL expression over one scored turn, so that millions cost seconds."""

from tasks.selection.rules import paper, released
from tasks.selection.rules.rule import Rule

RULES: dict[str, Rule] = {"paper": paper.RULE, "released": released.RULE}

__all__ = ["RULES", "Rule"]
