"""Work pools and deployments on a server, from `deployments/prefect.yaml`; safe to repeat."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from tasks.errors import ServerError, UsageError

POOLS = {"cpu": "Scoring, selection and reports.", "gpu": "Training; give its worker the machine with the GPU."}


def deploy_all(api_url: str) -> list[str]:
    """Create the work pools and every deployment, and return the names of the deployments.

    Raises UsageError outside a clone, ServerError if Prefect refuses a deployment.
    """
    root = Path(str(resources.files("flows"))).parent
    file = root / "deployments" / "prefect.yaml"
    if not file.exists():
        raise UsageError("Deployments are made from a clone of the project.", where=str(file))
    create_pools()
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)],
        cwd=root,
        env={**os.environ, "PREFECT_API_URL": api_url, "EMPATHY_ROOT": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(
            f"Prefect refused a deployment:\n{(done.stdout + done.stderr)[-2000:]}", where=str(file), do="mend it"
        )
    deployments = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    return [f"{flow_name(entry['entrypoint'])}/{entry['name']}" for entry in deployments]


def create_pools() -> None:
    """Create the process work pools that do not exist yet."""
    with get_client(sync_client=True) as client:
        for name, description in POOLS.items():
            try:
                client.create_work_pool(WorkPoolCreate(name=name, type="process", description=description))
            except ObjectAlreadyExists:
                continue


def flow_name(entrypoint: str) -> str:
    """Return the flow's name by the project's rule: the function's, with dashes."""
    return entrypoint.rpartition(".")[2].replace("_", "-")
