"""Pools and automations on a real server: made once, updated when their file changes, others' left alone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deploying.automations import apply_automations, read_automations
from flows.deploying.deployments import apply_deployments
from flows.deploying.pools import apply_pools, read_pools
from flows.server import Server
from tasks.errors import ServerError, UsageError

FOLDER = Path(__file__).resolve().parents[2] / "deployments"


@pytest.fixture
def client(server: Server) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: server.api_url}), get_client(sync_client=True) as opened:
        yield opened
        for name in ("cpu", "gpu"):
            opened.delete_work_pool(name)


def test_a_pool_is_made_once_and_follows_its_file(client: SyncPrefectClient) -> None:
    wanted = read_pools(FOLDER / "pools", "kubernetes")
    first = apply_pools(client, wanted)
    again = apply_pools(client, wanted)
    assert [one.state for one in first] == ["new", "new"]
    assert [(one.state, one.id) for one in again] == [("unchanged", one.id) for one in first]
    wanted["gpu"].base_job_template["variables"]["properties"]["gpus"]["default"] = 2
    assert [one.state for one in apply_pools(client, wanted)] == ["unchanged", "changed"]
    template = client.read_work_pool("gpu").base_job_template
    assert template["variables"]["properties"]["gpus"]["default"] == 2


def test_a_pool_of_somebody_else_is_used_and_left_as_it_is(client: SyncPrefectClient) -> None:
    client.create_work_pool(WorkPoolCreate(name="cpu", type="process", description="Mine.", concurrency_limit=7))
    assert [one.state for one in apply_pools(client, read_pools(FOLDER / "pools", "process"))] == ["not ours", "new"]
    note = apply_pools(client, read_pools(FOLDER / "pools", "process"))[0].note
    assert note.endswith("prefect work-pool update cpu --description 'Made by `empathy deploy`.', and deploy again")
    pool = client.read_work_pool("cpu")
    assert (pool.description, pool.concurrency_limit) == ("Mine.", 7)


def test_a_pool_of_another_type_is_refused_before_anything_is_made(client: SyncPrefectClient) -> None:
    client.create_work_pool(WorkPoolCreate(name="gpu", type="process"))
    with pytest.raises(UsageError, match="keeps its type"):
        apply_pools(client, read_pools(FOLDER / "pools", "docker"))
    assert [pool.name for pool in client.read_work_pools()] == ["gpu"]
    apply_pools(client, read_pools(FOLDER / "pools", "process"))


def test_a_pool_is_adopted_by_the_command_of_its_note(client: SyncPrefectClient) -> None:
    client.create_work_pool(WorkPoolCreate(name="cpu", type="process"))
    wanted = read_pools(FOLDER / "pools", "process")
    command = apply_pools(client, wanted)[0].note.partition("yours: ")[2].removesuffix(", and deploy again")
    subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        env={**os.environ, "PREFECT_API_URL": str(client.api_url)}, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert [one.state for one in apply_pools(client, wanted)] == ["changed", "unchanged"]


def test_a_refused_deployment_leaves_schedules_off_that_people_switched_off(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    apply_pools(client, read_pools(FOLDER / "pools", "process"))
    folder = tmp_path / "deployments"
    folder.mkdir()
    entry = {
        "name": "off", "entrypoint": "flows.ingest_dialogues.ingest_dialogues", "tags": ["empathy"],
        "work_pool": {"name": "cpu"}, "schedules": [{"cron": "0 4 * * *", "timezone": "UTC", "slug": "at-4"}],
    }  # fmt: skip
    refused = {"name": "bad", "entrypoint": "flows.nothing.nothing", "work_pool": {"name": "cpu"}}

    def apply(*entries: dict[str, Any]) -> None:
        (folder / "prefect.yaml").write_text(json.dumps({"name": "x", "deployments": list(entries)}))
        environment = {"PREFECT_API_URL": str(client.api_url)}
        apply_deployments(client, folder / "prefect.yaml", environment, None)

    apply(entry)
    deployment = client.read_deployment_by_name("ingest-dialogues/off")
    client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
    with pytest.raises(ServerError, match="refused a deployment"):
        apply({**entry, "description": "Changed."}, refused)
    after = client.read_deployment_by_name("ingest-dialogues/off")
    assert (after.description, [one.active for one in after.schedules]) == ("Changed.", [False])
    client.delete_deployment(after.id)


def test_an_automation_is_made_once_and_stays_on_or_off_as_people_left_it(server: Server) -> None:
    files = read_automations(FOLDER / "automations")
    ids = {action["deployment"]: uuid4() for said in files for action in said["actions"]}
    with temporary_settings({PREFECT_API_URL: server.api_url}), get_client(sync_client=True) as client:

        def apply(is_on: bool | None = None) -> list[tuple[str, str]]:
            return [
                (one.state, one.note) for one in apply_automations(client, files, ids, "s1", {"auto_retrain": is_on})
            ]

        assert apply() == [("new", "off"), ("new", "on")]
        assert apply() == [("unchanged", "off"), ("unchanged", "on")]
        assert apply(True) == [("changed", "on"), ("unchanged", "on")]
        client.pause_automation(client.read_automations_by_name("empathy-select-on-scores")[0].id)
        assert apply() == [("unchanged", "on"), ("unchanged", "off")]
        assert apply(False) == [("changed", "off"), ("unchanged", "off")]
        files[0]["description"] = "Said anew."
        assert apply() == [("changed", "off"), ("unchanged", "off")]
        gone = files.pop()
        assert apply() == [("unchanged", "off"), ("left over", "in no file any more")]
        for one in client.read_automations():
            client.delete_automation(one.id)
        plain = {name: gone[name] for name in ("name", "trigger")}
        client.create_automation(AutomationCore.model_validate({**plain, "actions": [{"type": "do-nothing"}]}))
        files[:] = [gone]
        assert apply() == [("not ours", "left as it is")]
