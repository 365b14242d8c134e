"""What could not be used as it stands: the row, where it was, and a reason a machine can read."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why a row is in quarantine."""

    UNDECODABLE = "undecodable"
    """Not UTF-8, or half a surrogate pair; the bytes stand as `\\x..` in `raw`."""
    NUL_BYTE = "nul_byte"
    TOO_LONG = "too_long"
    """A line over 8 MiB (`raw` is cut), or an utterance past the thousandth of its dialogue."""
    WRONG_COLUMNS = "wrong_columns"
    BAD_JSON = "bad_json"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_INDEX = "bad_index"
    UNKNOWN_ROLE = "unknown_role"
    UNKNOWN_SPLIT = "unknown_split"
    NO_UTTERANCES = "no_utterances"
    EMPTY_TEXT = "empty_text"
    OUT_OF_ORDER = "out_of_order"
    """Its index was there before, or comes after a later one."""
    GAP = "gap"
    """An utterance before it is missing or was put aside, so its context is not what was said."""
    ONE_SIDED = "one_sided"
    """Only one side speaks: the dialogue is counted, and gives no turn."""
    DUPLICATE_DIALOGUE = "duplicate_dialogue"
    """Its dialogue id ended before, in this file or another of the source."""
    SWALLOWED_LINES = "swallowed_lines"
    """A quoted field that holds rows. The record is reported once; its rows are recovered where they still
    have their columns (they may lack a quotation mark), else reported one by one."""
    SKIPPED_FILE = "skipped_file"
    """A file of a directory or archive that is no format of ours."""


class Rejected(NamedTuple):
    """One entry of the quarantine; `source` is the file's name inside the source, `line` counts from 1."""

    source: str
    line: int
    reason: Reason
    raw: str
