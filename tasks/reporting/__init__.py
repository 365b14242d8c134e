"""Reporting: one HTML file that says what was chosen, learned and measured, and how far it can be trusted."""

from tasks.reporting.gather import make_newest_report, make_report
from tasks.reporting.inputs import REPORT_VERSION, ReportInputs, report_recipe
from tasks.reporting.write import write_report

__all__ = ["REPORT_VERSION", "ReportInputs", "make_newest_report", "make_report", "report_recipe", "write_report"]
