"""Rated responses as dialogues: what an LLM judge must score before it can be compared with their ratings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tasks.chat import to_utterances
from tasks.errors import SourceError
from tasks.judges.validation.places import require_new
from tasks.judges.validation.ratings import Reference


def write_dialogues(reference: Reference, path: Path) -> int:
    """Write each distinct rated text as a dialogue of its own, JSON Lines for `empathy ingest`; return how many.

    A response to nothing is none. Raises SourceError where the file of ratings holds no texts, UsageError
    where a file of that name exists.
    """
    require_new(path)
    lines = list(_make_lines(reference))
    if not lines:
        raise SourceError("The file of ratings holds no response with what was said before it.", where=reference.name)
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _make_lines(reference: Reference) -> Iterator[str]:
    distinct = reference.turns.unique("turn_key", keep="first", maintain_order=True)
    for row in distinct.iter_rows(named=True):
        if not row["prompt"] or row["response"] is None:
            continue
        said = [*to_utterances(row["prompt"]), ("listener", row["response"])]
        record = {
            "dialogue_id": f"rated {row['turn_key'][:32]}",
            "emotion": row["emotion"] or "",
            "turns": [{"role": role, "text": text} for role, text in said],
        }
        yield json.dumps(record, ensure_ascii=False) + "\n"
