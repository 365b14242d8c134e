"""The report as a Prefect task."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from tasks.config import ExperimentConfig
from tasks.home import open_home
from tasks.progress import report_progress
from tasks.reporting import make_report
from tasks.schema import ArtifactRef


@task(name="write report", cache_policy=NO_CACHE)
def write_run_report(
    dialogues: ArtifactRef,
    scores: ArtifactRef,
    subsets: ArtifactRef,
    experts: dict[str, ArtifactRef],
    mixture: ArtifactRef,
    evaluation: ArtifactRef,
    config: ExperimentConfig,
) -> ArtifactRef:
    """Write the HTML report and link it on the run's page."""
    report_progress("write report", 0, 1)
    parts = {"scores": scores, "subsets": subsets, "mixture": mixture, "evaluation": evaluation}
    ref = make_report(open_home(), [dialogues], parts, experts, config.model_dump(mode="json"), flow_run.ui_url or "")
    page = f"{ref.uri}/report.html"
    link = page if "://" in page else f"file://{page}"
    create_link_artifact(key="report", link=link, link_text="report.html", description=page)
    get_run_logger().info("report=%s", page)
    report_progress("write report", 1, 1)
    return ref
