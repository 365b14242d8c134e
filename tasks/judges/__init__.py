"""Judges: distil one, and say how far it can be trusted."""

from tasks.judges.card import RELEASED_SCORES, Source, write_card
from tasks.judges.cross_validation import CrossValidation, cross_validate
from tasks.judges.distill import distill
from tasks.judges.recipe import DISTILL_VERSION, distill_recipe

__all__ = [
    "DISTILL_VERSION",
    "RELEASED_SCORES",
    "CrossValidation",
    "Source",
    "cross_validate",
    "distill",
    "distill_recipe",
    "write_card",
]
