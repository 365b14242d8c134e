"""Reporting: one HTML file that says what was chosen, learned and measured, and how far it can be trusted."""

from tasks.reporting.gather import make_newest_report, make_report
from tasks.reporting.inputs import REPORT_VERSION, ReportInputs, report_recipe
from tasks.reporting.judges.keeping import keep_validation
from tasks.reporting.judges.pages import COMPARISON, VALIDATION, name_page, write_validation_page
from tasks.reporting.run_page import draw_selection, draw_sweeps
from tasks.reporting.write import write_report

__all__ = [
    "COMPARISON",
    "REPORT_VERSION",
    "VALIDATION",
    "ReportInputs",
    "draw_selection",
    "draw_sweeps",
    "keep_validation",
    "make_newest_report",
    "make_report",
    "name_page",
    "report_recipe",
    "write_report",
    "write_validation_page",
]
