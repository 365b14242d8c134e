"""Which models are those of the chosen subsets: what counts is the rows they learned from, whose they ever were."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.errors import UsageError
from tasks.experts import digest_rows, pick_rows
from tasks.home import Home
from tasks.router import digest_router_rows, read_router_rows
from tasks.schema import ArtifactRef


def is_of_subsets(home: Home, ref: ArtifactRef, subsets: ArtifactRef) -> bool:
    """Say whether all models in an artifact (an expert, a mixture, an evaluation) learned from rows of `subsets`.

    An expert that was found, as another threshold left its rows alone, is of these subsets too. An evaluation
    without a model is of none.
    """
    manifest = home.artifacts.read_manifest(ref.uri)
    models = list_models(home, manifest)
    return bool(models) and all(has_learned(home, model, subsets) for model in models)


def list_models(home: Home, manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the manifests of every expert and mixture in an artifact and what it was made from."""
    found = [manifest] if manifest["kind"] in ("expert", "mixture") else []
    parents = [parent for parent in manifest["parents"] if parent["kind"] in ("responses", "expert", "mixture")]
    return found + [one for parent in parents for one in list_models(home, home.artifacts.read_manifest(parent["uri"]))]


def has_learned(home: Home, manifest: Mapping[str, Any], subsets: ArtifactRef) -> bool:
    """Say whether an expert or a mixture learned from rows that these subsets hold for it."""
    folder, config = home.artifacts.open(subsets), manifest["config"]
    try:
        if manifest["kind"] == "mixture":
            digest = digest_for_router(folder, config["router"]["data"])
        else:
            digest = digest_for_adapter(folder, config["name"], config["expert"]["seed"])
    except UsageError:  # nothing to learn from at these thresholds, so it was not learned from
        return False
    return bool(manifest["inputs"].get("rows") == digest)


@lru_cache(maxsize=32)  # an artifact never changes, and an evaluation asks again for every model of it
def digest_for_adapter(subsets: Path, name: str, seed: int) -> str:
    """Return the digest of the rows that an adapter learns from, of an opened subsets artifact."""
    return digest_rows(pick_rows(subsets, name, seed))


@lru_cache(maxsize=32)
def digest_for_router(subsets: Path, data: str) -> str:
    """Return the digest of the rows that a router learns from, of an opened subsets artifact."""
    return digest_router_rows(read_router_rows(subsets, data))
