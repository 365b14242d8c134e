"""Deployments: applied by Prefect's own command from `prefect.yaml`, and compared with what was there before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.deploying.applied import TAG, Applied
from tasks.errors import ServerError, UsageError

AUTO_RETRAIN = "auto-retrain"
"""Begins the slug of a schedule that `--auto-retrain` switches."""
COMPARED = {
    "version", "tags", "description", "parameters", "entrypoint", "work_pool_name", "job_variables", "pull_steps",
    "parameter_openapi_schema", "concurrency_options", "enforce_parameter_schema",
}  # fmt: skip

Deployments = dict[str, DeploymentResponse]


def read_names(file: Path) -> list[str]:
    """Return the deployments of `prefect.yaml`, each as FLOW/NAME."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    return [f"{flow_name(entry['entrypoint'])}/{entry['name']}" for entry in entries]


def flow_name(entrypoint: str) -> str:
    """Return the flow's name by the project's rule: the function's, with dashes."""
    return entrypoint.rpartition(".")[2].replace("_", "-")


def find_deployments(client: SyncPrefectClient, names: list[str]) -> Deployments:
    """Return those of the deployments that are on the server. Raises UsageError if one of them is not ours."""
    found: Deployments = {}
    for name in names:
        try:
            found[name] = client.read_deployment_by_name(name)
        except ObjectNotFound:
            continue
    for name, deployment in found.items():
        if TAG not in (deployment.tags or []):
            raise UsageError(
                f"There is a deployment {name} without our tag {TAG!r}: somebody else made it.",
                do="give it another name, or the tag if it is yours to replace",
            )
    return found


def apply_deployments(
    client: SyncPrefectClient, file: Path, environment: Mapping[str, str], auto_retrain: bool | None
) -> None:
    """Let Prefect apply the file; schedules stay as people had left them, also of those before one it refuses."""
    names = read_names(file)
    before = find_deployments(client, names)
    try:
        run_deploy(file, environment)
    finally:
        restore_schedules(client, before, find_deployments(client, names), auto_retrain)


def run_deploy(file: Path, environment: Mapping[str, str]) -> None:
    """Let Prefect apply the file. Raises ServerError if it refuses a deployment."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    done = subprocess.run(
        command, cwd=file.parent.parent, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise ServerError(f"Prefect refused a deployment:\n{said}", where=str(file), do="mend it")


def restore_schedules(
    client: SyncPrefectClient, before: Deployments, after: Deployments, auto_retrain: bool | None
) -> None:
    """Switch schedules on or off as people had left them: Prefect makes all of them anew; the option has its say."""
    for name, deployment in after.items():
        old = {one.slug: one.active for one in before[name].schedules} if name in before else {}
        for one in deployment.schedules:
            is_switched = auto_retrain is not None and (one.slug or "").startswith(AUTO_RETRAIN)
            is_active = auto_retrain if is_switched else old.get(one.slug, one.active)
            if is_active != one.active:
                client.update_deployment_schedule(deployment.id, one.id, active=is_active)


def compare_deployments(before: Deployments, after: Deployments) -> list[Applied]:
    """Return what became of each deployment."""
    return [
        Applied("deployment", name, _compare(before.get(name), one), str(one.id), describe_schedules(one))
        for name, one in after.items()
    ]


def list_left(client: SyncPrefectClient, known: Deployments) -> list[Applied]:
    """Return the deployments with our tag that `prefect.yaml` no longer has."""
    of_ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    ids = {one.id for one in known.values()}
    left = [one for one in client.read_deployments(deployment_filter=of_ours) if one.id not in ids]
    return [
        Applied("deployment", f"{client.read_flow(one.flow_id).name}/{one.name}", "left over", str(one.id),
                "in no file any more")
        for one in left
    ]  # fmt: skip


def describe_schedules(deployment: DeploymentResponse) -> str:
    """Return when a deployment runs by itself."""
    said = []
    for one in deployment.schedules:
        when = f"{getattr(one.schedule, 'cron', 'other')} {getattr(one.schedule, 'timezone', '') or ''}".strip()
        said.append(when if one.active else f"{when} (off)")
    return ", ".join(said)


def _compare(before: DeploymentResponse | None, after: DeploymentResponse) -> Any:
    if before is None:
        return "new"
    return "unchanged" if _facts(before) == _facts(after) else "changed"


def _facts(deployment: DeploymentResponse) -> dict[str, Any]:
    schedules = [one.model_dump(mode="json", include={"schedule", "active", "parameters", "slug"})
                 for one in deployment.schedules]  # fmt: skip
    limit = deployment.global_concurrency_limit
    return {
        **deployment.model_dump(mode="json", include=COMPARED),
        "schedules": sorted(schedules, key=str),
        "limit": limit.limit if limit else None,
    }
