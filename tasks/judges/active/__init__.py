"""Active scoring: an LLM is asked where it matters, the rest is guessed from that, and an audit tells how well."""

from tasks.judges.active.asking import Reason, share_out
from tasks.judges.active.conclude import conclude
from tasks.judges.active.course import AUDIT, Course, Round, plan_round
from tasks.judges.active.deliver import GUESSED, deliver_scores
from tasks.judges.active.describe import describe_active
from tasks.judges.active.pool import Pool
from tasks.judges.active.simulate import CurvePoint, open_full, simulate_curve, summarise_curve

__all__ = [
    "AUDIT",
    "GUESSED",
    "Course",
    "CurvePoint",
    "Pool",
    "Reason",
    "Round",
    "conclude",
    "deliver_scores",
    "describe_active",
    "open_full",
    "plan_round",
    "share_out",
    "simulate_curve",
    "summarise_curve",
]
