"""The database made anew: journal segments and artifacts are the truth, it is the index over them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tasks.dialogues import index_dialogues
from tasks.evaluation import index_evaluation, read_metrics
from tasks.home import Home
from tasks.progress import report_progress
from tasks.schema import ArtifactRef
from tasks.scoring import commit_segments, hold_lease, read_identity
from tasks.selection import index_subsets
from tasks.store import Store

KINDS = (
    "dialogues", "scores", "subsets", "expert", "mixture", "responses", "generated", "questions", "verdicts",
    "evaluation", "judge", "audit", "ratings", "calibration", "report",
)  # fmt: skip
TABLES = ("dialogues", "turns", "quarantine", "judges", "attempts", "scores", "subsets", "evaluations", "artifacts")


def rebuild_database(home: Home, say: Callable[[str], None]) -> dict[str, int]:
    """Build a new database from journal and artifacts, put it in the old one's place, and return its rows.

    The old file is renamed, not deleted; until the new one is whole, it stays where it is. Raises
    LeaseHeldError while a run is scoring, ArtifactError for a damaged artifact.
    """
    path = home.store.path
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    building = replace(home, store=Store(fresh))
    refs = [ref for kind in KINDS for ref in home.artifacts.list_refs(kind)]
    for number, ref in enumerate(refs, 1):
        index_artifact(building, ref)
        report_progress("index artifacts", number, len(refs))
    folders = sorted(path.parent for path in home.settings.journal_dir.glob("*/judge.json"))
    for number, folder in enumerate(folders, 1):
        identity = read_identity(folder)
        with hold_lease(folder, identity.alias, "rebuild"), building.store.transaction() as connection:
            commit_segments(connection, folder, identity)
        report_progress("merge journals", number, len(folders))
    with building.store.transaction() as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]  # noqa: S608
    swap(path, fresh, say)
    return {table: count[0] if count else 0 for table, count in zip(TABLES, counts, strict=True)}


def swap(path: Path, fresh: Path, say: Callable[[str], None]) -> None:
    """Put the fresh database in the old one's place; the old one is kept with what it had not yet written in."""
    if path.exists():
        kept = path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}")
        log = path.with_name(f"{path.name}.wal")
        path.rename(kept)
        if log.exists():
            log.rename(kept.with_name(f"{kept.name}.wal"))
        say(f"the old database is kept as {kept}")
    fresh.rename(path)


def index_artifact(home: Home, ref: ArtifactRef) -> None:
    """Note one artifact, and what its kind has in the tables."""
    home.record(ref)
    if ref.kind == "dialogues":
        folder = home.artifacts.open(ref)
        with home.store.transaction() as connection:
            index_dialogues(connection, ref, folder)
    if ref.kind == "evaluation":
        metrics = read_metrics(home.artifacts.open(ref))
        with home.store.transaction() as connection:
            index_evaluation(connection, ref.config_digest, metrics)
    if ref.kind == "subsets":
        manifest = home.artifacts.read_manifest(ref.uri)
        scores = next(parent for parent in manifest["parents"] if parent["kind"] == "scores")
        judge_id = home.artifacts.read_manifest(scores["uri"])["facts"]["judge_id"]
        with home.store.transaction() as connection:
            index_subsets(connection, manifest, judge_id)
