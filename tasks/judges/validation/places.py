"""Files as a person names them, of which there may be none."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import SourceError, UsageError


def expand_home(name: str) -> Path:
    """Return a path with the person's home in the place of `~`. Raises UsageError for ~ of a user who is not there."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise UsageError(f"There is no home of the user in {name[:80]!r}.", do="write the whole path") from None


def is_file(path: Path) -> bool:
    """Say whether a file is there; no name is too long to ask."""
    try:
        return path.is_file()
    except OSError:
        return False


def require_new(*paths: Path) -> None:
    """Raise UsageError for a path where something stands: it may be anything, even what was just read."""
    for path in paths:
        try:
            is_taken = path.exists() or path.is_symlink()
        except OSError as error:
            raise SourceError(f"No file can be written there: {error.strerror}.", str(path)[:200]) from None
        if is_taken:
            raise UsageError("There is something of this name already.", str(path), "name another, or remove it first")
