"""The report as a Prefect task."""

from __future__ import annotations

import base64
from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact, create_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from tasks.config import ExperimentConfig
from tasks.home import open_home
from tasks.progress import report_progress
from tasks.reporting import make_report
from tasks.schema import ArtifactRef

PICTURES = ("explorer", "shares")
"""Charts of the report that the run's page shows too."""


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
    home = open_home()
    ref = make_report(home, [dialogues], parts, experts, config.model_dump(mode="json"), flow_run.ui_url or "")
    page = f"{ref.uri}/report.html"
    link = page if "://" in page else f"file://{page}"
    create_link_artifact(key="report", link=link, link_text="report.html", description=page)
    for name in PICTURES:
        show_picture(home.artifacts.open(ref) / "charts" / f"{name}.png", name)
    get_run_logger().info("report=%s", page)
    report_progress("write report", 1, 1)
    return ref


def show_picture(file: Path, name: str) -> None:
    """Put a chart on the run's page, in itself: the server need not reach the artifact store."""
    if file.is_file():
        picture = base64.b64encode(file.read_bytes()).decode()
        create_image_artifact(image_url=f"data:image/png;base64,{picture}", key=f"report-{name}", description=file.name)
