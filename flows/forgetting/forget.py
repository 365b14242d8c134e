"""One dialogue forgotten: what is found of it, and its removal from ledger, artifacts, caches and tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.forgetting.at_work import refuse_at_work
from flows.forgetting.pruning import prune, renew_refs
from flows.forgetting.redacting import count_rows, finish, is_torn, redact, remove, rewrite_manifest
from flows.forgetting.traces import MODELS, ROWS_FILE, Traces, find_traces
from flows.rebuild_database import bring_journals, rebuild_database
from tasks.artifacts import ArtifactStore
from tasks.dialogues import Forgotten, keep_forgotten, list_forgotten
from tasks.errors import UsageError
from tasks.home import Home
from tasks.progress import report_progress
from tasks.scoring import (
    clear_shards,
    count_replies,
    forget_replies,
    hold_judge,
    read_identity,
    refuse_batches,
)

MADE_AGAIN = ("report",)
"""Kinds that hold texts in many shapes and that a command makes again from the rest: removed whole."""
KEPT_CACHES = ("bases", "endpoints", "training")
"""Converted base models, what endpoints refuse, checkpoints: no text of a dialogue."""
DATABASE = "empathy.duckdb"


@dataclass
class Forgetting:
    """What was found of a dialogue, and so removed, or would be."""

    dialogue_id: str
    n_keys: int
    n_replies: dict[str, int] = field(default_factory=dict)
    """Lines of the journal by judge."""
    artifacts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rows by file, by kind and digest."""
    removed: list[str] = field(default_factory=list)
    """Artifacts removed whole: a command makes them again."""
    models: list[str] = field(default_factory=list)
    """Models that learned from it, or from what was made of it. They stay as they are."""
    sources: list[str] = field(default_factory=list)
    """Where it was ingested from: not ours to change."""
    is_begun: bool = False
    """An earlier try was killed, or could not clear everything: there may be more to do than what is found."""

    @property
    def is_nothing(self) -> bool:
        """Say whether there is no trace of the dialogue, and nothing left to be done."""
        return not (self.n_keys or self.artifacts or any(self.n_replies.values()) or self.is_begun)

    def describe(self) -> dict[str, Any]:
        """Return it for a machine."""
        return asdict(self)


def forget(home: Home, dialogue_id: str, say: Callable[[str], None], *, is_dry: bool = False) -> Forgetting:
    """Remove a dialogue from journal, artifacts, notes, caches and tables; only look if `is_dry`.

    Turns with a text that another dialogue holds too keep their replies and scores. The id is kept, so that an
    ingest leaves the dialogue out from now on; where it was never seen, that is all. Killed in between, the
    same again brings it to its end; files that a kill left half replaced are put right by a look too. Models,
    backups, exports and the source itself stay as they are. Raises LeaseHeldError while a run is scoring, UsageError
    while a batch asks about it or an artifact is being made, ArtifactError for a damaged artifact.
    """
    finish_torn(home)
    bring_journals(home.settings)
    before = list_forgotten(home.artifacts).get(dialogue_id)
    traces = find_traces(home.artifacts, dialogue_id)
    traces = Traces(dialogue_id, traces.keys | frozenset(before.turn_keys if before else ()))
    found = look(home, traces, is_begun=before is not None and not before.is_done)
    if is_dry or (found.is_nothing and before):
        return found
    with ExitStack() as leases:
        folders = hold_all(home, leases)
        refuse_at_work(home.artifacts)
        at = before.forgotten_at if before else datetime.now(UTC).isoformat(timespec="seconds")
        note = Forgotten(dialogue_id=dialogue_id, forgotten_at=at, turn_keys=sorted(traces.keys))
        for folder in folders:
            refuse_batches(folder, traces.keys)
        keep_forgotten(home.artifacts, note)
        for folder in folders:
            forget_replies(folder, traces.keys)  # and, as the leases are given back, in the journal that hosts share
        clear_shards(home.artifacts)
        change_artifacts(home.artifacts, traces, found)
        clear_caches(home)
    if rebuild_tables(home, say):
        keep_forgotten(home.artifacts, note.model_copy(update={"turn_keys": [], "is_done": True}))
    return found


def finish_torn(home: Home) -> None:
    """Bring replacements of files that a kill cut short to their end. Raises LeaseHeldError while one is under way."""
    torn = [uri for uri in list_uris(home.artifacts) if is_torn(home.artifacts, uri)]
    if torn:
        with ExitStack() as leases:
            hold_all(home, leases)
            for uri in torn:
                finish(home.artifacts, uri)


def list_uris(artifacts: ArtifactStore) -> list[str]:
    """Return the folders of all artifacts."""
    return [uri for kind in artifacts.list_kinds() for uri in artifacts.list_folders(kind)]


def look(home: Home, traces: Traces, *, is_begun: bool = False) -> Forgetting:
    """Return what there is of a dialogue, or was when it was begun to be forgotten."""
    found = Forgetting(traces.dialogue_id, len(traces.keys), is_begun=is_begun)
    for card in sorted(home.settings.journal_dir.glob("*/judge.json")):
        n = count_replies(card.parent, traces.keys)
        found.n_replies |= {f"{read_identity(card.parent).alias} {card.parent.name}": n} if n else {}
    touched: set[str] = set()
    for ref in (home.artifacts.read_ref(uri) for uri in list_uris(home.artifacts)):
        if ref.kind in MADE_AGAIN:
            continue
        if rows := count_rows(home.artifacts, ref, traces):
            found.artifacts[f"{ref.kind} {ref.config_digest}"] = rows
            touched.add(ref.config_digest)
            facts = home.artifacts.read_manifest(ref.uri)["facts"]
            found.sources += [str(facts["source"])] if "source" in facts else []
    found.models = list_models(home.artifacts, traces, touched)
    if found.artifacts or is_begun:
        found.removed = [
            f"{ref.kind} {ref.config_digest}" for kind in MADE_AGAIN for ref in home.artifacts.list_refs(kind)
        ]
    return found


def list_models(artifacts: ArtifactStore, traces: Traces, touched: set[str]) -> list[str]:
    """Return the models that learned from the dialogue: by their own rows, else by what they were made from."""
    models: list[str] = []
    for ref in (ref for kind in MODELS for ref in artifacts.list_refs(kind)):
        manifest = artifacts.read_manifest(ref.uri)
        rows = artifacts.open(ref) / ROWS_FILE
        if rows.exists():
            is_own = pl.col("dialogue_id") == traces.dialogue_id
            saw = bool(pl.scan_parquet(rows, glob=False).filter(is_own).select(pl.len()).collect().item())
        else:
            saw = any(parent["config_digest"] in touched for parent in manifest["parents"])
        if saw:
            name = manifest["config"].get("name") or manifest["facts"].get("name") or ""
            models.append(f"{ref.kind} {ref.config_digest} {name}".strip())
    return models


def hold_all(home: Home, leases: ExitStack) -> list[Path]:
    """Hold the lease of every judge, and return their journals. Raises LeaseHeldError while one is at work."""
    folders = sorted(card.parent for card in home.settings.journal_dir.glob("*/judge.json"))
    for folder in folders:
        leases.enter_context(hold_judge(home.settings, folder, read_identity(folder).alias, "forget"))
    return folders


def change_artifacts(artifacts: ArtifactStore, traces: Traces, found: Forgetting) -> None:
    """Take the dialogue out of artifacts and notes, and let others name what these hold now."""
    refs = [artifacts.read_ref(uri) for uri in list_uris(artifacts)]
    # dialogues last: as long as they hold it, a run that was killed finds what else to remove
    touched = [ref for ref in refs if f"{ref.kind} {ref.config_digest}" in found.artifacts]
    touched.sort(key=lambda ref: ref.kind == "dialogues")
    for number, ref in enumerate(touched, 1):
        redact(artifacts, ref, traces, found.artifacts[f"{ref.kind} {ref.config_digest}"])
        report_progress("forget", number, len(touched))
    # of all that ever lost a dialogue: an earlier run may have been killed before the others named it anew
    now = [artifacts.read_ref(ref.uri) for ref in refs if artifacts.read_manifest(ref.uri)["facts"].get("forgotten")]
    renewed = {(ref.kind, ref.config_digest): ref for ref in now}
    for ref in refs:
        if f"{ref.kind} {ref.config_digest}" in found.removed:
            remove(artifacts, ref)
        else:
            rewrite_manifest(artifacts, ref.uri, lambda parents: renew_refs(parents, renewed))
    for kind in artifacts.list_kinds():
        if kind == "forgotten":
            continue
        for name, text in artifacts.read_notes(kind, most=1_000_000):
            note = json.loads(text)
            changed = renew_refs(prune(note, traces), renewed)
            if changed != note:
                artifacts.write_note(kind, name, json.dumps(changed, ensure_ascii=False))


def clear_caches(home: Home) -> None:
    """Remove what can be made again and may hold texts: tokens, plans, fetched artifacts and sources."""
    folder = home.settings.cache_dir
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in KEPT_CACHES:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (home.settings.home_dir / "last-error.txt").unlink(missing_ok=True)


def rebuild_tables(home: Home, say: Callable[[str], None]) -> bool:
    """Make the tables anew, and remove every older database: a deleted row stays readable in its file.

    Where something could not be read into the new one, the older are kept, as they may alone know it: False.
    """
    passed_over = rebuild_database(home, lambda _: None).passed_over
    for line in passed_over:
        say(f"passed over {line}")
    path = home.store.path
    if passed_over:
        say(f"The older databases ({path}.*) are kept for what was passed over, and may still hold the dialogue: "
            "mend it, then run the same again.")  # fmt: skip
        return False
    for old in path.parent.glob(f"{DATABASE}.*"):
        if old.name != f"{DATABASE}.wal":
            old.unlink()
    return True


def refuse_unknown(found: Forgetting) -> None:
    """Raise UsageError where there is nothing to be removed."""
    if found.is_nothing:
        raise UsageError(
            f"There is no dialogue {found.dialogue_id[:200]!r}.",
            do="give its id as `empathy select --explain` shows it",
        )
