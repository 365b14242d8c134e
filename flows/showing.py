"""Progress of long steps on the run's page, from the same lines that a terminal draws as a bar."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.runtime import flow_run

SHOW_EVERY_S = 5.0
"""A step that is over sooner is not shown, and a longer one not more often: each time asks the server."""

progress = logging.getLogger("empathy.progress")


@contextmanager
def progress_on_page() -> Iterator[None]:
    """Show steps as progress artifacts of the run that they belong to; within another such block nothing is added."""
    if any(isinstance(handler, PageHandler) for handler in progress.handlers):
        yield
        return
    handler = PageHandler()
    level = progress.level
    progress.setLevel(min(progress.getEffectiveLevel(), logging.INFO))
    progress.addHandler(handler)
    try:
        yield
    finally:
        progress.removeHandler(handler)
        progress.setLevel(level)


class PageHandler(logging.Handler):
    """Turns progress lines into artifacts; what goes wrong on the way there is not the run's concern."""

    def __init__(self, every_s: float = SHOW_EVERY_S) -> None:
        super().__init__(logging.INFO)
        self.every_s = every_s
        self.shown_at: dict[str, float] = {}
        self.artifacts: dict[str, UUID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show how far a step is, if it is time to."""
        step, total = getattr(record, "step", None), getattr(record, "total", 0)
        if step is None or not total or not flow_run.get_id():
            return
        now, is_done = time.monotonic(), record.done >= total  # type: ignore[attr-defined]
        since = self.shown_at.setdefault(step, now)
        if now - since < self.every_s and not (is_done and step in self.artifacts):
            return
        self.shown_at[step] = now
        try:
            self.show(step, 100 * record.done / total)  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - a page without a bar is better than a run without an end
            logging.getLogger("empathy.page").debug("progress of %s is not shown: %s", step, type(error).__name__)

    def show(self, step: str, percent: float) -> None:
        """Make or move the step's bar."""
        if step in self.artifacts:
            update_progress_artifact(self.artifacts[step], percent)
            return
        key = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
        self.artifacts[step] = cast(UUID, create_progress_artifact(percent, key=f"progress-{key}", description=step))
