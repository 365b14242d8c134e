"""What goes with any rule: filters say which turns it may choose from, quotas cap what it chose."""

from tasks.selection.modifiers.filters import name_filter
from tasks.selection.modifiers.near_duplicates import find_near_duplicates
from tasks.selection.modifiers.quotas import LENGTH_BAND, apply_quotas

__all__ = ["LENGTH_BAND", "apply_quotas", "find_near_duplicates", "name_filter"]
