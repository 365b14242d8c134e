"""Audit: a blind sheet of turns for people to score, and what their scores say of a judge."""

from tasks.judges.audit.draw import AuditPlan, draw_audit
from tasks.judges.audit.judges import Audited, find_audited
from tasks.judges.audit.replaced import Replaced, find_replaced
from tasks.judges.audit.sheet import check_new_sheet, write_sheet
from tasks.judges.audit.take import Taken, read_audit, take_sheets
from tasks.judges.audit.thresholds import Thresholds, choose_thresholds

__all__ = [
    "AuditPlan",
    "Audited",
    "Replaced",
    "Taken",
    "Thresholds",
    "check_new_sheet",
    "choose_thresholds",
    "draw_audit",
    "find_audited",
    "find_replaced",
    "read_audit",
    "take_sheets",
    "write_sheet",
]
