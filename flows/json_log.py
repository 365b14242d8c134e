"""Progress and messages for machines: one JSON object a line on stderr, with names that stay.

Every line has `time` (UTC), `level` (info, warning, error) and `event`: `progress` (`step`, `done`, `total`, and
`fields` beside them), `found` (`kind`, `uri`), `notice`, `warning`, `message`, `error` (`text`), and `log` for any
other line of ours (`logger`, `text`). In a flow run, `flow_run_id` says which. No line holds a key.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from tasks.redaction import list_secrets, redact
from tasks.settings import Settings

VARIABLE = "EMPATHY_LOG_FORMAT"
PROGRESS_EVERY_S = 1.0


def is_json() -> bool:
    """Say whether a machine reads what is told."""
    return os.environ.get(VARIABLE) == "json"


def write_event(event: str, level: str = "info", **fields: Any) -> None:
    """Write one line on stderr, without the keys that this process knows."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "event": event, **fields}
    secrets = list_known_secrets(frozenset(os.environ.items()))
    print(json.dumps(clean(line | ({"flow_run_id": run} if run else {}), secrets), ensure_ascii=True), file=sys.stderr)


@lru_cache(maxsize=1)
def list_known_secrets(environment: frozenset[tuple[str, str]]) -> list[str]:
    """Return the secrets of the settings and the environment; of it alone where a setting is wrong, to tell just that.

    Settings are read once as long as the environment, which is all that they come from, stays the same.
    """
    try:
        settings = Settings()
    except ValidationError:
        settings = Settings.model_construct()
    return list_secrets(settings, dict(environment))


def clean(value: Any, secrets: list[str]) -> Any:
    """Return a value that JSON can hold, every text in it without keys."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)  # NaN and infinity are no JSON
    if isinstance(value, Mapping):
        return {str(key): clean(entry, secrets) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [clean(entry, secrets) for entry in value]
    return redact(str(value), secrets)


class JsonHandler(logging.Handler):
    """Writes the records of our loggers; of a step's progress one a second, the first and the last always."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        values = record.__dict__
        level = (
            "error" if record.levelno >= logging.ERROR else "warning" if record.levelno >= logging.WARNING else "info"
        )
        if "found" in values:
            write_event("found", level, kind=values["found"], uri=values.get("uri", ""))
        elif "notice" in values or "warning" in values:
            event = "notice" if "notice" in values else "warning"
            write_event(event, level, text=values[event])
        elif "step" in values:
            self._tell_progress(level, values)
        else:
            write_event("log", level, logger=record.name, text=record.getMessage())

    def _tell_progress(self, level: str, values: Mapping[str, Any]) -> None:
        step, done, total = values["step"], values.get("done", 0), values.get("total", 0)
        now = time.monotonic()
        is_news = step not in self._told_at or done >= total
        if is_news or now - self._told_at[step] >= PROGRESS_EVERY_S:
            self._told_at[step] = now
            write_event("progress", level, step=step, done=done, total=total, fields=values.get("fields", {}))
