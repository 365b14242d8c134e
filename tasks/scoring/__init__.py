"""Scoring: ask a judge for every turn's sensibility and rationality, and keep every reply."""

from tasks.scoring.agreement import read_bundled_agreement
from tasks.scoring.chosen import CHOSEN_FILE
from tasks.scoring.comparisons import (
    QUESTIONS_FILE,
    VERDICTS_FILE,
    make_question_key,
    plan_comparisons,
    questions_schema,
    snapshot_verdicts,
)
from tasks.scoring.distilled import BUNDLED_WEIGHTS, DistilledJudge, DistilledScores
from tasks.scoring.distilled_weights import DIMENSIONS, DistilledWeights, write_weights
from tasks.scoring.features import N_BUCKETS, expand_surface, extract_features, weigh_ngrams
from tasks.scoring.finding_encoder import load_encoder, name_encoder
from tasks.scoring.identity import (
    JudgeIdentity,
    identify_active,
    identify_judge,
    read_identity,
    slugify,
    write_identity,
)
from tasks.scoring.intervals import COVERAGE, IntervalMap, fit_interval_map
from tasks.scoring.landmarks import Encoder, Landmarks, embed_turns, measure_kernel
from tasks.scoring.ledger.answers import Answer, read_answers
from tasks.scoring.ledger.commit import ASKED, FREE_KINDS, Committed, commit_segments, register_judge
from tasks.scoring.ledger.coverage import Coverage, count_coverage
from tasks.scoring.ledger.forecast import Forecast, forecast_cost
from tasks.scoring.ledger.forgetting import count_replies, forget_replies, refuse_batches
from tasks.scoring.ledger.holding import hold_judge
from tasks.scoring.ledger.journal import Attempt, SegmentWriter, close_left_segments
from tasks.scoring.ledger.lease import Lease, hold_lease
from tasks.scoring.ledger.membership import GIVEN_UP_S
from tasks.scoring.ledger.pricing import Price, PriceTable, load_prices
from tasks.scoring.ledger.shared import SharedJournal
from tasks.scoring.ledger.snapshot import choose_judge, snapshot_scores
from tasks.scoring.ledger.spent import count_spent
from tasks.scoring.ledger.usage import JudgeUsage, read_usage
from tasks.scoring.open_run import RUNS, ScoringRun, open_judge, open_scoring_run, open_shard
from tasks.scoring.parsing import ParsedScores, parse_reply
from tasks.scoring.planning import Plan, PlannedTurn, plan_scoring, read_chunk
from tasks.scoring.quantile_map import QuantileMap, fit_quantile_map
from tasks.scoring.reasons import ASKED_AGAIN, TERMINAL
from tasks.scoring.rubric import load_rubric
from tasks.scoring.run import (
    PRICES_FILE,
    Judge,
    load_judge,
    note_spent,
    require_key,
    require_price,
    score_planned_chunk,
)
from tasks.scoring.shards import (
    ShardName,
    ShardOutcome,
    charge_run,
    check_shards,
    check_undivided,
    clear_shards,
    note_outcome,
    publish_plan,
    read_outcome,
    read_sign,
    take_plan,
)

__all__ = [
    "ASKED",
    "ASKED_AGAIN",
    "BUNDLED_WEIGHTS",
    "CHOSEN_FILE",
    "COVERAGE",
    "DIMENSIONS",
    "FREE_KINDS",
    "GIVEN_UP_S",
    "N_BUCKETS",
    "PRICES_FILE",
    "QUESTIONS_FILE",
    "RUNS",
    "TERMINAL",
    "VERDICTS_FILE",
    "Answer",
    "Attempt",
    "Committed",
    "Coverage",
    "DistilledJudge",
    "DistilledScores",
    "DistilledWeights",
    "Encoder",
    "Forecast",
    "IntervalMap",
    "Judge",
    "JudgeIdentity",
    "JudgeUsage",
    "Landmarks",
    "Lease",
    "ParsedScores",
    "Plan",
    "PlannedTurn",
    "Price",
    "PriceTable",
    "QuantileMap",
    "ScoringRun",
    "SegmentWriter",
    "ShardName",
    "ShardOutcome",
    "SharedJournal",
    "charge_run",
    "check_shards",
    "check_undivided",
    "choose_judge",
    "clear_shards",
    "close_left_segments",
    "commit_segments",
    "count_coverage",
    "count_replies",
    "count_spent",
    "embed_turns",
    "expand_surface",
    "extract_features",
    "fit_interval_map",
    "fit_quantile_map",
    "forecast_cost",
    "forget_replies",
    "hold_judge",
    "hold_lease",
    "identify_active",
    "identify_judge",
    "load_encoder",
    "load_judge",
    "load_prices",
    "load_rubric",
    "make_question_key",
    "measure_kernel",
    "name_encoder",
    "note_outcome",
    "note_spent",
    "open_judge",
    "open_scoring_run",
    "open_shard",
    "parse_reply",
    "plan_comparisons",
    "plan_scoring",
    "publish_plan",
    "questions_schema",
    "read_answers",
    "read_bundled_agreement",
    "read_chunk",
    "read_identity",
    "read_outcome",
    "read_sign",
    "read_usage",
    "refuse_batches",
    "register_judge",
    "require_key",
    "require_price",
    "score_planned_chunk",
    "slugify",
    "snapshot_scores",
    "snapshot_verdicts",
    "take_plan",
    "weigh_ngrams",
    "write_identity",
    "write_weights",
]
