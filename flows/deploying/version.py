"""Which version of the code is deployed."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

TIMEOUT_S = 10


def find_version(root: Path) -> str:
    """Return a clone's commit as git describes it, with `-dirty` if files differ; elsewhere the package's version."""
    if not (root / ".git").exists():  # a folder above it may be a clone of something else
        return version("efficient-empathy")
    command = ["git", "-C", str(root), "describe", "--tags", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here, a clone without commits, or of another owner
        return version("efficient-empathy")
    return done.stdout.strip() or version("efficient-empathy")
