"""What a sweep compares with."""

from __future__ import annotations

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.errors import ArtifactError
from tasks.schema import ArtifactRef
from tasks.selection.verify import find_selection


def find_chosen(artifacts: ArtifactStore, scores: ArtifactRef, against: str | None = None) -> SelectionConfig:
    """Return the selection to compare with: the one that a digest names, else the last one made, else the default.

    Raises UsageError if no selection, or several, have the digest.
    """
    ref = artifacts.get_current("subsets") if against is None else find_selection(artifacts, against)
    try:
        manifest = artifacts.read_manifest(ref.uri) if ref else None
    except ArtifactError:
        if against is not None:
            raise
        manifest = None  # somebody removed it: there is still something to compare with
    if manifest is None:
        return SelectionConfig()
    chosen = SelectionConfig.model_validate(manifest["config"])
    judges = [facts.get("judge_id") for facts in (manifest["facts"].get("scores", {}),
                                                  artifacts.read_manifest(scores.uri)["facts"])]  # fmt: skip
    is_of_another = judges[0] != judges[1]  # whose calibration maps other scores
    return SelectionConfig() if against is None and chosen.calibration and is_of_another else chosen
