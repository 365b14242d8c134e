"""Which judges have scored a corpus, and which maps were fitted on it, by the artifacts that a home has indexed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

from tasks.home import Home
from tasks.schema import ArtifactRef

MOST_JUDGES = 6
MOST_CALIBRATIONS = 6


class Indexed(NamedTuple):
    """An artifact with what the index says of it."""

    ref: ArtifactRef
    judge_id: str
    n_scored: int


def find_scores(home: Home, corpus: Sequence[ArtifactRef], chosen: ArtifactRef | None) -> list[ArtifactRef]:
    """Return the newest scores of at most MOST_JUDGES judges of this corpus: the chosen first, then by their number.

    The chosen scores stand for their judge, whichever others it gave later.
    """
    newest: dict[str, Indexed] = {}
    for one in list_indexed(home, "scores", corpus):
        if one.judge_id not in newest and home.artifacts.holds(one.ref.uri):
            newest[one.judge_id] = one
    if chosen is not None:
        newest.pop(home.artifacts.read_manifest(chosen.uri)["facts"]["judge_id"], None)
    ranked = sorted(newest.values(), key=lambda one: (-one.n_scored, one.judge_id))
    others = [one.ref for one in ranked if one.n_scored]
    return [*([chosen] if chosen else []), *others][:MOST_JUDGES]


def find_calibrations(home: Home, corpus: Sequence[ArtifactRef]) -> list[ArtifactRef]:
    """Return the newest calibrations that were fitted on turns of this corpus, one for each judge and reference."""
    newest: dict[tuple[str, str], ArtifactRef] = {}
    for one in list_indexed(home, "calibration", corpus):
        if not home.artifacts.holds(one.ref.uri):
            continue
        facts = home.artifacts.read_manifest(one.ref.uri)["facts"]
        newest.setdefault((str(facts.get("alias")), str(facts.get("reference"))), one.ref)
    return list(newest.values())[:MOST_CALIBRATIONS]


def list_indexed(home: Home, kind: str, corpus: Sequence[ArtifactRef]) -> list[Indexed]:
    """Return the artifacts of a kind that are of these sources of dialogues alone, newest first."""
    query = (resources.files("tasks.reporting.judges") / "newest.sql").read_text(encoding="utf-8")
    with home.store.transaction() as connection:
        rows = connection.execute(query, {"kind": kind}).fetchall()
    sources = {f"{ref.kind}/{ref.config_digest}" for ref in corpus}
    found = []
    for *fields, judge_id, n_scored, parents in rows:
        own = {parent for parent in parents if parent.startswith(("dialogues/", "generated/"))}
        if own and own <= sources:
            ref = ArtifactRef(**dict(zip(("kind", "uri", "sha256", "n_rows", "config_digest"), fields, strict=True)))
            found.append(Indexed(ref, judge_id, n_scored))
    return found
