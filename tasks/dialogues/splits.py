"""Which split a dialogue belongs to: what the user says, else what the source says, else its id's hash."""

from __future__ import annotations

import hashlib
import re

from tasks.errors import ConfigError
from tasks.schema import SPLITS, Dialogue, Split

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "val": "valid",
    "test": "test",
}
# A whole stem, or one shard of several as hubs name them: test-00000-of-00002.
STEM = re.compile(rf"({'|'.join(SPLIT_NAMES)})(-\d+-of-\d+)?", re.IGNORECASE)


def split_of_stem(stem: str) -> Split | None:
    """Return the split that a file's name says, None if it says none."""
    found = STEM.fullmatch(stem)
    return SPLIT_NAMES[found[1].lower()] if found else None


def assign_split(dialogue_id: str) -> Split:
    """Return the split of a dialogue whose source names none: 90/5/5 by sha256 of its id, the same for ever."""
    percent = int.from_bytes(hashlib.sha256(dialogue_id.encode()).digest()[:8]) % 100
    if percent < 90:
        return "train"
    return "valid" if percent < 95 else "test"


def parse_source_split(source_split: str) -> Split | None:
    """Return the split that overrides all others, None for `auto`. Raises ConfigError for any other word."""
    if source_split == "auto":
        return None
    for split in SPLITS:
        if source_split == split:
            return split
    raise ConfigError(f"There is no split {source_split!r}.", where="source_split", do=f"use auto, {', '.join(SPLITS)}")


def choose_split(dialogue: Dialogue, override: Split | None) -> Split:
    """Return the split of a dialogue by the rule above."""
    return override or dialogue.split or assign_split(dialogue.dialogue_id)
