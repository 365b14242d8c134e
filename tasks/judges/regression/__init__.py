"""What a judge must keep to: anchors with expected scores, metamorphic relations, and its accepted run."""

from tasks.judges.regression.anchors import Anchor, read_anchors
from tasks.judges.regression.asking import ask_cases, list_replies, read_replies, refuse_unaskable
from tasks.judges.regression.cases import Case, derive_cases, digest_cases
from tasks.judges.regression.config import RegressionConfig
from tasks.judges.regression.gate import OURS, choose_anchors, find_pass, tell_stopped
from tasks.judges.regression.record import Findings, RegressionRun, find_out
from tasks.judges.regression.runs import find_last_run, read_accepted_run, read_regressions
from tasks.judges.regression.section import measure_distilled, write_rate, write_relations
from tasks.judges.regression.session import conclude_run, raise_faults, review_run
from tasks.judges.regression.tables import describe_drift, describe_relations

__all__ = [
    "OURS",
    "Anchor",
    "Case",
    "Findings",
    "RegressionConfig",
    "RegressionRun",
    "ask_cases",
    "choose_anchors",
    "conclude_run",
    "derive_cases",
    "describe_drift",
    "describe_relations",
    "digest_cases",
    "find_last_run",
    "find_out",
    "find_pass",
    "list_replies",
    "measure_distilled",
    "raise_faults",
    "read_accepted_run",
    "read_anchors",
    "read_regressions",
    "read_replies",
    "refuse_unaskable",
    "review_run",
    "tell_stopped",
    "write_rate",
    "write_relations",
]
