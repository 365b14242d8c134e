"""A folder that is expensive to build: built once, complete or not there, by one process at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`, letting `build` fill it under a temporary name first if it does not exist."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():  # somebody else built it while we waited
            return folder
        for stale in folder.parent.glob(f".tmp-{folder.name}-*"):  # ours alone: we hold the lock
            shutil.rmtree(stale, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f".tmp-{folder.name}-", dir=folder.parent))
        try:
            build(staging)
            staging.chmod(0o755)  # mkdtemp makes it private
            staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folder
