"""How far a judge agrees with people, with another judge, or with nothing but the length of a response."""

from tasks.judges.validation.columns import parse_mapping
from tasks.judges.validation.compare import contrast_judges
from tasks.judges.validation.dialogues import write_dialogues
from tasks.judges.validation.gathering import JudgedTurns, gather_turns, names_file
from tasks.judges.validation.places import expand_home, require_new
from tasks.judges.validation.ratings import read_ratings
from tasks.judges.validation.validate import validate_judge

__all__ = [
    "JudgedTurns",
    "contrast_judges",
    "expand_home",
    "gather_turns",
    "names_file",
    "parse_mapping",
    "read_ratings",
    "require_new",
    "validate_judge",
    "write_dialogues",
]
