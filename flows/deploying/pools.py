"""Work pools: of a type, with its job template, and a limit where two runs would not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from flows.deploying.applied import Applied, PoolType
from tasks.errors import UsageError

MARK = "Made by `empathy deploy`."
"""Ends the description of a pool of ours: pools have no tags."""


def read_pools(folder: Path, kind: PoolType) -> dict[str, WorkPoolCreate]:
    """Return the pools of `pools.yaml` by name, with the job template of their type; Prefect has that of processes."""
    pools = yaml.safe_load((folder / "pools.yaml").read_text(encoding="utf-8"))
    return {
        name: WorkPoolCreate(
            name=name,
            type=kind,
            description=f"{said['description']} {MARK}",
            concurrency_limit=said["concurrency_limit"],
            base_job_template=read_template(folder, kind, said["defaults"].get(kind, {})),
        )
        for name, said in pools.items()
    }


def read_template(folder: Path, kind: PoolType, defaults: dict[str, Any]) -> dict[str, Any]:
    """Return the job template of a type with a pool's defaults laid over its variables; empty for processes."""
    if kind == "process":
        return {}
    template: dict[str, Any] = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
    for name, value in defaults.items():
        template["variables"]["properties"][name]["default"] = value
    return template


def apply_pools(client: SyncPrefectClient, wanted: dict[str, WorkPoolCreate]) -> list[Applied]:
    """Create or update the pools. Raises UsageError where one of another type has the name; then nothing is done."""
    found = {name: find_pool(client, name) for name in wanted}
    for name, pool in found.items():
        if pool is not None and pool.type != wanted[name].type:
            raise UsageError(
                f"There is a work pool {name!r} of the type {pool.type}, and a pool keeps its type.",
                do=f"give --pool {pool.type}, or stop its workers, remove it (`prefect work-pool delete {name}`) "
                "and deploy again",
            )
    return [apply_pool(client, wanted[name], pool) for name, pool in found.items()]


def find_pool(client: SyncPrefectClient, name: str) -> WorkPool | None:
    """Return the pool of a name, if there is one."""
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        return None


def find_type(client: SyncPrefectClient) -> PoolType:
    """Return the type that the pool for scoring has, processes where there is none."""
    pool = find_pool(client, "cpu")
    return cast(PoolType, pool.type) if pool is not None and pool.type in get_args(PoolType) else "process"


def tell_adoption(name: str) -> str:
    """Return how a pool becomes ours, as one of an earlier version should; single quotes, as the mark has backticks."""
    return f"if it is yours: prefect work-pool update {name} --description '{MARK}', and deploy again"


def apply_pool(client: SyncPrefectClient, wanted: WorkPoolCreate, found: WorkPool | None) -> Applied:
    """Create the pool, or update what differs; whether it is paused is its people's business."""
    name = wanted.name
    if found is None:
        return Applied("work pool", name, "new", str(client.create_work_pool(wanted).id), wanted.type)
    if not (found.description or "").endswith(MARK):
        return Applied(
            "work pool",
            name,
            "not ours",
            str(found.id),
            f"{found.type}; used, and left as it is; {tell_adoption(name)}",
        )
    update: dict[str, Any] = {"description": wanted.description, "concurrency_limit": wanted.concurrency_limit}
    if wanted.base_job_template:
        update["base_job_template"] = wanted.base_job_template
    if all(getattr(found, field) == value for field, value in update.items()):
        return Applied("work pool", name, "unchanged", str(found.id), wanted.type)
    client.update_work_pool(name, WorkPoolUpdate(**update))
    return Applied("work pool", name, "changed", str(found.id), wanted.type)
