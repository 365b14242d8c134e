"""Ingest as Prefect tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.dialogues import index_dialogues, ingest, ingest_recipe, list_forgotten, resolve_source
from tasks.home import open_home
from tasks.schema import ArtifactRef


@task(name="ingest source", cache_policy=NO_CACHE)
def ingest_source(source: str, source_split: str) -> ArtifactRef:
    """Read a source into an artifact; a source that was read before is found again by its content."""
    home = open_home()
    found = resolve_source(source, home.settings.cache_dir)

    def build(folder: Path) -> dict[str, Any]:
        return {**ingest(found, source_split, folder, list_forgotten(home.artifacts)), "source": source}

    return home.artifacts.produce(ingest_recipe(found, source_split), build)


@task(name="index dialogues", cache_policy=NO_CACHE)
def note_dialogues(ref: ArtifactRef) -> ArtifactRef:
    """Note the artifact's dialogues in the tables and show the counts on the run's page."""
    home = open_home()
    facts = home.artifacts.read_manifest(ref.uri)["facts"]
    folder = home.artifacts.open(ref)
    with home.store.transaction() as connection:
        index_dialogues(connection, ref, folder)
    create_table_artifact(
        key="dialogues",
        table=[{"what": name, "n": facts[name]} for name in ("n_dialogues", "n_turns", "n_quarantined")]
        + [{"what": f"quarantined: {reason}", "n": n} for reason, n in facts["by_reason"].items()],
        description=f"Dialogues of {facts['source']}: {ref.uri}",
    )
    return home.record(ref)


@task(name="find dialogues", cache_policy=NO_CACHE)
def resolve_corpus(dialogues: list[ArtifactRef] | None) -> list[ArtifactRef]:
    """Return the given sources, or everything that was ingested."""
    return dialogues if dialogues is not None else open_home().list_corpus()
