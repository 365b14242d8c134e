"""The chapters of the report, one a file: each reads the material and says what it shows."""

from tasks.reporting.sections.data import describe_data
from tasks.reporting.sections.evaluation import describe_evaluation
from tasks.reporting.sections.limits import describe_limits
from tasks.reporting.sections.lineage import describe_lineage
from tasks.reporting.sections.routing import describe_routing
from tasks.reporting.sections.scores import describe_scores
from tasks.reporting.sections.selection import describe_selection
from tasks.reporting.sections.summary import summarise_report
from tasks.reporting.sections.training import describe_training

SECTIONS = (
    describe_data,
    describe_scores,
    describe_selection,
    describe_training,
    describe_routing,
    describe_evaluation,
    describe_limits,
    describe_lineage,
)

__all__ = ["SECTIONS", "summarise_report"]
