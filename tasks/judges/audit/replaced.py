"""Ratings that others take the place of: whose they were is not lost in silence."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.artifacts import ArtifactStore
from tasks.judges.audit.take import Taken
from tasks.judges.validation.kept_ratings import KEPT


@dataclass(frozen=True)
class Replaced:
    """Current ratings of the same audit, and the raters whom the new ones lack."""

    alias: str
    raters: list[str]


def find_replaced(artifacts: ArtifactStore, taken: Taken) -> Replaced | None:
    """Return the current ratings if they are of the same audit and of raters whom those taken now lack."""
    ref = artifacts.get_current(KEPT)
    if ref is None or not artifacts.holds(ref.uri):
        return None
    before = artifacts.read_manifest(ref.uri)
    now = artifacts.read_manifest(taken.ratings.uri)["facts"]["raters"]
    missing = [name for name in before["facts"]["raters"] if name not in now]
    drawn = {parent["config_digest"] for parent in before["parents"] if parent["kind"] == taken.audit.kind}
    if not missing or taken.audit.config_digest not in drawn:
        return None
    return Replaced(before["facts"]["alias"], missing)
