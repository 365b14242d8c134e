"""The database made anew: journal segments and artifacts are the truth, it is the index over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tasks.dialogues import index_dialogues
from tasks.errors import LeaseHeldError, StoreError
from tasks.evaluation import index_evaluation, read_metrics
from tasks.home import Home
from tasks.progress import report_progress
from tasks.schema import ArtifactRef
from tasks.scoring import SharedJournal, commit_segments, hold_judge, read_identity
from tasks.selection import index_subsets
from tasks.settings import Settings
from tasks.store import Store

TABLES = ("dialogues", "turns", "quarantine", "judges", "attempts", "scores", "subsets", "evaluations", "artifacts")


class Rebuilt(NamedTuple):
    """What a rebuilt database holds."""

    counts: dict[str, int]
    """Rows by table."""
    passed_over: list[str]
    """What could not be read, a line each with the reason; the rest is there."""


def rebuild_database(home: Home, say: Callable[[str], None]) -> Rebuilt:
    """Build a new database from journal and artifacts and put it in the old one's place.

    An artifact that is damaged, or that another version made with other facts, is passed over and told. The
    old file is renamed, not deleted; until the new one is whole, it stays where it is. Raises LeaseHeldError
    while a run is scoring, OSError or StoreError where disk or store fail.
    """
    path = home.store.path
    fresh = path.with_name(f"{path.name}.new")
    for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        left.unlink(missing_ok=True)
    building, passed_over = replace(home, store=Store(fresh)), list[str]()
    refs = list_artifacts(home, passed_over)
    for number, ref in enumerate(refs, 1):
        with pass_over(f"{ref.kind} {ref.config_digest}", passed_over):
            index_artifact(building, ref)
        report_progress("index artifacts", number, len(refs))
    bring_journals(home.settings)
    folders = sorted(path.parent for path in home.settings.journal_dir.glob("*/judge.json"))
    for number, folder in enumerate(folders, 1):
        with pass_over(f"journal {folder.name}", passed_over):
            merge_journal(home.settings, building.store, folder)
        report_progress("merge journals", number, len(folders))
    counts = count_rows(building.store)
    swap(path, fresh, say)
    return Rebuilt(counts, passed_over)


@contextmanager
def pass_over(what: str, passed_over: list[str]) -> Iterator[None]:
    """Note why something could not be read, instead of raising it; what disk, store or another run cause rises."""
    try:
        yield
    except (OSError, StoreError, LeaseHeldError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an artifact of an unknown version may lead to
        said = str(error).partition("\n")[0]
        passed_over.append(f"{what}: {type(error).__name__}: {said}")


def list_artifacts(home: Home, passed_over: list[str]) -> list[ArtifactRef]:
    """Return every artifact whose manifest can be read: dialogues first, each kind oldest first."""
    found: list[tuple[bool, str, str, ArtifactRef]] = []
    for kind in home.artifacts.list_kinds():
        for folder in home.artifacts.list_folders(kind):
            with pass_over(f"{kind} {folder.rsplit('/', 1)[-1]}", passed_over):
                made_at = home.artifacts.read_manifest(folder)["made_at"]
                found.append((kind != "dialogues", kind, made_at, home.artifacts.read_ref(folder)))
    return [ref for *_, ref in sorted(found, key=lambda item: item[:3])]


def bring_journals(settings: Settings) -> None:
    """Copy what other hosts have paid for from the shared journal, where the machine has one."""
    shared = SharedJournal.from_settings(settings)
    if shared is not None:
        shared.bring_all(settings.journal_dir)


def merge_journal(settings: Settings, store: Store, folder: Path) -> None:
    """Merge a judge's segments while no run adds to them."""
    identity = read_identity(folder)
    with hold_judge(settings, folder, identity.alias, "rebuild"), store.transaction() as connection:
        commit_segments(connection, folder, identity)


def count_rows(store: Store) -> dict[str, int]:
    """Return the rows of every table."""
    with store.transaction() as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]  # noqa: S608
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
    """Note one artifact, and what its kind has in the tables. Raises ArtifactError if it is damaged."""
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
