"""How far a unit of work is: one structured log line, which a terminal may draw as a bar.

Nothing is configured here. A worker's log shows the lines; the command line attaches a handler
that turns them into a progress display; a test reads the records.
"""

from __future__ import annotations

import logging

logger = logging.getLogger("empathy.progress")


def report_progress(step: str, done: int, total: int, **fields: object) -> None:
    """Say that `done` of `total` units of `step` are finished; `fields` are shown beside it."""
    details = " ".join(f"{key}={value}" for key, value in fields.items())
    extra = {"step": step, "done": done, "total": total, "fields": fields}
    logger.info("step=%s done=%d total=%d %s", step, done, total, details, extra=extra)


def report_found(kind: str, uri: str) -> None:
    """Say that an artifact exists already, so that its stage has nothing to do."""
    logger.info("found=%s uri=%s", kind, uri, extra={"found": kind, "uri": uri})


def report_notice(text: str) -> None:
    """Say what a person should know though the work goes on."""
    logger.warning("%s", text, extra={"notice": text})


def report_warning(text: str) -> None:
    """Say what a person should look at before they go on, in as many lines as it needs."""
    logger.warning("%s", text, extra={"warning": text})
