"""What a selection is made from: turns, scores, and what its options name beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifacts import ArtifactStore, find_artifact
from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.home import Home
from tasks.schema import ArtifactRef
from tasks.scoring import choose_judge, snapshot_scores

if TYPE_CHECKING:
    from tasks.judges import Calibration


@dataclass(frozen=True)
class SelectionInputs:
    """The opened files that a selection is made from."""

    turn_files: list[str]
    scores_file: Path
    other_scores_file: Path | None = None
    """Scores of the judge that must agree."""
    calibration: Calibration | None = None


def open_inputs(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig
) -> SelectionInputs:
    """Open a corpus, its scores and what the selection names beside them.

    Raises ArtifactError where one is gone or damaged, UsageError where a calibration is of another judge.
    """
    turn_files = [str(artifacts.open(ref) / "turns.parquet") for ref in corpus]
    aids = {ref.kind: artifacts.open(ref) for ref in list_aids(artifacts, selection)}
    calibration = None
    if "calibration" in aids:
        calibration = open_calibration(aids["calibration"], artifacts.read_manifest(scores.uri)["facts"])
    other = aids["scores"] / "scores.parquet" if "scores" in aids else None
    return SelectionInputs(turn_files, artifacts.open(scores) / "scores.parquet", other, calibration)


def open_calibration(folder: Path, scores: Mapping[str, Any]) -> Calibration:
    """Return a calibration for scores with these facts. Raises UsageError if it is of another judge."""
    from tasks.judges import read_calibration

    calibration = read_calibration(folder)
    if calibration.judge_id != scores["judge_id"]:
        raise UsageError(
            f"The calibration {folder.name[:12]} maps the scores of {calibration.alias}, not of {scores['alias']}.",
            do=f"make one with `empathy judge calibrate {scores['alias']} --to JUDGE`",
        )
    return calibration


def list_aids(artifacts: ArtifactStore, selection: SelectionConfig) -> list[ArtifactRef]:
    """Return the artifacts that a pinned selection names: the scores of the judge that must agree, a calibration."""
    named = (("scores", selection.agree_with), ("calibration", selection.calibration))
    return [find_artifact(artifacts, kind, digest) for kind, digest in named if digest]


def pin_aids(home: Home, corpus: Sequence[ArtifactRef], selection: SelectionConfig) -> SelectionConfig:
    """Return the selection with every artifact that it names by its whole digest, so that it means the same for ever.

    A judge's name becomes the digest of its scores as they are now; the digest of scores that are kept stays.
    """
    pinned = {}
    if selection.calibration:
        pinned["calibration"] = find_artifact(home.artifacts, "calibration", selection.calibration).config_digest
    kept = [ref.config_digest for ref in home.artifacts.list_refs("scores")] if selection.agree_with else []
    if selection.agree_with and selection.agree_with not in kept:
        with home.store.transaction() as connection:
            judge_id, alias = choose_judge(connection, selection.agree_with)
            scores = snapshot_scores(connection, home.artifacts, corpus, judge_id, alias)
        pinned["agree_with"] = home.record(scores).config_digest
    return selection.model_copy(update=pinned)
