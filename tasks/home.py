"""The machine's stores, opened from its settings; and the index of artifacts that is the lineage."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from tasks.artifacts import ArtifactStore
from tasks.errors import UsageError
from tasks.schema import ArtifactRef
from tasks.settings import Settings
from tasks.store import Store

if TYPE_CHECKING:
    import duckdb

STORE_LABEL = "empathy.store"
"""Label of an event's resource: the artifact store it speaks of; homes may share a server."""


@dataclass(frozen=True)
class Home:
    """Settings, artifacts and database of one process."""

    settings: Settings
    artifacts: ArtifactStore
    store: Store

    @property
    def store_id(self) -> str:
        """The name of the artifact store, given once and kept in it: no path is the same, or its own, on all hosts."""
        noted = f"{self.artifacts.root}/store/id.json"
        if not self.artifacts.fs.exists(noted):
            self.artifacts.write_note("store", "id", json.dumps({"id": uuid.uuid4().hex}))
        return str(json.loads(self.artifacts.fs.cat_file(noted))["id"])

    def describe_resource(self, name: str, **labels: str) -> dict[str, str]:
        """Return what an event is about, with this home's store as a label; `split` becomes `empathy.split`."""
        named = {f"empathy.{label}": value for label, value in labels.items()}
        return {"prefect.resource.id": name, STORE_LABEL: self.store_id, **named}

    def record(self, ref: ArtifactRef) -> ArtifactRef:
        """Note an artifact and its parents in the database, once, and return it."""
        self.record_all([ref])
        return ref

    def record_all(self, refs: Iterable[ArtifactRef]) -> None:
        """Note artifacts and their parents in the database in one transaction."""
        rows = [_to_row(ref, self.artifacts) for ref in refs]
        with self.store.transaction() as connection:
            for row in rows:
                connection.execute(
                    "INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now(), ?) ON CONFLICT DO UPDATE SET "
                    "uri = excluded.uri, sha256 = excluded.sha256, n_rows = excluded.n_rows, noted_at = now()",
                    row,
                )

    def list_corpus(self) -> list[ArtifactRef]:
        """Return every ingested source, the last ingested last. Raises UsageError if there is none.

        A source that was ingested again with another split stands once, as it was ingested last.
        """
        with self.store.transaction() as connection:
            return read_corpus(connection)

    def turn_files(self, corpus: Iterable[ArtifactRef]) -> list[str]:
        """Return the verified Parquet files of the corpus's turns."""
        return [str(self.artifacts.open(ref) / "turns.parquet") for ref in corpus]


def read_corpus(connection: duckdb.DuckDBPyConnection) -> list[ArtifactRef]:
    """Return `Home.list_corpus` where the database is open already."""
    query = (resources.files("tasks") / "corpus.sql").read_text(encoding="utf-8")
    rows = connection.execute(query).fetchall()
    if not rows:
        raise UsageError("No dialogues have been ingested yet.", do="run `empathy ingest SOURCE` first")
    return [
        ArtifactRef(kind=kind, uri=uri, sha256=sha256, n_rows=n_rows, config_digest=digest)
        for kind, uri, sha256, n_rows, digest in rows
    ]


def open_home() -> Home:
    """Open the home that this process's settings name."""
    settings = Settings()
    return Home(settings, ArtifactStore.from_settings(settings), Store.from_settings(settings))


def _to_row(ref: ArtifactRef, artifacts: ArtifactStore) -> list[object]:
    manifest = artifacts.read_manifest(ref.uri)
    parents = [f"{parent['kind']}/{parent['config_digest']}" for parent in manifest["parents"]]
    return [
        ref.kind, ref.config_digest, ref.uri, ref.sha256, ref.n_rows, parents,
        json.dumps(manifest["config"]), json.dumps(manifest["facts"]), json.dumps(manifest["inputs"]),
        manifest["made_at"], manifest["flow_run_id"],
    ]  # fmt: skip
