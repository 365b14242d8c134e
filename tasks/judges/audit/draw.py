"""An audit: turns drawn for people to score, and what is known of them that their sheet must not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifacts import ArtifactStore
from tasks.errors import UsageError
from tasks.judges.audit.design import (
    MARGIN,
    MOST_NEAR,
    SHARES,
    count_strata,
    find_disputed,
    find_near,
    set_probabilities,
)
from tasks.judges.audit.judges import Audited
from tasks.judges.audit.lots import cast_lots, draw_systematically
from tasks.judges.audit.sheet import show_context, show_response
from tasks.judges.scored_turns import read_scored
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

AUDIT_FILE = "audit.parquet"
AUDIT_VERSION = 2
PLACES = ("dialogue_id", "utterance_idx", "turn_key", "split", "emotion")
KEPT = (
    *PLACES, *DIMENSIONS, *(f"{name}_sd" for name in DIMENSIONS), *(f"other_{name}" for name in DIMENSIONS),
    "is_near", "is_disputed", "probability",
)  # fmt: skip


@dataclass(frozen=True)
class AuditPlan:
    """What a person chooses of an audit."""

    n: int
    sensibility_threshold: float
    rationality_threshold: float
    split: str
    """Empty: all."""
    seed: int


def draw_audit(artifacts: ArtifactStore, audited: Audited, plan: AuditPlan) -> ArtifactRef:
    """Return the artifact of the turns drawn from those with these scores, in the order of their sheet.

    Raises UsageError where no turn can be drawn.
    """
    corpus, scores, other = audited.corpus, audited.scores, audited.other
    of = {"scores": scores.sha256} | ({"other": other.sha256} if other else {})
    config = {**asdict(plan), "shares": SHARES, "margin": MARGIN, "most_near": MOST_NEAR}
    parents = (*corpus, scores, *([other] if other else []))

    def build(folder: Path) -> dict[str, Any]:
        turns = read_population(artifacts, corpus, scores, other, plan.split)
        if turns.is_empty():
            where = f"in the split {plan.split}" if plan.split else ""
            raise UsageError("No turn of the dialogues has a score that could be audited.", where)
        turns = mark_turns(turns, plan)
        drawn = sample_turns(turns, plan.seed)
        add_texts(artifacts, corpus, drawn).write_parquet(folder / AUDIT_FILE)
        judge = artifacts.read_manifest(scores.uri)["facts"]
        known, taken = count_strata(turns), count_strata(drawn)
        beside = artifacts.read_manifest(other.uri)["facts"]["alias"] if other else None
        return {
            "n_rows": len(drawn), "n_turns": len(turns), "judge_id": judge["judge_id"], "alias": judge["alias"],
            "other": beside, "n_emotions": turns["emotion"].n_unique(),
            "strata": {name: [n, taken[name]] for name, n in known.items()},
            "design": describe_design(len(drawn), len(turns)),
        }  # fmt: skip

    return artifacts.produce(Recipe("audit", AUDIT_VERSION, config, parents, of), build)


def read_population(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    other: ArtifactRef | None,
    split: str,
) -> pl.DataFrame:
    """Return the scored turns of a split (or all) with `other_` scores, NULL where there are none, by turn_key."""
    import polars as pl

    turns = read_scored(artifacts, corpus, scores, PLACES)
    if split:
        turns = turns.filter(pl.col("split") == split)
    if other is None:
        return turns.with_columns(pl.lit(None, pl.Float64).alias(f"other_{name}") for name in DIMENSIONS).sort(
            "turn_key"
        )
    theirs = pl.read_parquet(artifacts.open(other) / "scores.parquet", glob=False)
    renamed = theirs.select("turn_key", *(pl.col(name).alias(f"other_{name}") for name in DIMENSIONS))
    return turns.join(renamed, on="turn_key", how="left").sort("turn_key")


def mark_turns(turns: pl.DataFrame, plan: AuditPlan) -> pl.DataFrame:
    """Return the turns with `is_near`, `is_disputed`, and the `probability` of each to be drawn."""
    import polars as pl

    bounds = (plan.sensibility_threshold, plan.rationality_threshold)
    near, disputed = find_near(turns, bounds), find_disputed(turns, bounds)
    chances = set_probabilities(near, disputed, turns["emotion"].to_list(), plan.n)
    return turns.with_columns(
        pl.Series("is_near", near), pl.Series("is_disputed", disputed), pl.Series("probability", chances)
    )


def sample_turns(turns: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return the turns drawn by `probability`, in an order that tells nothing of them."""
    import polars as pl

    ordered = turns.with_columns(pl.Series("lot", cast_lots(turns["turn_key"].to_list(), "order", seed)))
    # neighbours are of a kind, so that each kind gets nearly the number of draws that it is expected to get
    ordered = ordered.sort("is_near", "is_disputed", "emotion", "lot", "turn_key")
    (start,) = cast_lots(["start"], "start", seed)
    drawn = ordered[draw_systematically(ordered["probability"].to_numpy(), float(start))]
    shuffled = pl.Series("lot", cast_lots(drawn["turn_key"].to_list(), "sheet", seed))
    return drawn.with_columns(shuffled).sort("lot", "turn_key").select(KEPT)


def add_texts(artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], drawn: pl.DataFrame) -> pl.DataFrame:
    """Return the drawn turns with `context` and `response` as the sheet shows them."""
    import polars as pl

    keys = drawn["turn_key"].implode()
    files = [artifacts.open(ref) / "turns.parquet" for ref in corpus]
    found = pl.concat(
        pl.scan_parquet(file, glob=False)
        .select("turn_key", "prompt", "response")
        .filter(pl.col("turn_key").is_in(keys))
        for file in files
    ).collect()
    rows = found.unique("turn_key", keep="last", maintain_order=True).iter_rows()
    texts = [(key, show_context(prompt), show_response(response)) for key, prompt, response in rows]
    table = pl.DataFrame(texts, dict.fromkeys(("turn_key", "context", "response"), pl.String), orient="row")
    return drawn.join(table, on="turn_key", how="left", maintain_order="left")


def describe_design(n: int, n_turns: int) -> str:
    """Return in a sentence how turns were drawn, and what their probabilities are."""
    if n == n_turns:
        return "every scored turn, each with probability 1"
    shares = ", ".join(f"{name} {share:g}" for name, share in SHARES.items())
    return (
        "systematic sampling of a fixed size (Madow 1949); a turn's inclusion probability is n times its sum over "
        f"strata of share / size (shares: {shares}; an empty stratum's goes to the others), at most 1"
    )
