"""Dialogues that are to be forgotten: their ids, kept beside the artifacts, so that no ingest brings them back."""

from __future__ import annotations

import hashlib
import re

from pydantic import BaseModel, ConfigDict

from tasks.artifacts import ArtifactStore

FOLDER = "forgotten"


class Forgotten(BaseModel):
    """A dialogue that is to be left out wherever it turns up."""

    model_config = ConfigDict(frozen=True)

    dialogue_id: str
    forgotten_at: str
    turn_keys: list[str] = []
    """Keys still to be removed; none once all is done, as they are hashes of what was said."""
    is_done: bool = False


def keep_forgotten(artifacts: ArtifactStore, forgotten: Forgotten) -> None:
    """Keep, or replace, the note of a forgotten dialogue."""
    name = hashlib.sha256(forgotten.dialogue_id.encode()).hexdigest()[:32]
    artifacts.write_note(FOLDER, name, forgotten.model_dump_json())


def list_forgotten(artifacts: ArtifactStore) -> dict[str, Forgotten]:
    """Return the forgotten dialogues of a store by their ids. Raises ValidationError for a damaged note."""
    notes = (Forgotten.model_validate_json(text) for _, text in artifacts.read_notes(FOLDER, most=1_000_000))
    return {note.dialogue_id: note for note in notes}


def is_named(dialogue_id: str, raw: str) -> bool:
    """Say whether a raw row names a dialogue: its id, not as a part of a longer one; of a plain number, too many do."""
    return re.search(rf"(?<![\w:-]){re.escape(dialogue_id)}(?![\w:-])", raw) is not None
