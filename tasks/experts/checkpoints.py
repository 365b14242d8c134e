"""Where a training can be taken up again: the newest whole checkpoint of a folder that outlives the process."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import StoppedShortError

STATE_FILE = "trainer_state.json"
"""What transformers' trainer writes last of a checkpoint: without it, or cut off, the checkpoint is not whole."""


@dataclass(frozen=True)
class Checkpoints:
    """Where a training keeps its checkpoints, how often, and how long it may run; no result depends on it."""

    folder: Path
    every_s: float = 120.0
    max_minutes: float | None = None

    def find_newest(self) -> Path | None:
        """Return the newest whole checkpoint; what a kill left of others is removed."""
        whole: dict[int, Path] = {}
        for path in self.folder.glob("checkpoint-*"):
            number = re.fullmatch(r"checkpoint-(\d+)", path.name)
            if number and _is_whole(path):
                whole[int(number[1])] = path
            else:
                shutil.rmtree(path, ignore_errors=True)
        return whole[max(whole)] if whole else None

    def clear(self) -> None:
        """Remove them: the training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop_short(self, step: str, n_done: int, n_steps: int) -> StoppedShortError:
        """Return the error that says that the time is up."""
        return StoppedShortError(
            f"{step}: the {self.max_minutes:g} minutes are up after {n_done} of {n_steps} steps.",
            where=str(self.folder),
            do="run the same command again: it goes on from there",
        )


def _is_whole(checkpoint: Path) -> bool:
    try:
        return bool(json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
