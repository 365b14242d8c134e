"""Audit: a blind sheet of turns for people to score, and what their scores say of a judge."""

from tasks.judges.audit.draw import AuditPlan, draw_audit
from tasks.judges.audit.judges import find_audited
from tasks.judges.audit.sheet import check_new_sheet, write_sheet
from tasks.judges.audit.take import Taken, read_audit, take_sheets

__all__ = [
    "AuditPlan",
    "Taken",
    "check_new_sheet",
    "draw_audit",
    "find_audited",
    "read_audit",
    "take_sheets",
    "write_sheet",
]
