"""Processes that are making an artifact: what they hold of a dialogue would come back after it was forgotten."""

from __future__ import annotations

from pathlib import Path

import psutil

from tasks.artifacts import ArtifactStore
from tasks.errors import UsageError


def refuse_at_work(artifacts: ArtifactStore) -> None:
    """Raise UsageError while a process of this machine makes an artifact of a local store: a training, an evaluation.

    A remote store shows nothing of what is being made.
    """
    if not artifacts.is_local:
        return
    for staging in sorted(Path(artifacts.root).glob("*/.tmp-*-*-*")):
        pid = staging.name.split("-")[2]
        if pid.isdigit() and is_maker(int(pid), staging):
            what = f"A process ({pid}) is making an artifact of the kind {staging.parent.name}."
            do = "wait until it is done, or stop it; then run the same again"
            raise UsageError(what, where=str(staging), do=do)


def is_maker(pid: int, staging: Path) -> bool:
    """Say whether a process lives that can have made a folder: one that began later only got the pid of another."""
    try:
        return psutil.Process(pid).create_time() <= staging.stat().st_mtime + 1
    except (psutil.Error, FileNotFoundError):
        return False
