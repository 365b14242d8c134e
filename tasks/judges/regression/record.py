"""One run of a judge over the anchors, as it is kept: what it scored, which relations held, how far it has drifted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from tasks.judges.regression.cases import Case, digest_cases
from tasks.judges.regression.config import MOST_UNSCORED, RegressionConfig
from tasks.judges.regression.drift import Drift
from tasks.judges.regression.ranges import RangeResult, check_ranges
from tasks.judges.regression.relations import Pair, RelationResult, Scores, check_relations
from tasks.scoring import DIMENSIONS, Answer, JudgeIdentity


class JudgeName(BaseModel):
    """Who was asked."""

    model_config = ConfigDict(frozen=True)

    judge_id: str
    alias: str
    kind: str
    model: str


class Findings(BaseModel):
    """What the scores of the anchors show, whoever gave them."""

    model_config = ConfigDict(frozen=True)

    anchors: str = Field(description="Digest of all cases: only runs of one digest can be compared.")
    tolerance: float
    n_anchors: int
    n_cases: int
    n_unscored: dict[str, int] = Field(description="Cases without a score, by reason.")
    relations: list[RelationResult]
    ranges: list[RangeResult]
    mean: dict[str, float | None] = Field(description="Mean of each score over the cases that have one.")
    scores: dict[str, Pair | None] = Field(description="Sensibility and rationality of each case, by its name.")

    @property
    def share_unscored(self) -> float:
        """Share of the cases that have no score."""
        return sum(self.n_unscored.values()) / self.n_cases


class RegressionRun(Findings):
    """A run that is kept beside the artifacts."""

    name: str = Field(description="Name of this record.")
    anchors_at: str = Field(default="", description="Folder or file of the anchors; empty for those of this project.")
    made_at: str
    flow_run_id: str = ""
    journal: str = Field(description="Folder of its replies, under `regressions` of the home that asked.")
    judge: JudgeName
    cost_usd: float | None = Field(description="What the calls cost, as far as that is known.")
    agreement: Drift | None = Field(default=None, description="With the accepted run; nothing without one.")
    drift: tuple[str, ...] = Field(default=(), description="What moved too far from the accepted run.")
    faults: tuple[str, ...] = Field(default=(), description="What is wrong whatever was accepted.")
    is_accepted: bool = Field(default=False, description="Whether it was accepted when it was made.")


def find_out(cases: Sequence[Case], scores: Scores, reasons: Mapping[str, str], tolerance: float) -> Findings:
    """Return what the scores of cases show; `reasons` says why a turn, by its key, has none."""
    unscored = Counter(reasons[case.turn.turn_key] for case in cases if scores[case.name] is None)
    pairs = [pair for pair in scores.values() if pair is not None]
    means = {name: round(sum(pair[at] for pair in pairs) / len(pairs), 6) if pairs else None
             for at, name in enumerate(DIMENSIONS)}  # fmt: skip
    return Findings(
        anchors=digest_cases(cases), tolerance=tolerance, n_anchors=len({case.anchor.id for case in cases}),
        n_cases=len(cases), n_unscored=dict(unscored.most_common()),
        relations=check_relations(cases, scores, tolerance), ranges=check_ranges(cases, scores), mean=means,
        scores=dict(scores),
    )  # fmt: skip


def read_scores(cases: Sequence[Case], answers: Mapping[str, Answer]) -> dict[str, Pair | None]:
    """Return the scores of cases, by their names, as the judge's answers to their turns say."""
    found: dict[str, Pair | None] = {}
    for case in cases:
        answer = answers.get(case.turn.turn_key)
        scores = answer.scores if answer else None
        found[case.name] = (scores.sensibility, scores.rationality) if scores else None
    return found


def find_faults(findings: Findings, config: RegressionConfig) -> list[str]:
    """Return what is wrong with a run by itself, a phrase each."""
    faults = []
    if findings.share_unscored > MOST_UNSCORED:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in findings.n_unscored.items())
        faults.append(
            f"{findings.share_unscored:.0%} of the cases have no score: {reasons} (at most {MOST_UNSCORED:.0%})"
        )
    if config.min_pass is not None:
        for one in findings.relations:
            if one.pass_rate is not None and one.pass_rate < config.min_pass:
                said = f"{one.n_passed:,} of {one.n:,}"
                faults.append(f"{one.relation} held in {one.pass_rate:.0%}, {said} (at least {config.min_pass:.0%})")
    return faults


def name_judge(identity: JudgeIdentity) -> JudgeName:
    """Return who a judge is, as records say it."""
    return JudgeName(judge_id=identity.judge_id, alias=identity.alias, kind=identity.kind, model=identity.model)
