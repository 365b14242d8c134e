"""How far a judge agrees with people, with another judge, or with nothing but the length of a response."""

from tasks.judges.validation.basis import refuse_guesses
from tasks.judges.validation.columns import parse_mapping
from tasks.judges.validation.compare import contrast_judges
from tasks.judges.validation.dialogues import write_dialogues
from tasks.judges.validation.gathering import JudgedTurns, gather_turns, names_file
from tasks.judges.validation.kept_ratings import (
    average_raters,
    find_ratings,
    keep_file,
    names_kept,
    read_both,
    read_kept,
)
from tasks.judges.validation.measures import count_effective
from tasks.judges.validation.panel import compare_pair, profile_bias
from tasks.judges.validation.places import expand_home, require_new
from tasks.judges.validation.ratings import read_ratings
from tasks.judges.validation.validate import validate_judge

__all__ = [
    "JudgedTurns",
    "average_raters",
    "compare_pair",
    "contrast_judges",
    "count_effective",
    "expand_home",
    "find_ratings",
    "gather_turns",
    "keep_file",
    "names_file",
    "names_kept",
    "parse_mapping",
    "profile_bias",
    "read_both",
    "read_kept",
    "read_ratings",
    "refuse_guesses",
    "require_new",
    "validate_judge",
    "write_dialogues",
]
