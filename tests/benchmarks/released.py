"""The released scores with their turns, read from the data beside the clone; nothing where there is none."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tasks.dialogues import iter_turns, read_dialogues, resolve_source
from tasks.schema import Dialogue
from tasks.scoring import parse_reply

SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def read_released() -> dict[str, Any] | None:
    """Return the arguments of `distill` and `cross_validate`: turns, dialogue_ids, sensibility, rationality."""
    file = SHARED_DATA / "released_scores" / "valid.jsonl"
    if not file.is_file():
        return None
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    replies = {(row["conv_id"], row["utterance_idx"]): parse_reply(row["reply"]) for row in lines}
    with tempfile.TemporaryDirectory() as cache:
        source = resolve_source(str(SHARED_DATA / "ed" / "valid.csv"), Path(cache))
        rows = [
            (turn, one.dialogue_id, replies[key].sensibility, replies[key].rationality)
            for one in read_dialogues(source)
            if isinstance(one, Dialogue)
            for index, turn in iter_turns(one)
            if (key := (one.dialogue_id, index)) in replies
        ]
    names = ("turns", "dialogue_ids", "sensibility", "rationality")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
