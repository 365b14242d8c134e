"""Scoring: ask a judge for every turn's sensibility and rationality, and keep every reply."""

from tasks.scoring.distilled import DistilledJudge, DistilledScores
from tasks.scoring.distilled_weights import DIMENSIONS, DistilledWeights, write_weights
from tasks.scoring.features import N_BUCKETS, expand_surface, extract_features, weigh_ngrams
from tasks.scoring.identity import (
    JudgeIdentity,
    identify_judge,
    read_identity,
    slugify,
    write_identity,
)
from tasks.scoring.ledger.commit import Committed, commit_segments, register_judge
from tasks.scoring.ledger.coverage import Coverage, count_coverage
from tasks.scoring.ledger.lease import hold_lease
from tasks.scoring.ledger.snapshot import choose_judge, snapshot_scores
from tasks.scoring.parsing import ParsedScores, parse_reply
from tasks.scoring.planning import Plan, PlannedTurn, plan_scoring, read_chunk
from tasks.scoring.quantile_map import QuantileMap, fit_quantile_map
from tasks.scoring.rubric import load_rubric
from tasks.scoring.run import Judge, load_judge, require_key, score_planned_chunk

__all__ = [
    "DIMENSIONS",
    "N_BUCKETS",
    "Committed",
    "Coverage",
    "DistilledJudge",
    "DistilledScores",
    "DistilledWeights",
    "Judge",
    "JudgeIdentity",
    "ParsedScores",
    "Plan",
    "PlannedTurn",
    "QuantileMap",
    "choose_judge",
    "commit_segments",
    "count_coverage",
    "expand_surface",
    "extract_features",
    "fit_quantile_map",
    "hold_lease",
    "identify_judge",
    "load_judge",
    "load_rubric",
    "parse_reply",
    "plan_scoring",
    "read_chunk",
    "read_identity",
    "register_judge",
    "require_key",
    "score_planned_chunk",
    "slugify",
    "snapshot_scores",
    "weigh_ngrams",
    "write_identity",
    "write_weights",
]
