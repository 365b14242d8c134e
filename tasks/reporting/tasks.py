"""The report as a Prefect task."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact, create_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment, flow_run

from tasks.config import ExperimentConfig
from tasks.home import open_home
from tasks.progress import report_progress
from tasks.reporting import draw_selection, draw_sweeps, make_report
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


@task(name="show selection", cache_policy=NO_CACHE)
def show_selection(subsets: ArtifactRef) -> None:
    """Draw the shares of the subsets on the page of a run of a deployment: at a terminal nobody looks there."""
    if deployment.id is not None:
        home = open_home()
        put_picture(draw_selection(home.artifacts.read_manifest(subsets.uri)["facts"]), "selection-shares")


@task(name="draw sweep", cache_policy=NO_CACHE)
def show_sweep(rows: list[dict[str, Any]]) -> None:
    """Draw the shares over the thresholds on the run's page, a picture a rule."""
    for rule, picture in draw_sweeps(rows).items():
        put_picture(picture, f"sweep-{rule}")


def show_picture(file: Path, name: str) -> None:
    """Put a chart of the report on the run's page, if it was drawn."""
    if file.is_file():
        put_picture(file.read_bytes(), f"report-{name}")


def put_picture(picture: bytes, key: str) -> None:
    """Put a PNG on the run's page, in itself: the server need not reach the artifact store."""
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    create_image_artifact(image_url=url, key=key, description=f"{key}.png")
