"""Home, artifact store and database: can they be read and written? Nothing is left behind, nothing is migrated."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding
from flows.doctor.http import hide_secrets
from flows.doctor.machine import find_existing
from tasks.settings import Settings

TIMEOUT_S = 2


def check_home(settings: Settings) -> Iterator[Finding]:
    """Say whether the home can be written, or made where there is none yet."""
    home = settings.home_dir
    place = find_existing(home)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"empathy")
    except OSError as error:
        do = "give the folder to this user (`chown`, `chmod`), or set EMPATHY_HOME to another"
        yield Finding("home", "problem", f"{home} cannot be written: {error.strerror}", do)
        return
    if home.exists() and not home.is_dir():
        yield Finding("home", "problem", f"{home} is no folder", "set EMPATHY_HOME to a folder")
    else:
        yield Finding("home", "ok", f"{home}" + ("" if home.exists() else " (not made yet)"))


def check_artifacts(settings: Settings) -> Iterator[Finding]:
    """Write an object into the artifact store, read it back, and take it away again."""
    is_remote = "://" in settings.artifacts_url
    named = hide_secrets(settings.artifacts_url) if is_remote else settings.artifacts_url
    try:
        try_remote(settings.artifacts_url) if is_remote else try_local(settings)
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        yield describe_refusal("artifacts", named, "EMPATHY_ARTIFACTS, the rights of the folder or bucket", error)
        return
    yield Finding("artifacts", "ok", f"{named} can be read and written")


def check_journal(settings: Settings) -> Iterator[Finding]:
    """Do the same in the journal that hosts share."""
    if not settings.journal:
        yield Finding("journal", "ok", f"{settings.journal_dir}, on this machine only")
        return
    named = hide_secrets(settings.journal)
    try:
        try_remote(settings.journal)
    except Exception as error:  # noqa: BLE001
        yield describe_refusal("journal", named, "EMPATHY_JOURNAL, the rights of the bucket", error)
        return
    yield Finding("journal", "ok", f"{named} can be read and written")


def describe_refusal(check: str, named: str, see: str, error: Exception) -> Finding:
    """Return what a store that refuses is told as."""
    said = (str(error) or type(error).__name__).partition("\n")[0][:300]
    do = f"see {see}, and for s3:// AWS_ENDPOINT_URL and the keys"
    return Finding(check, "problem", f"{named} cannot be read and written: {said}", do)


def try_local(settings: Settings) -> None:
    """Write and read a file where a local store stands or would stand. Raises OSError."""
    with tempfile.TemporaryFile(dir=find_existing(Path(settings.artifacts_url))) as file:
        file.write(b"empathy")
        file.seek(0)
        file.read()


def try_remote(url: str) -> None:
    """Write, read and remove an object of a remote store. Raises what the store's client raises."""
    import fsspec

    limits: dict[str, object] = {}
    if url.startswith("s3://"):
        quick = {"connect_timeout": TIMEOUT_S, "read_timeout": TIMEOUT_S, "retries": {"max_attempts": 0}}
        limits = {"config_kwargs": quick}
    fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False, **limits)
    if hasattr(fs, "retries"):
        fs.retries = 1
    path, content = f"{root}/.doctor-{uuid.uuid4().hex}", b"empathy"
    fs.pipe_file(path, content)
    try:
        if fs.cat_file(path) != content:
            raise OSError("another content was read than was written")
    finally:
        fs.rm_file(path)


def check_database(settings: Settings) -> Iterator[Finding]:
    """Say whether the database can be opened, and is of a version that this program knows."""
    import duckdb

    from tasks.store import MIGRATIONS, SCHEMA_VERSION

    path = settings.database
    if not path.exists():
        yield Finding("database", "ok", "not made yet; `empathy ingest` makes it, `empathy rebuild` from what there is")
        return
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            (version,) = connection.execute("SELECT max(version) FROM schema_version").fetchone() or (None,)
    except duckdb.Error as error:
        said = str(error).splitlines()[0][:300]
        if "Could not set lock" in said:
            do = "nothing, if a command or a run is at work: transactions are short; else end that process"
            yield Finding("database", "warning", f"in use by another process: {said}", do)
        else:
            yield Finding("database", "problem", f"{path} cannot be opened: {said}", "`empathy rebuild` makes it anew")
        return
    known = f"{path}, schema version {version}"
    if version == SCHEMA_VERSION:
        yield Finding("database", "ok", known)
    elif version in MIGRATIONS:
        yield Finding("database", "ok", f"{known}; the next command brings it to {SCHEMA_VERSION}")
    else:
        do = "use the program that wrote it, or `empathy rebuild`"
        yield Finding("database", "problem", f"{known}; this program knows {SCHEMA_VERSION}", do)
