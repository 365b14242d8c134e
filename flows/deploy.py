"""Work pools, deployments and automations on a server, from the files in `deployments/`; safe to repeat."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from prefect.client.orchestration import get_client

from flows.deploying.applied import Applied, PoolType
from flows.deploying.automations import apply_automations, read_automations
from flows.deploying.deployments import (
    apply_deployments,
    compare_deployments,
    find_deployments,
    list_left,
    read_names,
)
from flows.deploying.pools import apply_pool, apply_pools, find_pool, find_type, read_pools
from flows.deploying.version import find_version
from tasks.errors import UsageError
from tasks.home import open_home

IMAGE_ROOT = "/app"
"""Where the images have the project."""


def deploy_all(api_url: str, pool: PoolType | None = None, auto_retrain: bool | None = None) -> list[Applied]:
    """Put everything of `deployments/` on the server, and say what was new, changed or as it is.

    Pools are of the type they have, and of processes if there are none, unless `pool` names one. Switches of
    automations and schedules stay as they are found; `auto_retrain` sets those that start training. Automations follow
    the events of this process's artifact store only, whoever else uses the server. Raises
    UsageError outside a clone or where somebody else's pool or deployment has a name of ours, ServerError if Prefect
    refuses a deployment.
    """
    root = find_root()
    folder, file = root / "deployments", root / "deployments" / "prefect.yaml"
    names = read_names(file)
    with get_client(sync_client=True) as client:
        before = find_deployments(client, names)
        kind = pool or find_type(client)
        pools = apply_pools(client, read_pools(folder / "pools", kind))
        place = str(root) if kind == "process" else IMAGE_ROOT
        environment = {"PREFECT_API_URL": api_url, "EMPATHY_ROOT": place, "EMPATHY_VERSION": find_version(root)}
        apply_deployments(client, file, environment, auto_retrain)
        after = find_deployments(client, names)
        deployments = compare_deployments(before, after)
        ids = {name: one.id for name, one in after.items()}
        switches = {"auto_retrain": auto_retrain}
        automations = apply_automations(
            client, read_automations(folder / "automations"), ids, open_home().store_id, switches
        )
        return [*pools, *deployments, *list_left(client, after), *automations]


def make_pool(name: str) -> None:
    """Create a process pool of ours that does not exist yet: a worker would make one that then is not ours.

    Outside a clone nothing says what the pool is like, and that is left to the worker.
    """
    folder = locate_root() / "deployments" / "pools"
    if folder.exists():
        with get_client(sync_client=True) as client:
            if find_pool(client, name) is None:
                apply_pool(client, read_pools(folder, "process")[name], None)


def locate_root() -> Path:
    """Return the folder that the program stands in: a clone's, or one of installed packages."""
    return Path(str(resources.files("flows"))).parent


def find_root() -> Path:
    """Return the clone's folder. Raises UsageError where the program was installed without one."""
    root = locate_root()
    if not (root / "deployments" / "prefect.yaml").exists():
        raise UsageError("Deployments are made from a clone of the project.", where=str(root / "deployments"))
    return root
