"""The database made anew: journal segments and artifacts are the truth, it is the index over them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tasks.dialogues import index_dialogues
from tasks.home import Home
from tasks.progress import report_progress
from tasks.schema import ArtifactRef
from tasks.scoring import commit_segments, hold_lease, read_identity
from tasks.selection import index_subsets

KINDS = ("dialogues", "scores", "subsets", "expert", "mixture", "responses", "evaluation", "judge", "report")
TABLES = ("dialogues", "turns", "quarantine", "judges", "attempts", "scores", "subsets", "artifacts")


def rebuild_database(home: Home, say: Callable[[str], None]) -> dict[str, int]:
    """Build a new database from journal and artifacts, and return the rows of its tables.

    The old file is renamed, not deleted; nothing is lost if this is killed half-way and run again.
    """
    path = home.store.path
    if path.exists():
        old = path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}")
        path.rename(old)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of a killed transaction: never committed
        say(f"the old database is kept as {old}")
    refs = [ref for kind in KINDS for ref in home.artifacts.list_refs(kind)]
    for number, ref in enumerate(refs, 1):
        index_artifact(home, ref)
        report_progress("index artifacts", number, len(refs))
    folders = sorted(path.parent for path in home.settings.journal_dir.glob("*/judge.json"))
    for number, folder in enumerate(folders, 1):
        identity = read_identity(folder)
        with hold_lease(folder, identity.alias, "rebuild"), home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
        report_progress("merge journals", number, len(folders))
    with home.store.transaction() as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]  # noqa: S608
    return {table: count[0] if count else 0 for table, count in zip(TABLES, counts, strict=True)}


def index_artifact(home: Home, ref: ArtifactRef) -> None:
    """Note one artifact, and what its kind has in the tables."""
    home.record(ref)
    if ref.kind == "dialogues":
        folder = home.artifacts.open(ref)
        with home.store.transaction() as connection:
            index_dialogues(connection, ref, folder)
    if ref.kind == "subsets":
        manifest = home.artifacts.read_manifest(ref.uri)
        scores = next(parent for parent in manifest["parents"] if parent["kind"] == "scores")
        judge_id = home.artifacts.read_manifest(scores["uri"])["facts"]["judge_id"]
        with home.store.transaction() as connection:
            index_subsets(connection, manifest, judge_id)
