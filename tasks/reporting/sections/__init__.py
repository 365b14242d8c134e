"""The chapters of the report, one a file: each reads the material and says what it shows."""

from tasks.reporting.blocks import Tab
from tasks.reporting.material import Material
from tasks.reporting.sections.data import describe_data
from tasks.reporting.sections.evaluation import describe_evaluation
from tasks.reporting.sections.judge_active import describe_active
from tasks.reporting.sections.judge_guard import describe_guard
from tasks.reporting.sections.judge_maps import describe_maps
from tasks.reporting.sections.judge_people import describe_people
from tasks.reporting.sections.judges import describe_judges
from tasks.reporting.sections.limits import describe_limits
from tasks.reporting.sections.lineage import describe_lineage
from tasks.reporting.sections.routing import describe_routing
from tasks.reporting.sections.runs import describe_runs
from tasks.reporting.sections.scores import describe_scores
from tasks.reporting.sections.selection import describe_selection
from tasks.reporting.sections.summary import summarise_report
from tasks.reporting.sections.training import describe_training

TABS = (
    ("Data", (describe_data,)),
    ("Scores", (describe_scores,)),
    ("Judges", (describe_judges, describe_people, describe_maps, describe_guard, describe_active)),
    ("Selection", (describe_selection,)),
    ("Runs", (describe_runs,)),
    ("Training", (describe_training, describe_routing)),
    ("Evaluation", (describe_evaluation,)),
    ("Limits and lineage", (describe_limits, describe_lineage)),
)
"""What each tab is called and holds; its name is that of its first section."""


def describe_tabs(material: Material) -> list[Tab]:
    """Return every chapter of the report, in the tabs they stand in."""
    tabs = []
    for title, chapters in TABS:
        sections = [describe(material) for describe in chapters]
        tabs.append(Tab(sections[0].name, title, sections))
    return tabs


__all__ = ["TABS", "describe_tabs", "summarise_report"]
