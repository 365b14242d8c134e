"""Keeping what a validation measured beside the artifacts, for reports to show."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tasks.artifacts import ArtifactStore

VALIDATIONS = "validations"
TEXTS = ("differences",)
"""Fields of a record that hold what people said."""


def keep_validation(artifacts: ArtifactStore, record: Mapping[str, Any]) -> str:
    """Keep a record of `empathy judge validate` or `compare` without its texts; return the name of the note."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}-{uuid.uuid4().hex[:8]}"
    kept = {key: value for key, value in record.items() if key not in TEXTS}
    note = {"made_at": now.isoformat(timespec="microseconds"), **kept}
    artifacts.write_note(VALIDATIONS, name, json.dumps(note, ensure_ascii=False, allow_nan=False))
    return f"{VALIDATIONS}/{name}.json"
