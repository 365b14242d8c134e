"""Automations as files: a name is one automation, and whether it is on stays as people left it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore

from flows.deploying.applied import TAG, Applied

STORE = "$EMPATHY_STORE"
"""Stands in a file for the store whose events count."""
Switches = Mapping[str, bool | None]
"""What the command line says of a switch of the files: on, off, or nothing."""


def read_automations(folder: Path) -> list[dict[str, Any]]:
    """Return the automations of the files, in the order of their names."""
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.yaml"))]


def build_automation(said: Mapping[str, Any], deployments: Mapping[str, UUID], store_id: str) -> AutomationCore:
    """Return a file's automation for events of one store; a file names deployments, the server knows them by id."""
    actions = []
    for said_action in said["actions"]:
        action = dict(said_action)
        if "deployment" in action:
            action |= {"source": "selected", "deployment_id": deployments[action.pop("deployment")]}
        actions.append(action)
    match = {label: store_id if value == STORE else value for label, value in said["trigger"]["match"].items()}
    trigger = {**said["trigger"], "match": match}
    known = {name: said[name] for name in ("name", "description", "enabled")}
    return AutomationCore.model_validate({**known, "trigger": trigger, "tags": [TAG], "actions": actions})


def apply_automations(
    client: SyncPrefectClient,
    files: list[dict[str, Any]],
    deployments: Mapping[str, UUID],
    store_id: str,
    switches: Switches,
) -> list[Applied]:
    """Create or update the automations of the files; tell of those of ours that no file has any more."""
    applied = [
        apply_automation(client, build_automation(said, deployments, store_id), switches.get(said.get("switch", "")))
        for said in files
    ]
    names = {said["name"] for said in files}
    left = [one for one in client.read_automations() if TAG in one.tags and one.name not in names]
    return applied + [Applied("automation", one.name, "left over", str(one.id), "in no file any more") for one in left]


def apply_automation(client: SyncPrefectClient, wanted: AutomationCore, is_on: bool | None) -> Applied:
    """Create the automation, or update what differs; it is on as told, else as it was found."""
    same_name = client.read_automations_by_name(wanted.name)
    ours = next((one for one in same_name if TAG in one.tags), None)
    if ours is None and same_name:
        return Applied("automation", wanted.name, "not ours", str(same_name[0].id), "left as it is")
    before = ours.enabled if ours else wanted.enabled
    wanted = wanted.model_copy(update={"enabled": before if is_on is None else is_on})
    note = "on" if wanted.enabled else "off"
    if ours is None:
        return Applied("automation", wanted.name, "new", str(client.create_automation(wanted)), note)
    if is_alike(ours, wanted):
        return Applied("automation", wanted.name, "unchanged", str(ours.id), note)
    client.update_automation(ours.id, wanted)
    return Applied("automation", wanted.name, "changed", str(ours.id), note)


def is_alike(found: Automation, wanted: AutomationCore) -> bool:
    """Say whether the server's automation is the wanted one."""
    fields = set(AutomationCore.model_fields) - {"owner_resource"}
    return found.model_dump(mode="json", include=fields) == wanted.model_dump(mode="json", include=fields)
